// Which pictures of the figures there are: each says what it shows of a day, and which columns of the CSV have its numbers.

import { cost, count, duration, short, shortCost } from "./numbers.js";

const counts = { axis: short, exact: count, whole: true };
const times = { axis: duration, exact: duration };

const WITHIN = "half (p50) and 95 % (p95) within";

/**
 * `of` are the name of a series and how figures give its value. The rest is as a chart takes it.
 * @typedef {{title: string, note?: string, kind: "bars" | "lines", axis: (value: number) => string, exact: (value: number | null) => string,
 *   whole?: boolean, isCost?: boolean, columns: string[], of: [string, (figures: any, label?: any) => number | null][]}} Picture
 */

/** Of days. @type {Picture[]} */
export const OF_DAYS = [
  { title: "Conversations", kind: "bars", ...counts, columns: ["conversations"], of: [["begun", (day) => day.conversations]] },
  {
    title: "Turns, by how they ended",
    kind: "bars",
    ...counts,
    columns: ["completed", "interrupted", "failed"],
    of: [
      ["completed", (day) => day.completed],
      ["interrupted", (day) => day.interrupted],
      ["failed", (day) => day.failed],
    ],
  },
  {
    title: "Time to the whole answer",
    note: WITHIN,
    kind: "lines",
    ...times,
    columns: ["response_seconds_median", "response_seconds_p95"],
    of: [
      ["p50", (day) => day.response_seconds.median],
      ["p95", (day) => day.response_seconds.p95],
    ],
  },
  {
    title: "Time to the first word",
    note: WITHIN,
    kind: "lines",
    ...times,
    columns: ["first_token_seconds_median", "first_token_seconds_p95"],
    of: [
      ["p50", (day) => day.first_token_seconds.median],
      ["p95", (day) => day.first_token_seconds.p95],
    ],
  },
  {
    title: "Tokens",
    kind: "bars",
    ...counts,
    columns: ["input_tokens", "output_tokens"],
    of: [
      ["in", (day) => day.input_tokens],
      ["out", (day) => day.output_tokens],
    ],
  },
  { title: "Cost", kind: "bars", axis: shortCost, exact: cost, columns: ["cost_micro"], isCost: true, of: [["cost", (day) => day.cost_micro]] },
  { title: "Active users and leads", kind: "bars", ...counts, columns: ["active_entities"], of: [["active", (day) => day.active_entities]] },
  { title: "Answered with nothing from documents", kind: "bars", ...counts, columns: ["unfound"], of: [["not found", (day) => day.unfound]] },
];

const STARS = ["1", "2", "3", "4", "5"];
const RATED = ["message_ratings", "conversation_ratings"];

/** How often each number of stars was given, in all of the time. @type {Picture & {labels: string[]}} */
export const RATINGS = {
  title: "Ratings",
  kind: "bars",
  ...counts,
  labels: STARS,
  columns: RATED.flatMap((name) => STARS.map((stars) => `${name}_${stars}`)),
  of: [
    ["answers", (total, stars) => total.message_ratings.counts[stars] ?? 0],
    ["conversations", (total, stars) => total.conversation_ratings.counts[stars] ?? 0],
  ],
};
