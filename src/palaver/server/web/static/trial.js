// A bot is asked as its form has it now, saved or not: nothing of it is kept.

import { events, sentenceOf } from "./api.js";
import { Sources } from "./answer.js";
import { shown } from "./conversation.js";
import { Prose, isGrowing } from "./message.js";
import { batch, html, newId, useEffect, useRef, useState } from "./view.js";

const ENDS = { "turn.completed": "completed", "turn.interrupted": "interrupted", "turn.failed": "failed" };

function take(answer, { event, data }) {
  if (event === "text.delta") answer.text.value += data.text;
  else if (event === "retrieval.done") answer.found = data.citations.map((each) => each.rank);
  else if (event === "citations") answer.citations.value = data.citations;
  else if (event in ENDS) {
    batch(() => {
      answer.error.value = data.turn.error;
      answer.status.value = ENDS[event];
    });
  }
}

async function follow(answer, path, body, leaving) {
  try {
    for await (const event of await events(path, { body, signal: leaving.signal })) take(answer, event);
    if (isGrowing(answer)) throw new Error("The connection was lost.");
  } catch (error) {
    batch(() => {
      if (!leaving.signal.aborted) answer.error.value = { message: sentenceOf(error) };
      answer.status.value = leaving.signal.aborted ? "interrupted" : "failed";
    });
  }
}

const Tried = ({ answer, onStop }) => html`<article class="message assistant last" aria-label="Answer" aria-busy=${isGrowing(answer)}>
  ${isGrowing(answer) && !answer.text.value && html`<p class="dots"><span class="sr">Thinking</span></p>`}
  <${Prose} key=${answer.key} message=${answer} />
  ${answer.error.value && html`<p class="note bad" role="alert">${answer.error.value.message}</p>`}
  ${answer.status.value === "interrupted" && html`<p class="quiet">Stopped.</p>`}
  ${answer.citations.value.length > 0 && html`<${Sources} sources=${answer.citations.value} />`}
  ${isGrowing(answer) && html`<div class="buttons"><button type="button" class="button" onClick=${onStop}>Stop</button></div>`}</article>`;

/** @param {{botId: string, now: () => {instructions: string, model?: string, params: object}}} props  now: what the form has */
export function Trial({ botId, now }) {
  const [answer, setAnswer] = useState(null);
  const leaving = useRef(new AbortController());
  const stop = () => leaving.current.abort();
  useEffect(() => stop, []);
  const ask = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("text").trim();
    if (!text) return;
    stop();
    leaving.current = new AbortController();
    const next = shown({ key: newId(), role: "assistant", status: "waiting" });
    setAnswer(next);
    const { instructions, model, params } = now();
    follow(next, `v1/bots/${botId}/ask`, { text, instructions, ...(model ? { model } : {}), params }, leaving.current);
  };
  return html`<section aria-label="Try"><h2>Try</h2>
    <form aria-label="Try the bot" onSubmit=${ask}><div class="row">
      <input class="field" name="text" maxlength="10000" required aria-label="A question to try" placeholder="A question, answered as the form is now" autocomplete="off" />
      <button class="button">Ask</button></div></form>
    ${answer ? html`<${Tried} key=${answer.key} answer=${answer} onStop=${stop} />
      ${!isGrowing(answer) && html`<div class="row"><span class="quiet grows">Nothing of this is kept.</span>
        <button type="button" class="button plain" onClick=${() => setAnswer(null)}>Clear</button></div>`}`
      : html`<p class="quiet">Answers come from the documents and from the form as it is now, saved or not. Nothing is kept.</p>`}</section>`;
}
