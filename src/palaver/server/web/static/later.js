// What is loaded when it is shown first.

import { sentenceOf } from "./api.js";
import { html, useEffect, useState } from "./view.js";

/** A component whose module is loaded when it is shown first. @param {() => Promise<Function>} load */
export function later(load) {
  /** @type {Function | null} */
  let loaded = null;
  return function Later(props) {
    const [Shown, setShown] = useState(() => loaded);
    const [trouble, setTrouble] = useState("");
    useEffect(() => {
      if (!Shown) load().then((found) => setShown(() => (loaded = found)), (error) => setTrouble(sentenceOf(error)));
    }, []);
    if (Shown) return html`<${Shown} ...${props} />`;
    return html`<main id="main" class="main" tabindex="-1">${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}</main>`;
  };
}
