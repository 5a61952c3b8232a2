// What is being answered now, and what waits for its turn: looked at every few seconds while somebody looks, and stopped by a button.

import { get, post } from "./api.js";
import { lasting } from "./moments.js";
import { announce, trying } from "./notices.js";
import { addressOf } from "./router.js";
import { isOperator, session } from "./session.js";
import { Icon, html, signal, useEffect } from "./view.js";

const LOOK_MS = 5000;
const MOST = 50;
const ENDS = {
  interrupted: "stopped; what was said stays",
  completed: "had just ended by itself",
  failed: "had just failed",
  running: "was told to stop, and has not yet",
};

/** Live turns, newest first; null until they are known. `ended` are those that were stopped here, as they ended. */
const live = signal(null);
const ended = signal([]);
const stopping = signal(new Set());
const hasMore = signal(false);

async function look() {
  const pages = await Promise.all(["running", "queued"].map((status) => get(`v1/turns?status=${status}&limit=${MOST}`)));
  const known = new Set(ended.peek().map((turn) => turn.id));
  live.value = pages.flatMap((page) => page.data).filter((turn) => !known.has(turn.id));
  hasMore.value = pages.some((page) => page.next);
}

async function stop(turn) {
  stopping.value = new Set([...stopping.value, turn.id]);
  try {
    const { status } = await post(`v1/turns/${turn.id}/stop`);
    ended.value = [{ ...turn, status }, ...ended.value];
    live.value = live.value.filter((each) => each.id !== turn.id);
    announce(`${turn.bot_name}: ${ENDS[status]}.`);
  } finally {
    stopping.value = new Set([...stopping.value].filter((id) => id !== turn.id));
  }
}

/** Look at once, and again while the page is seen and the last look is over; what can't be asked now is asked the next time. */
function useLook() {
  useEffect(() => {
    let isLooking = true;
    trying(look).then(() => (isLooking = false));
    const again = async () => {
      if (isLooking || document.visibilityState !== "visible") return;
      isLooking = true;
      await look().catch(() => {});
      isLooking = false;
    };
    const timer = setInterval(again, LOOK_MS);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
      live.value = null;
      ended.value = [];
    };
  }, []);
}

const sinceWhen = (turn) => (turn.status === "queued" ? `waits for ${lasting(turn.created_at)}` : `for ${lasting(turn.started_at ?? turn.created_at)}`);

/** What one sees of a turn; a tenant's own leads to its conversation. */
function About({ turn, state }) {
  const whose = isOperator.value && !session.value.open && `tenant ${turn.tenant_id}`;
  return html`${turn.tenant_id === session.value.tenant_id
    ? html`<a class="title" data-here href=${addressOf(turn.conversation_id)} title="Open the conversation">${turn.bot_name}</a>`
    : html`<span class="title">${turn.bot_name}</span>`}
    <span class="quiet">${[state, whose, turn.model].filter(Boolean).join(" · ")}</span>`;
}

const Ended = ({ turn }) => html`<li class="item told"><${About} turn=${turn} state=${ENDS[turn.status]} /></li>`;

function Live({ turn }) {
  const isStopping = stopping.value.has(turn.id);
  return html`<li class="item told"><${About} turn=${turn} state=${sinceWhen(turn)} />
    <button type="button" class="button" aria-label=${`Stop ${turn.bot_name}`} disabled=${isStopping} onClick=${() => trying(() => stop(turn))}>
      <${Icon} name="square" filled />${isStopping ? "Stopping" : "Stop"}</button></li>`;
}

export function LiveTurns() {
  useLook();
  const all = live.value;
  return html`<section aria-label="Live turns"><h2>Live turns</h2>
    ${all?.length === 0 && html`<p class="quiet">Nothing is being answered now.</p>`}
    <ul class="cards">${(all ?? []).map((turn) => html`<${Live} key=${turn.id} turn=${turn} />`)}
      ${ended.value.map((turn) => html`<${Ended} key=${turn.id} turn=${turn} />`)}</ul>
    ${hasMore.value && html`<p class="quiet">The newest ${MOST} of each kind. All of them: <code>palaver turns list --status running</code></p>`}</section>`;
}
