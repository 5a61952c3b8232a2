// The bots of the tenant, and the one that the next conversation is with.

import { asked, get, patch, post, remove } from "./api.js";
import { recall, remember } from "./storage.js";
import { computed, signal } from "./view.js";

const PAGE = 200;

/** All bots, newest first; null until they are known. */
export const bots = signal(null);
const wanted = signal(recall("bot"));

/** The bot of a new conversation; null where there is none. */
export const chosen = computed(() => bots.value?.find((bot) => bot.id === wanted.value) ?? bots.value?.[0] ?? null);
export const botOf = (id) => bots.value?.find((bot) => bot.id === id) ?? null;

export function choose(id) {
  wanted.value = id;
  remember("bot", id);
}

export async function loadBots() {
  let after = null;
  const found = [];
  do {
    const page = await get(asked("v1/bots", { limit: PAGE, after }));
    found.push(...page.data);
    after = page.next;
  } while (after);
  bots.value = found;
}

/** @param {{name: string, instructions?: string, model?: string}} fields */
export async function createBot(fields) {
  const bot = await post("v1/bots", fields);
  bots.value = [bot, ...(bots.value ?? [])];
  choose(bot.id);
  return bot;
}

/** Change a bot as it was seen: what somebody else changed since is not overwritten. */
export async function editBot(bot, fields) {
  const changed = await patch(`v1/bots/${bot.id}`, fields, { headers: { "If-Match": `"${bot.version}"` } });
  bots.value = bots.value.map((each) => (each.id === bot.id ? changed : each));
  return changed;
}

export async function deleteBot(bot) {
  await remove(`v1/bots/${bot.id}`);
  bots.value = bots.value.filter((each) => each.id !== bot.id);
}

export async function restoreBot(bot) {
  bots.value = [await post(`v1/bots/${bot.id}/restore`), ...bots.value];
}
