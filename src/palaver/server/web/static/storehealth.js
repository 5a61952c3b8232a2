// Where everything is kept: whether it answers, and what its word is worth. The words are the server's own.

import { get, sentenceOf } from "./api.js";
import { Icon, html, signal, useEffect } from "./view.js";

const ENGINES = { sqlite: "SQLite", postgresql: "PostgreSQL", redis: "Redis" };
const STATES = { safe: ["good", "check", "Safe"], noted: ["warned", "circle-alert", "Worth knowing"], at_risk: ["bad", "circle-alert", "At risk"] };
const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** What the server tells of its store, or why it could not: `{report}`, `{trouble}`; null until it has answered. */
const told = signal(null);

async function look() {
  try {
    told.value = { report: await get("v1/store") };
  } catch (error) {
    told.value = { trouble: sentenceOf(error) };
  }
}

function sizeOf(bytes) {
  const step = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), UNITS.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step > 1 ? 1 : 0)} ${UNITS[step]}`;
}

/** How the store is, by a colour, an icon and words; a screen reader hears it when it changes. */
function Sign({ report, trouble }) {
  const [kind, icon, title] = trouble ? ["bad", "circle-alert", "Does not answer"] : STATES[report.state];
  return html`<p class=${`note ${kind}`}><${Icon} name=${icon} /><span><b>${title}.</b> ${trouble ?? report.summary}</span></p>`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function Report({ report }) {
  const settings = Object.entries(report.settings).map(([name, value]) => `${name} = ${value || "–"}`);
  return html`${[...report.risks, ...report.notes].length > 0 && html`<ul class="lines">${report.risks.map((text) => html`<li class="bad" key=${text}>${text}</li>`)}
      ${report.notes.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`}
    <dl class="facts"><${Fact} name="Store">${ENGINES[report.engine] ?? report.engine} ${report.engine_version}, schema ${report.schema_version}<//>
      <${Fact} name="Acknowledged means">${report.detail}<//>
      <${Fact} name="If the process dies">${report.process_dies}<//>
      <${Fact} name="If the power fails">${report.power_fails}<//>
      ${report.location && html`<${Fact} name="Where"><code>${report.location}</code><//>`}
      ${report.size_bytes !== null && html`<${Fact} name="Size">${sizeOf(report.size_bytes)}<//>`}
      ${settings.length > 0 && html`<${Fact} name="Settings found">${settings.join(", ")}<//>`}
      ${report.lacks.length > 0 && html`<${Fact} name="What it lacks"><ul class="lines">${report.lacks.map((each) => html`<li key=${each.feature}>${each.meaning}</li>`)}</ul><//>`}</dl>`;
}

export function StoreHealth() {
  useEffect(() => {
    look();
    return () => (told.value = null);
  }, []);
  return html`<section aria-label="Store"><div class="row"><h2>Store</h2><span class="room"></span>
      <button type="button" class="button" onClick=${look}><${Icon} name="refresh-cw" />Look again</button></div>
    <div role="status">${told.value && html`<${Sign} ...${told.value} />`}</div>
    ${told.value?.report && html`<${Report} report=${told.value.report} />`}</section>`;
}
