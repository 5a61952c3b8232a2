// What is told in passing: toasts that one sees, and what a screen reader says.

import { sentenceOf } from "./api.js";
import { html, signal } from "./view.js";

const SHOWN_MS = 6000;
const toasts = signal([]);

/** Show a sentence for a while. @param {{label: string, run: () => void}} [action] */
export function toast(text, action) {
  const one = { text, action, key: Symbol() };
  toasts.value = [...toasts.value, one];
  setTimeout(() => dismiss(one), SHOWN_MS);
}

const dismiss = (one) => (toasts.value = toasts.value.filter((each) => each !== one));

/** Run what a person asked for; what goes wrong is told. */
export async function trying(doing) {
  try {
    return await doing();
  } catch (error) {
    toast(sentenceOf(error));
    return undefined;
  }
}

const Toast = ({ one }) => {
  const act = () => {
    dismiss(one);
    one.action.run();
  };
  return html`<div class="toast">${one.text}
    ${one.action && html`<button type="button" onClick=${act}>${one.action.label}</button>`}</div>`;
};

export const Toasts = () =>
  html`<div class="toasts" role="status">${toasts.value.map((one) => html`<${Toast} key=${one.key} one=${one} />`)}</div>`;

// A screen reader hears that an answer begins, that it goes on, that it is complete, and then all of it once: never tokens.
const status = signal("");
const finished = signal("");

export const announce = (text) => (status.value = text);
export const readOut = (text) => (finished.value = text);

export const Announcer = () => html`<div class="sr" role="status">${status}</div>
  <div class="sr" role="log" aria-label="The newest answer" aria-live="polite">${finished}</div>`;
