// What a browser remembers for its person: the theme, and texts that were not sent. Never anything that opens a door.

import { isEmbedded } from "./router.js";

const PREFIX = "palaver.";
const memory = new Map(); // localStorage throws where the browser refuses storage: then it is remembered for this page alone

/** A frame on somebody else's page has none: what was not sent there is none of this person's drafts here. */
function places() {
  if (isEmbedded) throw new Error("There is no storage for a frame.");
  return localStorage;
}

let isOver = false;

/** Remember nothing more: the page is about to be left to another person. */
export const rememberNoMore = () => (isOver = true);

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return places().getItem(PREFIX + name);
  } catch {
    return memory.get(name) ?? null;
  }
}

/** @param {string} name @param {string} text  "" forgets it */
export function remember(name, text) {
  if (isOver) return;
  try {
    if (text) places().setItem(PREFIX + name, text);
    else places().removeItem(PREFIX + name);
  } catch {
    memory.set(name, text);
  }
}

/** Run something when another tab remembers something else under a name, or forgets it. */
export const whenChanged = (name, run) => addEventListener("storage", (event) => event.key === PREFIX + name && run());

/** Forget all texts that were not sent: another person may sign in next. */
export function forgetDrafts() {
  try {
    const kept = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + "draft."));
    for (const name of kept) localStorage.removeItem(name);
  } catch {
    memory.clear();
  }
}
