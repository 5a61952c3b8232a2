// The questions that were answered with nothing from documents: each leads to its place in its conversation.

import { asked, get, sentenceOf } from "./api.js";
import { botOf } from "./bots.js";
import { addressOf } from "./router.js";
import { html, shortened, useEffect, useState } from "./view.js";

const PAGE = 10;
const TEXT_MAX = 160;

const Question = ({ it }) => html`<li class="item"><a class="title" data-here href=${addressOf(it.conversation_id, it.message_id)}>
    ${shortened(it.text, TEXT_MAX) || "A picture, without a word"}</a>
  <span class="quiet">${botOf(it.bot_id)?.name ?? ""}</span>
  <time class="quiet" datetime=${it.asked_at}>${new Date(it.asked_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}</time></li>`;

/** @param {{query: object, count: number}} props  of which time and bot; how many there are */
export function Unfound({ query, count }) {
  const [found, setFound] = useState(null);
  const [next, setNext] = useState(null);
  const [trouble, setTrouble] = useState("");
  const load = async (before, after, leaving) => {
    setTrouble("");
    try {
      const page = await get(asked("v1/analytics/unfound", { ...query, limit: PAGE, after }), { signal: leaving });
      setFound([...before, ...page.data]);
      setNext(page.next);
    } catch (error) {
      if (!leaving?.aborted) setTrouble(sentenceOf(error));
    }
  };
  useEffect(() => {
    const leaving = new AbortController();
    load([], null, leaving.signal);
    return () => leaving.abort();
  }, [query]);
  return html`<section aria-label="Unanswered questions"><h2>Unanswered questions</h2>
    <p class="quiet">Answered with nothing from documents: what there is still to write. A bot without documents finds nothing.</p>
    ${trouble && html`<p class="note bad" role="alert"><span>${trouble}</span><button type="button" class="button" onClick=${() => load(found ?? [], next)}>Try again</button></p>`}
    ${found?.length === 0 && html`<p class="quiet">None: every question found a passage.</p>`}
    <ul class="cards unfound">${(found ?? []).map((it) => html`<${Question} key=${it.turn_id} it=${it} />`)}</ul>
    ${next && html`<div class="row"><button type="button" class="button" onClick=${() => load(found, next)}>Show more</button>
      <span class="quiet">${found.length} of ${count}</span></div>`}</section>`;
}
