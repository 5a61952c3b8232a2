// Asking, and following an answer: it belongs to the server, this only reads along, and joins again where it was cut off.

import { events, Problem, post, sentenceOf } from "./api.js";
import { chosen } from "./bots.js";
import { conversation, isOpen, loadNewest, messages, refresh, running, shown, whileOpen } from "./conversation.js";
import { giveBack, moveTo } from "./drafts.js";
import { called, noteConversation } from "./listing.js";
import { announce, readOut, toast } from "./notices.js";
import { tellOthers } from "./others.js";
import { addressOf, base, go } from "./router.js";
import { batch, effect, newId, signal } from "./view.js";

const REPAINT_MS = 50; // half of what every frame would cost, and it looks the same; a timer runs in a hidden tab, too
const IDLE_SHARE = 4; // a paragraph of any length leaves the page so many times the time that its drawing takes
const STILL_MS = 7000;
const STOP_MS = 400; // what a stop may take
const LOOK_MS = [1000, 2000, 4000, 8000];
const REJOIN_MS = [250, 500, 1000, 2000, 4000, 8000];
const TITLE_MS = [1000, 3000, 6000]; // a title that a model makes comes behind its answer
const GO_ON = "Please go on from where you stopped.";
const ENDS = new Set(["turn.completed", "turn.interrupted", "turn.failed"]);

const pause = (ms, mine) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
    mine.addEventListener("abort", resolve, { once: true });
  });

const waiting = () => shown({ key: newId(), role: "assistant", status: "waiting" });

/**
 * Ask. What was asked and a place for the answer are shown at once, behind `kept` messages.
 * `body` has a `client_id`: the same again is the same turn, so that it can be sent again when nobody knows whether it arrived.
 * `takeBack` is called where the server refused it: then all is as it was. `keep` is called where nobody can see any more that it
 * was not sent: then its text waits in its conversation.
 * @param {Asking} what
 * @typedef {{path: () => Promise<string>, body: object, kept: number, question: object | null, where: {id: string | null},
 *   takeBack?: () => void, keep?: () => void, before?: object[]}} Asking
 */
async function begin(what) {
  const { path, body, kept, question, where } = what;
  const answer = waiting();
  const before = what.before ?? messages.value;
  answer.where = where;
  answer.again = () => begin({ ...what, before });
  answer.keep = what.keep;
  answer.takeBack = () => {
    messages.value = before;
    what.takeBack?.();
  };
  batch(() => {
    messages.value = [...messages.value.slice(0, kept), ...(question ? [question] : []), answer];
    running.value = answer;
  });
  await follow(answer, async (mine) => events(await path(), { body, signal: mine }), question);
}

/** @param {{text: string, attachments?: string[], typed?: string, takeBack?: () => void}} what  typed: what the person wrote */
export async function send({ text, attachments = [], typed = "", takeBack }) {
  const question = shown({ key: newId(), role: "user", text, status: "completed", parts: attachments.map(imagePart) });
  const kept = messages.value.length;
  const key = newId();
  /** @type {{id: string | null}} */
  const where = { id: conversation.value?.id ?? null };
  const path = async () => `v1/conversations/${(where.id ??= await started(text, key))}/messages`;
  const keep = typed ? () => giveBack(typed, where.id) : undefined;
  const back = () => {
    keep?.();
    takeBack?.();
  };
  await begin({ path, body: { text, attachments, client_id: newId() }, kept, question, where, keep, takeBack: back });
}

const imagePart = (id) => ({ type: "image", attachment_id: id });

/** What else is kept of a conversation that begins here. */
export const about = signal({});

/** Begin a conversation with its first question: it is called so until the server has a title for it. @returns {Promise<string>} its id */
async function started(text, key) {
  const mine = whileOpen();
  const headers = { "Idempotency-Key": key };
  const made = await post("v1/conversations", { bot_id: chosen.value.id, ...about.value }, { headers });
  called.set(made.id, text);
  noteConversation(made);
  if (!mine.aborted) {
    conversation.value = made;
    moveTo(made.id);
    go(addressOf(made.id), { instead: true });
  }
  return made.id;
}

/** Answer the same question again, beside this answer. */
export function regenerate(answer) {
  const kept = messages.value.indexOf(answer);
  const where = { id: conversation.value.id };
  return begin({ path: async () => `v1/messages/${answer.id}/regenerate`, body: { client_id: newId() }, kept, question: null, where });
}

/** Ask a changed question beside this one. `takeBack`: it was refused. */
export function editAndResend(question, text, takeBack) {
  const kept = messages.value.indexOf(question);
  const changed = shown({ key: newId(), role: "user", text, status: "completed", parts: question.images.map(imagePart) });
  const body = { text, attachments: question.images, client_id: newId() };
  const where = { id: conversation.value.id };
  const keep = () => giveBack(text, where.id);
  return begin({ path: async () => `v1/messages/${question.id}/edit`, body, kept, question: changed, where, keep, takeBack });
}

export const goOn = () => send({ text: GO_ON });

/** Have the server stop, and keep what was said. The end comes as an event; where none comes, the page lets go by itself. */
export async function stop() {
  const answer = running.value;
  if (!answer || answer.isStopping) return;
  answer.isStopping = true;
  setTimeout(() => answer.isStopping && running.value === answer && letGo(answer), STOP_MS);
  if (answer.turn_id) await tellToStop(answer);
}

/** What was refused can be tried again; what was not heard is told again by whoever looks later. */
async function tellToStop(answer) {
  try {
    await post(`v1/turns/${answer.turn_id}/stop`);
  } catch (error) {
    if (error instanceof Problem) answer.isStopping = false;
    toast(sentenceOf(error));
  }
}

/** The server or the network is stuck: read no further, and let the person go on. What stands there stays. */
function letGo(answer) {
  answer.leave();
  batch(() => {
    answer.status.value = "left";
    running.value = null;
  });
  announce("The answer was interrupted");
}

/** Look what became of an answer that was let go, and tell once more to stop. */
async function lookLater(answer, mine) {
  for (const ms of LOOK_MS) {
    await pause(ms, mine);
    if (mine.aborted) return;
    try {
      await post(`v1/turns/${answer.turn_id}/stop`, {}, { signal: mine });
      break;
    } catch (error) {
      if (error instanceof Problem && error.status < 500) break;
    }
  }
  if (!mine.aborted) await settle(mine);
}

/**
 * Read along to the end, or until the answer is let go or the conversation left: what was not accepted by then is still on its way,
 * and not called back, since it would be lost. `opened` opens the stream of a send; null joins the turn of `answer`.
 * @param {any} answer @param {((mine: AbortSignal) => Promise<AsyncIterable<any>>) | null} opened @param {object | null} [question]
 */
async function follow(answer, opened, question = null) {
  const open = whileOpen();
  const reading = new AbortController();
  const mine = reading.signal;
  const pen = writing(answer);
  answer.leave = () => {
    answer.isLeft = true;
    pen.flush();
    if (answer.turn_id) reading.abort();
  };
  open.addEventListener("abort", answer.leave);
  running.value = answer;
  announce("The answer begins");
  const still = setInterval(() => answer.isLeft || announce("Still answering"), STILL_MS);
  try {
    await readAll(answer, opened, { mine, pen, question });
    if (!mine.aborted) ended(answer);
  } catch (error) {
    if (!mine.aborted) (open.aborted ? missed : refused)(answer, error);
  } finally {
    pen.flush();
    clearInterval(still);
    open.removeEventListener("abort", answer.leave);
    if (running.value === answer) running.value = null;
  }
  if (open.aborted) {
    if (conversation.value?.id === answer.where?.id) await refresh().catch(() => {}); // one came back before it was accepted
  } else if (mine.aborted) await lookLater(answer, open);
  else if (conversation.value) await settle(open);
}

async function readAll(answer, opened, { mine, pen, question }) {
  let last = null;
  for (let tries = 0; !mine.aborted; tries++) {
    try {
      const stream = answer.turn_id ? await join(answer, last, mine, pen) : await opened(mine);
      for await (const event of stream) {
        last = event.id;
        tries = 0;
        if (take(answer, event, pen, question)) return;
      }
    } catch (error) {
      if (mine.aborted || error instanceof Problem || !answer.turn_id) throw error;
    }
    if (tries >= REJOIN_MS.length) throw new Error("The connection was lost.");
    await pause(REJOIN_MS[tries], mine);
  }
}

function join(answer, last, mine, pen) {
  if (!last) pen.beginAnew();
  return events(`v1/turns/${answer.turn_id}/events`, { after: last, signal: mine });
}

/** Take an event; return whether it was the last. */
function take(answer, { event, data }, pen, question) {
  if (event === "text.delta") pen.write(data.text);
  else if (event === "reasoning.delta") pen.think(data.text);
  else if (event === "retrieval.done") answer.found = data.citations.map((each) => each.rank);
  else if (event === "citations") answer.citations.value = data.citations;
  else if (event === "turn.queued" || event === "turn.accepted") accepted(answer, data, question);
  else if (ENDS.has(event)) {
    pen.flush();
    over(answer, data);
    return true;
  }
  return false;
}

function accepted(answer, data, question) {
  const isNew = !answer.turn_id;
  answer.id = answer.anchor.value = data.message_id;
  answer.turn_id = data.turn.id;
  if (!answer.isLeft) answer.status.value = data.turn.status;
  if (question) question.turn_id = data.turn.id;
  if (question && data.user_message) {
    question.id = data.user_message.id;
    question.anchor.value = question.id;
  }
  if (isNew) tellOthers(data.turn.conversation_id);
  if (answer.isStopping) tellToStop(answer);
  if (answer.isLeft) answer.leave();
}

function over(answer, { turn, message }) {
  batch(() => {
    if (message) {
      answer.found = message.citations.map((each) => each.rank);
      answer.text.value = message.text;
      answer.citations.value = message.citations;
      answer.model = message.model;
    }
    answer.error.value = turn.error;
    answer.reason.value = turn.reason;
    answer.status.value = turn.status;
  });
}

function ended(answer) {
  const how = { completed: "The answer is complete", interrupted: "The answer was interrupted", failed: "The answer failed" };
  announce(how[answer.status.value] ?? "");
  if (answer.status.value === "completed") readOut(answer.text.value);
}

/** Nothing came of asking. What the server refused is taken back; what may not have reached it can be tried again. */
function refused(answer, error) {
  if (answer.takeBack && !answer.turn_id && error.status >= 400 && error.status < 500) {
    answer.takeBack();
    toast(error.code === "turn_in_progress" ? "Another answer is being written here. Yours is not lost." : sentenceOf(error));
    return;
  }
  answer.error.value = { code: error.code ?? "", message: sentenceOf(error) };
  answer.status.value = answer.turn_id ? "cut" : "unsent";
  announce("The answer failed");
  if (!answer.turn_id) keepOnLeaving(answer);
}

/** What stands there unsent waits in its conversation when one leaves it, or the page. */
function keepOnLeaving(answer) {
  const leaving = whileOpen();
  const keep = () => messages.peek()?.includes(answer) && answer.keep?.();
  leaving.addEventListener("abort", keep);
  addEventListener("pagehide", keep, { signal: leaving });
}

/** Nothing came of asking in a conversation that was left meanwhile. */
function missed(answer, error) {
  if (!answer.keep) return;
  answer.keep();
  const show = () => go(answer.where.id ? addressOf(answer.where.id) : base);
  toast(`A question was not sent. It waits in its conversation. ${sentenceOf(error)}`, { label: "Show", run: show });
}

/** Look what the server has now: its counts, the versions, and ratings from elsewhere. */
async function settle(mine) {
  const last = messages.value.at(-1)?.status.value;
  if (last === "unsent" || last === "cut") return;
  const { id } = conversation.value;
  await loadNewest(id, mine).catch((error) => mine.aborted || toast(sentenceOf(error)));
  tellOthers(id);
  if (!mine.aborted) awaitTitle(id, mine);
}

/** Look for the title of a conversation that has none yet. */
async function awaitTitle(id, mine) {
  for (const ms of TITLE_MS) {
    if (conversation.value?.title) return;
    await pause(ms, mine);
    if (mine.aborted) return;
    await refresh().catch(() => {}); // the next look may succeed
    if (conversation.value?.title) tellOthers(id);
  }
}

// What was asked elsewhere, or before this page was loaded, is read along as soon as it is seen.
effect(() => {
  const answer = messages.value?.findLast((message) => message.role === "assistant" && isOpen(message.status.peek()));
  if (answer) queueMicrotask(() => running.peek() || follow(answer, null));
});

/** Collects what comes and shows it a few times a second; what is read again from its begin is shown where it is news. */
function writing(answer) {
  let text = answer.text.peek();
  let thought = answer.reasoning.peek();
  let timer = 0;
  let pace = REPAINT_MS;
  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    const began = performance.now();
    batch(() => {
      if (text.length > answer.text.peek().length) answer.text.value = text;
      if (thought.length > answer.reasoning.peek().length) answer.reasoning.value = thought;
    });
    pace = Math.max(REPAINT_MS, IDLE_SHARE * (performance.now() - began));
  };
  const soon = () => (timer ||= setTimeout(flush, pace));
  return {
    flush,
    beginAnew() {
      text = thought = "";
    },
    write(more) {
      text += more;
      soon();
    },
    think(more) {
      thought += more;
      soon();
    },
  };
}
