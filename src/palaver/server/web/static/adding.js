// Documents that are no files: a page of the web by its address, which the server fetches, and a text.

import { post, sentenceOf } from "./api.js";
import { html, useLayoutEffect, useRef, useState } from "./view.js";

const Address = html`<label class="labelled"><span>Address</span>
  <input class="field" name="url" type="url" required maxlength="2000" placeholder="With https or http in front" spellcheck=${false} /></label>`;
const Text = html`<label class="labelled"><span>Text</span><textarea class="field" name="text" rows="8" required maxlength="1000000"></textarea></label>`;

const KINDS = {
  url: { label: "Add a web page", content: Address, note: "The page's own title where this is empty", busy: "Fetching …" },
  text: { label: "Add text", content: Text, note: "How answers name it as their source", busy: "Adding …" },
};

/** @param {{botId: string, kind: "url" | "text", onAdded: () => void, onLeft: () => void}} props */
export function Adding({ botId, kind, onAdded, onLeft }) {
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const form = useRef();
  const { label, content, note, busy } = KINDS[kind];
  useLayoutEffect(() => form.current.querySelector(".field").focus(), []);
  const add = async (event) => {
    event.preventDefault();
    const given = Object.entries(Object.fromEntries(new FormData(event.target))).filter(([, value]) => value.trim());
    setTrouble("");
    setIsBusy(true);
    try {
      await post(`v1/bots/${botId}/documents`, Object.fromEntries(given));
      onAdded();
    } catch (error) {
      setTrouble(sentenceOf(error));
      setIsBusy(false);
    }
  };
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onLeft();
  };
  return html`<form ref=${form} class="framed" aria-label=${label} onSubmit=${add} onKeyDown=${onKeyDown}>${content}
    <label class="labelled"><span>Title</span><input class="field" name="title" required=${kind === "text"} maxlength="200" placeholder=${note} /></label>
    ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
    <div class="buttons"><button type="button" class="button" onClick=${onLeft}>Cancel</button>
      <button class="button primary" disabled=${isBusy}>${isBusy ? busy : "Add"}</button></div></form>`;
}
