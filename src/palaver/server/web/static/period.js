// The time and the bot that the analytics tell of: as they are chosen, and as they stand in the address, so that a link shows the same.

const DAY_MS = 86_400_000;
const FIRST_YEAR = 1971; // before it the server tells of nothing
export const OWN = "own";

/** `[value, text]`: what one can choose. */
export const PERIODS = [
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["90d", "Last 90 days"],
  ["month", "This month"],
  ["last-month", "Last month"],
  [OWN, "From – to"],
];
const USUAL = "30d";

/** The time zone of this browser. */
export const homeZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** @param {any} text @returns {text is string} */
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && Number(text.slice(0, 4)) >= FIRST_YEAR && !Number.isNaN(Date.parse(text));
const written = (time) => new Date(time).toISOString().slice(0, 10);
const plus = (day, days) => written(Date.parse(day) + days * DAY_MS);

function isZone(zone) {
  try {
    return Boolean(zone) && Boolean(new Intl.DateTimeFormat(undefined, { timeZone: zone }));
  } catch {
    return false;
  }
}

/** Today, as `2026-01-31`, by the clocks of a zone. */
const todayIn = (zone) => new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format();

/** The first and the last day of what is chosen. */
export function spanOf({ period, from, to, zone }) {
  const today = todayIn(zone);
  if (period === OWN) return { from, to };
  if (period === "month") return { from: `${today.slice(0, 7)}-01`, to: today };
  if (period === "last-month") {
    const last = plus(`${today.slice(0, 7)}-01`, -1);
    return { from: `${last.slice(0, 7)}-01`, to: last };
  }
  return { from: plus(today, 1 - parseInt(period, 10)), to: today };
}

/** What an address says: `{period, from, to, zone, botId}`. What means nothing is as usual. @param {string} [search]  "?…" */
export function read(search) {
  const said = new URLSearchParams(search);
  const [from, to] = [said.get("from"), said.get("to")];
  const isOwn = isDay(from) && isDay(to) && from <= to;
  const named = PERIODS.some(([value]) => value !== OWN && value === said.get("period")) ? said.get("period") : USUAL;
  const bot = said.get("bot");
  return {
    period: isOwn ? OWN : named,
    from: isOwn ? from : null,
    to: isOwn ? to : null,
    zone: isZone(said.get("timezone")) ? said.get("timezone") : homeZone,
    botId: /^bot_[0-9a-f]{32}$/.test(bot ?? "") ? bot : null,
  };
}

/** The same as the query of an address. */
export function write({ period, from, to, zone, botId }) {
  /** @type {Record<string, string>} */
  const time = period === OWN ? { from, to } : { period };
  return `?${new URLSearchParams({ ...time, timezone: zone, ...(botId ? { bot: botId } : {}) })}`;
}

/** What is chosen after a change; a first day behind the last one takes it along, and the other way round. */
export function changed(chosen, change) {
  const next = { ...chosen, ...change };
  if (next.period !== OWN) return next;
  const { from, to } = chosen.period === OWN ? next : { ...spanOf(chosen), ...change };
  if (!isDay(from) || !isDay(to)) return chosen;
  if (from <= to) return { ...next, from, to };
  return { ...next, from: change.to ? to : from, to: change.from ? from : to };
}

/** What the API is asked for. */
export const queryOf = (chosen) => ({ ...spanOf(chosen), timezone: chosen.zone, bot_id: chosen.botId });

const onDay = (day, options) => new Date(`${day}T12:00Z`).toLocaleDateString(undefined, { ...options, timeZone: "UTC" });

/** A day in few words: 31 Jan. */
export const shortDay = (day) => onDay(day, { day: "numeric", month: "short" });

/** A day in full. */
export const longDay = (day) => onDay(day, { weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** The days of a span in words. */
export function spanInWords({ from, to }) {
  const format = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return format.formatRange(new Date(`${from}T12:00Z`), new Date(`${to}T12:00Z`));
}
