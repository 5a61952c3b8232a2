// Times as people say them: "3 minutes ago". The exact one is the tip.

import { html } from "./view.js";

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** @param {string} at  a time of the API */
function said(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit);
  }
  return seconds > 0 ? "in less than a minute" : "just now";
}

/** @param {{at: string}} props */
export const Moment = ({ at }) => html`<time datetime=${at} title=${new Date(at).toLocaleString()}>${said(at)}</time>`;

/** How long ago something began: "12 s", "3 min 5 s", "2 h 10 min". */
export function lasting(at) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
