// The list of conversations: filters, search, pages as one scrolls, and the days they are shown under.

import { asked, get, sentenceOf } from "./api.js";
import { batch, computed, signal } from "./view.js";

const PAGE = 40;
const HITS = 50;
const HITS_SHOWN = 3;
const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;

/** What is listed: a status ("" is any), a bot, who talked, a range of ratings ("4-5"), an order, and words to search for. */
export const filters = signal({ status: "active", bot_id: "", entity_id: "", entity_type: "", external_id: "", rating: "", sort: "" });
export const words = signal("");
export const showsFilters = signal(false);
/** The conversations; null while they are asked for the first time. */
export const listed = signal(null);
/** Messages that hold the words, by conversation. */
export const hits = signal(new Map());
export const failed = signal("");

/** What new conversations are called, by their id, until they have a title: what was asked first. */
export const called = new Map();
/** Names that people just gave, by id, until the server has them. */
export const named = signal(new Map());

let next = null;
let serial = 0; // of the newest question: answers to older ones come too late
let loads = false;

/** Ask for the list anew. */
export async function reload() {
  const mine = ++serial;
  loads = false;
  try {
    const [page, found] = await Promise.all([conversationsAfter(null), findHits()]);
    if (mine !== serial) return;
    batch(() => {
      listed.value = page.data;
      hits.value = found;
      failed.value = "";
    });
    next = page.next;
  } catch (error) {
    if (mine === serial) failed.value = sentenceOf(error);
  }
}

/** What is listed, as the API asks for it. */
export function which() {
  const { rating, sort, ...same } = filters.value;
  const [least, most] = rating.split("-");
  return { ...same, min_rating: least, max_rating: most, q: words.value.trim() };
}

const conversationsAfter = (after) => get(asked("v1/conversations", { ...which(), sort: filters.value.sort, limit: PAGE, after }));

async function findHits() {
  const q = words.value.trim();
  if (!q) return new Map();
  const page = await get(asked("v1/search", { q, bot_id: filters.value.bot_id, limit: HITS }));
  const byConversation = Map.groupBy(page.data, (message) => message.conversation_id);
  return new Map([...byConversation].map(([id, found]) => [id, found.slice(0, HITS_SHOWN)]));
}

/** Load the next page, if there is one and none is on its way. */
export async function more() {
  if (!next || loads || !listed.value) return;
  const mine = serial;
  loads = true;
  try {
    const page = await conversationsAfter(next);
    if (mine !== serial) return;
    const known = new Set(listed.value.map((each) => each.id));
    listed.value = [...listed.value, ...page.data.filter((each) => !known.has(each.id))];
    next = page.next;
  } catch (error) {
    failed.value = sentenceOf(error);
  } finally {
    if (mine === serial) loads = false;
  }
}

function fits(found) {
  const { rating, sort, entity_id: entityId, entity_type: who, ...same } = filters.value;
  const [least, most] = rating.split("-");
  const isOfThem = (!entityId || found.entity?.id === entityId) && (!who || found.entity?.type === who);
  return isOfThem && (!rating || found.rating >= least && found.rating <= most) && Object.entries(same).every(([name, value]) => !value || found[name] === value);
}

/** Look how a conversation is now, of which another tab said that it has changed. */
export const learn = async (id) => noteConversation(await get(`v1/conversations/${id}`));

/** Take over what is known of a conversation: it moves to its place, comes in, or leaves the list. */
export function noteConversation(found) {
  if (!listed.value) return;
  const at = listed.value.findIndex((each) => each.id === found.id);
  const isFiltered = words.value.trim();
  if (at < 0 && (isFiltered || !fits(found))) return;
  const others = listed.value.filter((each) => each.id !== found.id);
  if (!fits(found)) listed.value = others;
  else if (filters.value.sort || at < 0 && isFiltered) listed.value = listed.value.map((each) => (each.id === found.id ? found : each));
  else listed.value = [...others, found].sort((a, b) => b.last_activity_at.localeCompare(a.last_activity_at));
}

export const forget = (id) => (listed.value = listed.value?.filter((each) => each.id !== id) ?? null);

const midnight = (time) => new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();

function dayOf(conversation, today) {
  const then = new Date(conversation.last_activity_at);
  const days = Math.round((today - midnight(then)) / DAY_MS);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < WEEK_DAYS) return then.toLocaleDateString(undefined, { weekday: "long" });
  return then.toLocaleDateString(undefined, { month: "long", year: "numeric" });
}

/** `[heading, conversations][]`: by day, where the list is in the order of time. */
export const groups = computed(() => {
  if (filters.value.sort) return [["", listed.value ?? []]];
  const today = midnight(new Date());
  return [...Map.groupBy(listed.value ?? [], (each) => dayOf(each, today))];
});
