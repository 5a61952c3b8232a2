// Pictures of figures as SVG: bars one on the other, or lines. The style sheet colours them, so that both themes and print follow.
// One reads single points with the pointer or the arrow keys; the numbers stand below each picture, and as a CSV.

import { html, useLayoutEffect, useRef, useState } from "./view.js";

const HEIGHT = 200;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 8, 8, 24]; // as .reader has them
const TICKS = 4;
const [LETTER, APART] = [7, 30]; // of what stands below
const NICE = [1, 2, 2.5, 5, 10];
const BAR = 0.74; // of the room of a point
const DOTS_MAX = 31; // points that are so few are seen as dots, too

/** Where the ticks of an axis from 0 to at least `top` are. `whole`: between 1 and 2 there is nothing. */
function ticks(top, whole) {
  if (!top) return [0, 1];
  const rough = top / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = (NICE.find((each) => each * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const step = whole ? Math.max(1, Math.ceil(nice)) : nice;
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** @typedef {{name: string, values: (number | null)[]}} Series */

/** The points that lie one beside the other, without gaps. @param {(number | null)[]} values */
function runs(values) {
  /** @type {[number, number][][]} */
  const found = [[]];
  values.forEach((value, at) => (value === null ? found.push([]) : found[found.length - 1].push([at, value])));
  return found.filter((run) => run.length);
}

function Bars({ series, x, y, step }) {
  const below = series[0].values.map(() => 0);
  return series.map((one, kind) => html`<g key=${one.name} class=${`fill${kind}`}>${one.values.map((value, at) => {
    const from = below[at];
    below[at] += value ?? 0;
    return value ? html`<rect key=${at} x=${x(at) - (step * BAR) / 2} width=${step * BAR} y=${y(below[at])} height=${y(from) - y(below[at])} />` : null;
  })}</g>`);
}

const Lines = ({ series, x, y }) => series.map((one, kind) => html`<g key=${one.name} class=${`line${kind}`}>
  ${runs(one.values).map((run) => html`<path key=${run[0][0]} d=${run.map(([at, value], index) => `${index ? "L" : "M"}${x(at).toFixed(1)},${y(value).toFixed(1)}`).join("")} />
    ${(run.length === 1 || one.values.length <= DOTS_MAX) && run.map(([at, value]) => html`<circle key=${at} cx=${x(at)} cy=${y(value)} r="2.5" />`)}`)}</g>`);

function Drawing({ width, kind, series, labels, label, axis, whole }) {
  const count = labels.length;
  const step = (width - LEFT - RIGHT) / count;
  const tops = labels.map((_, at) => (kind === "bars" ? series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0) : Math.max(...series.map((one) => one.values[at] ?? 0))));
  const marks = ticks(Math.max(0, ...tops), whole);
  const x = (at) => LEFT + step * (at + 0.5);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / marks[marks.length - 1]);
  const room = APART + LETTER * Math.max(...labels.map((each) => label(each).length));
  const every = Math.ceil(count / Math.max(2, Math.floor((width - LEFT - RIGHT) / room)));
  const Kind = kind === "bars" ? Bars : Lines;
  return html`<svg class="drawing" viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
    ${marks.map((mark) => html`<g key=${mark}><line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(mark)} y2=${y(mark)} />
      <text x=${LEFT - 7} y=${y(mark) + 4} text-anchor="end">${axis(mark)}</text></g>`)}
    ${labels.map((each, at) => at % every === 0 && html`<text key=${each} x=${x(at)} y=${HEIGHT - 6} text-anchor="middle">${label(each)}</text>`)}
    <${Kind} series=${series} x=${x} y=${y} step=${step} /></svg>`;
}

const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -Infinity, End: Infinity };

/** What one points at, or has gone to with the arrow keys: where it is, and its exact numbers. */
function Reader({ title, series, labels, inWords, exact }) {
  const [at, setAt] = useState(null);
  const last = labels.length - 1;
  const shown = Math.min(at ?? last, last);
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.min(last, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * labels.length))));
  };
  const onKeyDown = (event) => {
    if (!(event.key in MOVES) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    setAt(Math.min(last, Math.max(0, (at ?? last) + MOVES[event.key])));
  };
  const told = series.map((one) => `${one.name} ${exact(one.values[shown])}`).join(", ");
  const middle = ((shown + 0.5) / labels.length) * 100;
  const side = middle > 50 ? { right: `${100 - middle}%` } : { left: `${middle}%` };
  return html`<div class="reader" tabindex="0" role="slider" aria-label=${`${title}: read with the arrow keys`} aria-orientation="horizontal"
    aria-valuemin="0" aria-valuemax=${last} aria-valuenow=${shown} aria-valuetext=${`${inWords(labels[shown])}: ${told}`}
    onPointerMove=${point} onPointerDown=${point} onPointerLeave=${() => setAt(null)} onKeyDown=${onKeyDown}
    onFocus=${(event) => event.currentTarget.matches(":focus-visible") && setAt(at ?? last)} onBlur=${() => setAt(null)}>
    ${at !== null && html`<i class="cursor" style=${{ left: `${middle}%` }}></i>
      <div class="tip" style=${side}><b>${inWords(labels[shown])}</b>${series.map((one, kind) => html`<span key=${one.name}><i class=${`key${kind}`}></i>${one.name}
        <strong>${exact(one.values[shown])}</strong></span>`)}</div>`}</div>`;
}

const Numbers = ({ title, head, series, labels, inWords, exact }) => html`<details class="numbers"><summary>Show the numbers</summary>
  <div class="scrolls" tabindex="0" role="region" aria-label=${`${title}: the numbers`}><table>
    <thead><tr><th scope="col">${head}</th>${series.map((one) => html`<th key=${one.name} scope="col">${one.name}</th>`)}</tr></thead>
    <tbody>${labels.map((each, at) => html`<tr key=${each}><th scope="row">${inWords(each)}</th>
      ${series.map((one) => html`<td key=${one.name}>${exact(one.values[at])}</td>`)}</tr>`)}</tbody></table></div></details>`;

/** A link to the numbers as a file; the server writes it. */
export const CsvLink = ({ title, href }) => html`<a class="button plain" href=${href} download aria-label=${`${title}: download as CSV`}>CSV</a>`;

/**
 * A picture with its numbers.
 * @param {{title: string, note?: string, kind: "bars" | "lines", series: Series[], labels: string[], head: string, label: (label: string) => string,
 *   inWords: (label: string) => string, axis: (value: number) => string, exact: (value: number | null) => string, whole?: boolean, csv: string}} props
 *   labels: what each point is of, `head` all of them; `label` says one in few words, `inWords` in full; `axis` and `exact` say values
 */
export function Chart({ title, note, csv, ...rest }) {
  const box = useRef();
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.max(220, Math.round(box.current.clientWidth)));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const { series } = rest;
  return html`<figure class="panel"><figcaption><h2>${title}</h2>${note && html`<span class="quiet">${note}</span>`}</figcaption>
    <div class="plot" ref=${box}>${width > 0 && html`<${Drawing} width=${width} ...${rest} />`}<${Reader} title=${title} ...${rest} /></div>
    ${series.length > 1 && html`<div class="legend">${series.map((one, kind) => html`<span key=${one.name}><i class=${`key${kind}`}></i>${one.name}</span>`)}</div>`}
    <div class="below"><${Numbers} title=${title} ...${rest} /><${CsvLink} title=${title} href=${csv} /></div></figure>`;
}
