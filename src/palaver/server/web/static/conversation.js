// The conversation that is open: what is known of it, its messages, its branches.

import { asked, get, patch, post, sentenceOf } from "./api.js";
import { named, noteConversation } from "./listing.js";
import { tellOthers } from "./others.js";
import { mayWrite } from "./session.js";
import { batch, computed, signal } from "./view.js";

const PAGE = 50;
const PAGE_MAX = 200;

/** What the API says of it; null while a new one has not begun. */
export const conversation = signal(null);
/** Its messages, the oldest first, as far back as they were loaded; null while they are. */
export const messages = signal(null);
/** The answer that is being written in it, and read along here; null if none is. */
export const running = signal(null);
/** The cursor of earlier messages; null at the begin. */
export const earlier = signal(null);
/** Why it can't be shown, as a sentence; null if it can. */
export const trouble = signal(null);
/** By turn: all turns that continue the same one, in order. */
export const versions = signal(new Map());
/** The id of a message to show in its place, which the log takes and clears. */
export const wanted = signal(null);

let leaving = new AbortController();

/** Ends what reads for the conversation that was open before. */
export const whileOpen = () => leaving.signal;

/**
 * A message as the page shows it: what can change is a signal. `key` stays while `id` becomes known.
 * `error` and `reason` tell how its turn ended; `found` has the ranks that the marks in its text may name.
 */
export function shown(message) {
  const thoughts = (message.parts ?? []).filter((part) => part.type === "reasoning").map((part) => part.text);
  return {
    ...message,
    key: message.key ?? message.id,
    anchor: signal(message.id), // what its element is found by
    images: (message.parts ?? []).filter((part) => part.type === "image").map((part) => part.attachment_id),
    text: signal(message.text ?? ""),
    reasoning: signal(thoughts.join("\n")),
    status: signal(message.status),
    citations: signal(message.citations ?? []),
    found: (message.citations ?? []).map((each) => each.rank),
    rating: signal(message.rating ?? null),
    feedback: signal(message.feedback ?? null),
    error: signal(null),
    reason: signal(null),
  };
}

/** Whether one may ask here: it is no ended conversation, and the person may write. */
export const mayAsk = computed(() => mayWrite.value && (conversation.value?.status ?? "active") === "active");

/** Whether an answer with this status is still being written, or will be. */
export const isOpen = (status) => status === "running" || status === "queued";

/**
 * Close what is open and open another; `messageId` is brought into view. null begins a new one.
 * @param {string | null | undefined} id @param {string | null} [messageId]
 */
export async function open(id, messageId = null) {
  if (id && id === conversation.value?.id && messages.value) {
    if (messageId) await reach(messageId);
    return;
  }
  leaving.abort();
  leaving = new AbortController();
  batch(() => {
    conversation.value = null;
    messages.value = id ? null : [];
    earlier.value = trouble.value = null;
    running.value = null;
    versions.value = new Map();
  });
  if (!id) return;
  const mine = leaving.signal;
  try {
    await loadNewest(id, mine);
    if (messageId && !mine.aborted) await reach(messageId);
  } catch (error) {
    if (!mine.aborted) trouble.value = error.code === "not_found" ? "This conversation is not here. It may have been deleted." : sentenceOf(error);
  }
}

/** Load the newest messages. What stands already stays, so that nothing flickers. */
export async function loadNewest(id, mine = leaving.signal) {
  const path = `v1/conversations/${id}`;
  const [found, page] = await Promise.all([
    get(path, { signal: mine }),
    get(asked(`${path}/messages`, { order: "desc", limit: PAGE }), { signal: mine }),
  ]);
  if (mine.aborted || running.value) return;
  batch(() => {
    conversation.value = found;
    merge(page.data.toReversed(), page.next);
  });
  noteConversation(found);
  await loadVersions(id, mine);
}

/** Whether the server has not heard of a message yet, as far as anybody knows. */
const isUnsent = (message) => !message.turn_id;

function merge(newest, next) {
  const now = messages.value ?? [];
  const byId = new Map(now.map((message) => [message.id, message]));
  const same = (message) => {
    const old = byId.get(message.id);
    return old && old.status.value === message.status && !isOpen(message.status) ? old : shown(message);
  };
  const joint = now.findIndex((message) => message.id === newest[0]?.id);
  if (joint < 0) earlier.value = next;
  messages.value = [...now.slice(0, Math.max(joint, 0)), ...newest.map(same), ...now.filter(isUnsent)];
}

/** Load messages before those that are there. */
export async function loadEarlier(limit = PAGE) {
  const id = conversation.value.id;
  const mine = leaving.signal;
  const query = { order: "desc", limit, after: earlier.value };
  const page = await get(asked(`v1/conversations/${id}/messages`, query), { signal: mine });
  if (mine.aborted) return;
  batch(() => {
    messages.value = [...page.data.toReversed().map(shown), ...messages.value];
    earlier.value = page.next;
  });
}

/** Load as far back as a message is, and have the log show it. */
async function reach(messageId) {
  const mine = leaving.signal;
  const isThere = () => messages.value.some((message) => message.id === messageId);
  while (!mine.aborted && !isThere() && earlier.value) await loadEarlier(PAGE_MAX);
  if (!mine.aborted && isThere()) wanted.value = messageId;
}

async function loadVersions(id, mine) {
  const { data } = await get(`v1/conversations/${id}/branches`, { signal: mine });
  if (mine.aborted) return;
  const families = Map.groupBy(data, (branch) => branch.parent_id);
  versions.value = new Map([...families.values()].flatMap((family) => family.map((branch) => [branch.turn_id, family])));
}

/** Show another version of what was said from here on. @param {{turn_id: string, leaf_turn_id: string}} branch */
export async function switchTo(branch) {
  const id = conversation.value.id;
  await post(`v1/conversations/${id}/head`, { turn_id: branch.leaf_turn_id });
  messages.value = messages.value.filter(isUnsent);
  await loadNewest(id);
  const there = messages.value.find((message) => message.role === "assistant" && message.turn_id === branch.turn_id);
  if (there) wanted.value = there.id;
}

/** Look whether another tab or device went on here. */
export async function refresh() {
  const now = conversation.value;
  if (!now || running.value || messages.value === null) return;
  const mine = leaving.signal;
  const found = await get(`v1/conversations/${now.id}`, { signal: mine });
  if (mine.aborted || running.value || found.version < conversation.value.version) return; // an edit was faster than this look
  const moved = ["message_count", "head_turn_id", "running_turn_id", "last_activity_at"].some((name) => found[name] !== now[name]);
  conversation.value = found;
  noteConversation(found);
  if (moved) await loadNewest(now.id, mine);
}

/** Take over what the API says of a conversation that a person changed, here or in the list. */
export function tookOver(found) {
  if (conversation.value?.id === found.id) conversation.value = found;
  noteConversation(found);
  tellOthers(found.id);
  return found;
}

/** Rename: the name is shown at once, and whatever else comes meanwhile is not. */
export async function rename(id, title) {
  named.value = new Map(named.value).set(id, title);
  try {
    tookOver(await patch(`v1/conversations/${id}`, { title }));
  } finally {
    named.value = new Map([...named.value].filter(([each]) => each !== id));
  }
}

export const reopen = async (id) => tookOver(await post(`v1/conversations/${id}/reopen`));
export const archive = async (id) => tookOver(await post(`v1/conversations/${id}/archive`));
export const end = async (id, how = {}) => tookOver(await post(`v1/conversations/${id}/end`, how));
