// The keys that work everywhere on the page.

import { showKeys } from "./dialogs.js";

/** @type {[string, string][]} */
const LIST = [
  ["Enter", "Send"],
  ["Shift+Enter", "New line"],
  ["↑", "Edit the last question, from the empty box"],
  ["Esc", "Stop the answer"],
  ["Ctrl+Shift+O", "New conversation"],
  ["Ctrl+K", "Search"],
  ["Ctrl+Shift+S", "Show or hide the list"],
  ["Shift+Esc", "To the box"],
  ["Ctrl+/", "This list"],
];

export const showShortcuts = () => showKeys(LIST);

const nameOf = (event) =>
  [(event.ctrlKey || event.metaKey) && "ctrl", event.shiftKey && "shift", event.key.toLowerCase()].filter(Boolean).join("+");

/** @param {Record<string, () => unknown>} runs  by a name like "ctrl+shift+o"; what returns false was not for it */
export function listen(runs) {
  addEventListener("keydown", (event) => {
    const run = runs[nameOf(event)];
    if (!run || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (run() !== false) event.preventDefault();
  });
}
