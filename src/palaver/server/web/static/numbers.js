// Numbers as people read them: in full, or short where there is little room. What is not there is a dash.

const NOTHING = "–";
const MICRO = 1_000_000;
const MINUTE = 60;

const told = (value, options) => (value === null || value === undefined ? NOTHING : value.toLocaleString(undefined, options));

export const count = (value) => told(value);
export const short = (value) => told(value, { notation: "compact", maximumSignificantDigits: 3 });
export const mean = (value) => told(value, { minimumFractionDigits: 1, maximumFractionDigits: 2 });

/** Seconds. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds === 0) return "0 s";
  if (seconds < 1) return `${told(seconds * 1000, { maximumSignificantDigits: 3 })} ms`;
  if (seconds < MINUTE) return `${told(seconds, { maximumSignificantDigits: 3 })} s`;
  return `${Math.floor(seconds / MINUTE)} min ${Math.round(seconds % MINUTE)} s`;
}

/** A cost in millionths of the price table's unit, in that unit, to the last millionth. */
export const cost = (micro) => told(micro / MICRO, { minimumFractionDigits: 2, maximumFractionDigits: 6 });

/** The same where there is little room: 2 digits behind the point, or as many as say anything. */
export const shortCost = (micro) =>
  told(micro / MICRO, Math.abs(micro) < MICRO / 100 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 });
