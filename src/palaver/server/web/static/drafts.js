// What a person wrote and what was not sent of it: kept for each conversation, also over a reload.

import { place } from "./router.js";
import { recall, remember } from "./storage.js";
import { signal } from "./view.js";

const nameOf = (id) => `draft.${id ?? "new"}`;
const isHere = (id) => (id ?? null) === (place.value.id ?? null);

/** What stands in the box of the conversation that is open. */
export const draft = signal("");

export const takeUp = () => (draft.value = recall(nameOf(place.value.id)) ?? "");

/** @param {string} text @param {string | null} [id]  of the conversation; null: of a new one */
export function write(text, id = place.value.id) {
  remember(nameOf(id), text);
  if (isHere(id)) draft.value = text;
}

/** What could not be sent is the person's again, in front of what was written there since. @param {string} text @param {string | null} id */
export function giveBack(text, id) {
  const since = isHere(id) ? draft.value : (recall(nameOf(id)) ?? "");
  write(since.trim() ? `${text}\n\n${since}` : text, id);
}

/** A new conversation has begun: what was written meanwhile is of it. @param {string} id */
export function moveTo(id) {
  const since = draft.value;
  write("", null);
  remember(nameOf(id), since);
}
