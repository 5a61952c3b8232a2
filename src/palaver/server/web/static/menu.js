// A menu at a button: arrow keys, Escape, a click elsewhere; the focus goes back to the button.

import { Icon, IconButton, html, useLayoutEffect, useRef, useState } from "./view.js";

/** @param {{label: string, items: {icon: string, label: string, run: () => void, bad?: boolean}[]}} props */
export function Menu({ label, items }) {
  const [at, setAt] = useState(null);
  const button = useRef();
  const list = useRef();
  const close = () => {
    setAt(null);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!at) return undefined;
    list.current.querySelector("button").focus();
    const elsewhere = (event) => list.current?.contains(event.target) || setAt(null);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [at]);
  const open = () => {
    const box = button.current.getBoundingClientRect();
    const height = items.length * 36 + 10;
    const above = box.bottom + height > innerHeight;
    setAt({ left: `${Math.max(8, box.right - 170)}px`, top: `${above ? box.top - height : box.bottom + 4}px` });
  };
  const move = (event) => {
    const all = [...list.current.querySelectorAll("button")];
    const now = all.indexOf(document.activeElement);
    const steps = { ArrowDown: (now + 1) % all.length, ArrowUp: (now - 1 + all.length) % all.length, Home: 0, End: all.length - 1 };
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key in steps) all[steps[event.key]].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const choose = (item) => {
    close();
    item.run();
  };
  return html`<span class="menu-place" ref=${(place) => (button.current = place?.querySelector("button"))}>
    <${IconButton} icon="ellipsis" label=${label} class="small" aria-haspopup="menu" aria-expanded=${Boolean(at)}
      onClick=${() => (at ? close() : open())} />
    ${at && html`<div class="menu" role="menu" aria-label=${label} style=${at} ref=${list} onKeyDown=${move}>
      ${items.map((item) => html`<button key=${item.label} type="button" role="menuitem" tabindex="-1" class=${item.bad ? "bad" : ""}
        onClick=${() => choose(item)}><${Icon} name=${item.icon} />${item.label}</button>`)}</div>`}</span>`;
}
