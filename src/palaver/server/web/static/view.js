// What every module that shows something imports: templates, hooks, signals, icons, buttons.

import { h, render } from "./vendor/preact.js";
import { useEffect, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";

export { render };
export { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";
export { batch, computed, effect, signal } from "./vendor/signals.js";
export const html = htm.bind(h);

const ICONS = new URL("./vendor/icons.svg", import.meta.url).pathname;

/** @param {{name: string, filled?: boolean}} props */
export const Icon = ({ name, filled }) =>
  html`<svg class=${filled ? "icon filled" : "icon"} aria-hidden="true"><use href=${`${ICONS}#${name}`} /></svg>`;

/** A button that is an icon; `label` is its name for whoever can't see it, and its tip. */
export const IconButton = ({ icon, label, filled, class: kind = "", ...rest }) =>
  html`<button type="button" class=${`icon-button ${kind}`} aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} filled=${filled} /></button>`;

/** False when a view is shown first, true right behind: what one does not look for at once holds nothing up. */
export function useSoon() {
  const [isSoon, setIsSoon] = useState(false);
  useEffect(() => setIsSoon(true), []);
  return isSoon;
}

/** @returns {string} 32 hex digits that nobody guesses; `crypto.randomUUID` is missing where a page came without TLS */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Copy a text, also where there is no clipboard API (a page that came without TLS). */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "sr";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** A text of at most so many characters, shortened behind a word where one ends. @param {string} text @param {number} most */
export function shortened(text, most) {
  if (text.length <= most) return text;
  const at = text.lastIndexOf(" ", most - 1);
  return text.slice(0, at > most / 3 ? at : most - 1).replace(/[ ,.;:\-–—]+$/, "") + "…";
}
