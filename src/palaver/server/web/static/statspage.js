// The analytics: totals, pictures by day, tables of bots and models, and what was not found in documents.

import { bots } from "./bots.js";
import { Chart, CsvLink } from "./charts.js";
import { cost, count, duration, mean, short, shortCost } from "./numbers.js";
import { OWN, PERIODS, changed, homeZone, longDay, queryOf, read, shortDay, spanInWords, spanOf, write } from "./period.js";
import { OF_DAYS, RATINGS } from "./pictures.js";
import { addressOfBot, addressOfStats, go, place } from "./router.js";
import { csvOf, isAsking, load, stats, trouble } from "./stats.js";
import { Unfound } from "./unfound.js";
import { html, useEffect } from "./view.js";

const choose = (chosen, change) => go(addressOfStats(write(changed(chosen, change))));

const Day = ({ label, value, onChoose }) => html`<label class="labelled"><span>${label}</span>
  <input class="field" type="date" value=${value} min="1971-01-01" max="2999-12-31" onChange=${(event) => onChoose(event.target.value)} /></label>`;

function Choices({ chosen }) {
  const span = spanOf(chosen);
  return html`<form class="choices" aria-label="What is shown" onSubmit=${(event) => event.preventDefault()}>
    <label class="labelled"><span>Time</span><select class="field" value=${chosen.period} onChange=${(event) => choose(chosen, { period: event.target.value })}>
      ${PERIODS.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>
    ${chosen.period === OWN && html`<${Day} label="From" value=${chosen.from} onChoose=${(from) => choose(chosen, { from })} />
      <${Day} label="To" value=${chosen.to} onChoose=${(to) => choose(chosen, { to })} />`}
    <label class="labelled"><span>Bot</span><select class="field" value=${chosen.botId ?? ""} onChange=${(event) => choose(chosen, { botId: event.target.value || null })}>
      <option value="">All bots</option>${bots.value.map((bot) => html`<option key=${bot.id} value=${bot.id}>${bot.name}</option>`)}</select></label>
    <p class="quiet" role="status">${spanInWords(span)}, days of ${chosen.zone}</p>
    ${chosen.zone !== homeZone && html`<button type="button" class="button plain" onClick=${() => choose(chosen, { zone: homeZone })}>Days of ${homeZone}</button>`}</form>`;
}

const Total = ({ name, value, exact, children }) => html`<div class="total"><dt>${name}</dt><dd title=${exact}>${value}</dd>
  ${children && html`<dd class="quiet">${children}</dd>`}</div>`;

/** Whether turns cost something, and nobody knows what. */
const hasNoPrice = (figures) => figures.unpriced_turns > 0 && figures.cost_micro === 0;

const priceNote = (figures) => figures.unpriced_turns > 0 && (hasNoPrice(figures) ? "no price configured" : `${count(figures.unpriced_turns)} turns without a price`);

const costOf = (figures) => (hasNoPrice(figures) ? "–" : shortCost(figures.cost_micro));

const rated = ({ average, count: all }) => (all ? `${mean(average)} / 5` : "–");

const Totals = ({ total }) => html`<dl class="totals">
  <${Total} name="Conversations" value=${short(total.conversations)} exact=${count(total.conversations)}>${count(total.active_entities)} active users and leads<//>
  <${Total} name="Turns" value=${short(total.turns)} exact=${count(total.turns)}>${count(total.completed)} completed, ${count(total.interrupted)} interrupted, ${count(total.failed)} failed<//>
  <${Total} name="Whole answer" value=${duration(total.response_seconds.median)}>p95 ${duration(total.response_seconds.p95)}<//>
  <${Total} name="First word" value=${duration(total.first_token_seconds.median)}>p95 ${duration(total.first_token_seconds.p95)}<//>
  <${Total} name="Tokens" value=${short(total.input_tokens + total.output_tokens)} exact=${count(total.input_tokens + total.output_tokens)}>
    ${count(total.input_tokens)} in, ${count(total.output_tokens)} out<//>
  <${Total} name="Cost" value=${costOf(total)} exact=${hasNoPrice(total) ? undefined : cost(total.cost_micro)}>${priceNote(total)}<//>
  <${Total} name="Satisfaction" value=${rated(total.message_ratings)}>${count(total.message_ratings.count)} answers rated<//>
  <${Total} name="Conversations rated" value=${rated(total.conversation_ratings)}>${count(total.conversation_ratings.count)} of ${count(total.conversations)}<//></dl>`;

function Pictures({ query, total, days }) {
  const ofDays = OF_DAYS.map(({ of, columns, isCost, note, ...picture }) => html`<${Chart} key=${picture.title} ...${picture} head="Day"
    note=${(isCost && priceNote(total)) || note} labels=${days.map((day) => day.key)} label=${shortDay} inWords=${longDay}
    series=${of.map(([name, value]) => ({ name, values: days.map((day) => value(day.figures)) }))} csv=${csvOf(query, "day", ["key", ...columns])} />`);
  const { of, columns, ...picture } = RATINGS;
  return html`<div class="charts">${ofDays}<${Chart} ...${picture} head="Rating" label=${(stars) => `${stars} ★`}
    inWords=${(stars) => (stars === "1" ? "1 star" : `${stars} stars`)} csv=${csvOf(query, "total", columns)}
    series=${of.map(([name, value]) => ({ name, values: picture.labels.map((stars) => value(total, stars)) }))} /></div>`;
}

/** @type {[string, (row: any) => string][]} */
const COLUMNS = [
  ["Conversations", (row) => count(row.conversations)],
  ["Turns", (row) => count(row.turns)],
  ["Failed", (row) => count(row.failed)],
  ["p50", (row) => duration(row.response_seconds.median)],
  ["p95", (row) => duration(row.response_seconds.p95)],
  ["Tokens in", (row) => count(row.input_tokens)],
  ["Tokens out", (row) => count(row.output_tokens)],
  ["Cost", (row) => (hasNoPrice(row) ? "no price" : cost(row.cost_micro))],
  ["Rating", (row) => (row.message_ratings.count ? `${mean(row.message_ratings.average)} (${count(row.message_ratings.count)})` : "–")],
  ["Not found", (row) => count(row.unfound)],
];

const Table = ({ title, head, report, csv, nameOf }) => html`<section aria-label=${title}><div class="row"><h2>${title}</h2><span class="room"></span>
    <${CsvLink} title=${title} href=${csv} /></div>
  <div class="scrolls" tabindex="0" role="region" aria-label=${`${title}: the table`}><table>
    <thead><tr><th scope="col">${head}</th>${COLUMNS.map(([name]) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
    <tbody>${report.rows.map((row) => html`<tr key=${row.key}><th scope="row">${nameOf(row)}</th>
      ${COLUMNS.map(([name, value]) => html`<td key=${name}>${value(row.figures)}</td>`)}</tr>`)}</tbody></table></div>
  ${report.more > 0 && html`<p class="quiet">${count(report.more)} more are less busy.</p>`}</section>`;

const botName = (row) => html`<a data-here href=${addressOfBot(row.key)}>${row.name ?? row.key}</a>`;
const modelName = (row) => row.key || "no model";

const Skeleton = () => html`<div class="charts" aria-hidden="true">${[1, 2, 3, 4].map((key) => html`<div key=${key} class="panel skeleton"><i></i><i></i><i></i><i></i></div>`)}</div>`;

const isEmpty = ({ total, days }) => !total.turns && !total.conversations && !days.some((day) => Object.values(day.figures.end_reasons).some(Boolean));

function Content({ chosen, query }) {
  const shown = stats.value;
  if (trouble.value) {
    return html`<p class="note bad" role="alert"><span>${trouble.value}</span>
      <button type="button" class="button" onClick=${() => load(query)}>Try again</button></p>`;
  }
  if (!shown) return html`<${Skeleton} />`;
  if (isEmpty(shown)) {
    return html`<div class="empty"><h2>Nothing happened here</h2><p>No conversations in this time${chosen.botId ? " with this bot" : ""}.</p>
      ${chosen.period !== "90d" && html`<button type="button" class="button" onClick=${() => choose(chosen, { period: "90d" })}>Last 90 days</button>`}</div>`;
  }
  return html`<${Totals} total=${shown.total} /><${Pictures} ...${shown} />
    <${Unfound} query=${shown.query} count=${shown.total.unfound} />
    <${Table} title="Bots" head="Bot" report=${shown.bots} nameOf=${botName} csv=${csvOf(shown.query, "bot")} />
    <${Table} title="Models" head="Model" report=${shown.models} nameOf=${modelName} csv=${csvOf(shown.query, "model")} />`;
}

export function StatsPage({ opener }) {
  const chosen = read(place.value.query);
  const query = queryOf(chosen);
  useEffect(() => {
    document.title = "Analytics · Palaver";
  }, []);
  useEffect(() => {
    load(query);
  }, [JSON.stringify(query)]);
  return html`<main id="main" class="main" tabindex="-1"><header class="head">${opener}<h1>Analytics</h1></header>
    <div class="sheet" tabindex="0" role="region" aria-label="Analytics" aria-busy=${isAsking.value}><div class="column broad">
      <${Choices} chosen=${chosen} /><${Content} chosen=${chosen} query=${query} /></div></div></main>`;
}
