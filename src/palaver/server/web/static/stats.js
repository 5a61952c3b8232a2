// The figures that the analytics page shows, asked for anew when another time or bot is chosen.

import { asked, get, sentenceOf } from "./api.js";
import { base } from "./router.js";
import { batch, signal } from "./view.js";

const ROWS = 200;
const FIGURES = "v1/analytics/figures";

/** `{query, total, days, bots, models}`: the reports; null while they are asked for the first time. */
export const stats = signal(null);
/** Why they can't be shown, as a sentence. */
export const trouble = signal("");
export const isAsking = signal(false);

let asking = new AbortController();

/** Ask for all figures of a time. What stands stays until they are there. */
export async function load(query) {
  asking.abort();
  asking = new AbortController();
  const mine = asking.signal;
  isAsking.value = true;
  trouble.value = "";
  const report = (by) => get(asked(FIGURES, { ...query, by, limit: ROWS }), { signal: mine });
  try {
    const [days, bots, models] = await Promise.all(["day", "bot", "model"].map(report));
    if (!mine.aborted) stats.value = { query, total: days.total, days: days.rows, bots, models };
  } catch (error) {
    if (mine.aborted) return;
    batch(() => {
      stats.value = null;
      trouble.value = sentenceOf(error);
    });
  }
  if (!mine.aborted) isAsking.value = false;
}

/** The address of the same figures as a file that the server writes. */
export const csvOf = (query, by, columns) => base + asked(`${FIGURES}.csv`, { ...query, by, limit: ROWS, columns: columns?.join(",") });
