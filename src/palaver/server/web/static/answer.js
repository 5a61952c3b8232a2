// An answer: its text while it grows and when it stands, its sources, what became of it, and what can be done with it.

import { get } from "./api.js";
import { goOn, regenerate } from "./answering.js";
import { mayAsk, running, switchTo, versions } from "./conversation.js";
import { Prose, copyMessage, isGrowing } from "./message.js";
import { trying } from "./notices.js";
import { Rating } from "./rating.js";
import { isEmbedded } from "./router.js";
import { mayWrite } from "./session.js";
import { Icon, IconButton, batch, html, useEffect, useSoon } from "./view.js";

const REASONS = {
  stopped: "Stopped.",
  superseded: "Interrupted by another question.",
  cancelled: "Cancelled.",
  disconnected_by_model: "The model broke off.",
  stalled: "The model said nothing more.",
  server_restart: "The server was restarted.",
  shutdown: "The server was stopped.",
  store_unavailable: "The store was away.",
  ended: "The conversation was ended.",
  limit: "The answer reached its limit.",
};

/** How a turn ended is not told with its message: it is asked for where it matters. */
function useOutcome(message) {
  const { status } = message;
  const isUnknown = (status.value === "failed" || status.value === "interrupted") && !message.error.value && !message.reason.value;
  useEffect(() => {
    if (!isUnknown) return;
    trying(async () => {
      const turn = await get(`v1/turns/${message.turn_id}`);
      batch(() => {
        message.error.value = turn.error;
        message.reason.value = turn.reason;
      });
    });
  }, [message, isUnknown]);
}

function Outcome({ message, isLast }) {
  useOutcome(message);
  const again = (label, run) => mayAsk.value && !running.value && html`<button type="button" class="button" onClick=${run}>${label}</button>`;
  switch (message.status.value) {
    case "interrupted":
      return html`<div class="note"><span>${REASONS[message.reason.value] ?? "Interrupted."} What was said is kept.</span>
        ${isLast && again("Go on", () => goOn())}</div>`;
    case "left":
      return html`<div class="note"><span>Stopped. What was said is kept. The server has not confirmed it yet.</span></div>`;
    case "failed":
      return html`<div class="note bad" role="alert"><${Icon} name="circle-alert" />
        <span>${message.error.value?.message ?? "The answer failed."}</span>${again("Try again", () => regenerate(message))}</div>`;
    case "unsent":
      return html`<div class="note bad" role="alert"><${Icon} name="circle-alert" />
        <span>Not sent. ${message.error.value?.message}</span>${again("Try again", () => message.again())}</div>`;
    case "cut":
      return html`<div class="note bad" role="alert"><${Icon} name="circle-alert" />
        <span>${message.error.value?.message} The answer may go on at the server.</span>
        <button type="button" class="button" onClick=${() => location.reload()}>Look again</button></div>`;
    default:
      return null;
  }
}

const Source = ({ source }) => html`<li data-source=${source.rank} tabindex="-1">
  <b><span class="rank">${source.rank}</span> ${source.gone ? "A document that was deleted" : source.title || "Untitled document"}</b>
  <p>${source.quote}</p></li>`;

export const Sources = ({ sources }) => html`<details class="sources" open>
  <summary>${sources.length === 1 ? "1 source" : `${sources.length} sources`}</summary>
  <ol>${sources.map((source) => html`<${Source} key=${source.rank} source=${source} />`)}</ol></details>`;

function Versions({ message }) {
  const family = versions.value.get(message.turn_id);
  if (!family || isEmbedded) return null;
  const at = family.findIndex((branch) => branch.turn_id === message.turn_id);
  const turn = (step) => () => trying(() => switchTo(family[at + step]));
  const isStuck = Boolean(running.value) || !mayWrite.value;
  return html`<span class="versions" role="group" aria-label="Versions">
    <${IconButton} class="small" icon="chevron-left" label="Previous version" disabled=${isStuck || at === 0} onClick=${turn(-1)} />
    <span>${at + 1} of ${family.length}</span>
    <${IconButton} class="small" icon="chevron-right" label="Next version" disabled=${isStuck || at === family.length - 1} onClick=${turn(1)} />
  </span>`;
}

export function Answer({ message, isLast }) {
  const grows = isGrowing(message);
  const text = message.text.value;
  const stands = !grows && message.id && message.status.value !== "unsent";
  const isSoon = useSoon();
  return html`<article class=${isLast ? "message assistant last" : "message assistant"} aria-label="Assistant" aria-busy=${grows}
    id=${message.anchor} tabindex="-1">
    ${grows && !text && html`<p class="dots"><span class="sr">Thinking</span></p>`}
    ${message.reasoning.value && html`<details class="reasoning"><summary>Reasoning</summary><div>${message.reasoning}</div></details>`}
    <${Prose} key=${message.key} message=${message} />
    <${Outcome} message=${message} isLast=${isLast} />
    ${message.citations.value.length > 0 && html`<${Sources} sources=${message.citations.value} />`}
    ${stands && html`<div class="actions">${isSoon && html`
      ${text && html`<${IconButton} class="small" icon="copy" label="Copy the answer" onClick=${() => copyMessage(message)} />`}
      ${mayAsk.value && !isEmbedded && html`<${IconButton} class="small" icon="refresh-cw" label="Regenerate" disabled=${Boolean(running.value)}
        onClick=${() => regenerate(message)} />`}
      ${mayWrite.value && html`<${Rating} message=${message} />`}
      <${Versions} message=${message} />`}</div>`}</article>`;
}
