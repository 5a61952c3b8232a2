// Conversations as files: one, or all that the list shows. Each is a link that the browser downloads, as big as it may be.

import { asked } from "./api.js";
import { show } from "./dialogs.js";
import { base } from "./router.js";
import { html } from "./view.js";

/** @type {[string, string, Record<string, string>][]} */
const FILES = [
  ["HTML", "to read, print and keep", { format: "html" }],
  ["Markdown", "to read and to quote", { format: "markdown" }],
  ["CSV, messages", "a table with a row for each message", { format: "csv", rows: "messages" }],
  ["CSV, turns", "a row for each question with its answer", { format: "csv", rows: "turns" }],
  ["CSV, conversations", "a row for each conversation", { format: "csv", rows: "conversations" }],
  ["JSONL", "everything; an import brings it back", { format: "jsonl" }],
  ["JSONL for fine-tuning", "questions and answers to train a model on", { format: "finetuning" }],
];

/** Offer each kind of file. @param {string} what  what is exported, as a title @param {string} path  of the API @param {object} [which]  its filters */
export const offerFiles = (what, path, which = {}) => show(`Export ${what}`, html`<h2>Export ${what}</h2>
  <ul class="files">${FILES.map(([kind, use, how]) => html`<li key=${kind}>
    <a download href=${base + asked(path, { ...which, ...how })}>${kind}</a><span class="quiet">${use}</span></li>`)}</ul>`);
