// The messages: follows what is written while one is at the end, lets go when one scrolls up, loads earlier ones on the way.

import { Answer } from "./answer.js";
import { send } from "./answering.js";
import { botOf, chosen } from "./bots.js";
import { conversation, earlier, loadEarlier, messages, running, trouble, wanted } from "./conversation.js";
import { trying } from "./notices.js";
import { Question } from "./question.js";
import { isEmbedded } from "./router.js";
import { mayWrite } from "./session.js";
import { IconButton, html, signal, useEffect, useLayoutEffect, useRef } from "./view.js";

const NEAR_END = 32; // pixels
const SUGGESTIONS = ["What can you help me with?", "What do your documents say?", "Give me an example", "What should I ask first?"];
const isAway = signal(false);
let follows = true;
/** The element, while it is shown. @type {any} */
let log = null;

export function toEnd() {
  follows = true;
  isAway.value = false;
  if (log) log.scrollTop = log.scrollHeight;
}

function suggestions() {
  const own = (botOf(conversation.value?.bot_id) ?? chosen.value)?.metadata?.suggestions;
  return Array.isArray(own) && (own.length || isEmbedded) ? own.slice(0, 4).map(String) : SUGGESTIONS;
}

function Empty() {
  const bot = botOf(conversation.value?.bot_id) ?? chosen.value;
  return html`<div class="empty"><h2>${bot ? (bot.greeting ?? `Talk to ${bot.name}`) : "Talk"}</h2>
    <p>${suggestions().length ? "Ask a question, or begin with one of these." : "Ask a question."}</p>
    ${mayWrite.value && html`<div class="suggestions">${suggestions().map((text) =>
      html`<button type="button" class="button" key=${text} onClick=${() => send({ text })}>${text}</button>`)}</div>`}</div>`;
}

const Skeleton = () => html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i><i></i></div><p class="sr">Loading the conversation</p>`;

/** Stands where earlier messages will: when it comes into view they are loaded, and what one reads stays where it is. */
function Earlier() {
  const place = useRef();
  useEffect(() => {
    let loads = false;
    const load = async () => {
      if (loads || !earlier.peek()) return;
      loads = true;
      await trying(() => loadEarlier());
      loads = false;
    };
    const watch = new IntersectionObserver(([seen]) => seen.isIntersecting && load(), { root: log, rootMargin: "600px 0px 0px" });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, [earlier.value]);
  return html`<div class="earlier" ref=${place}><button type="button" class="button" onClick=${() => trying(() => loadEarlier())}>Earlier messages</button></div>`;
}

function scrolled(element, run) {
  element.addEventListener("scroll", run, { passive: true });
  return () => element.removeEventListener("scroll", run);
}

/** Keep the first message that was there where it is, when others come in front of it. */
function useSteadyTop(all) {
  /** @type {{current: {key: string | null, element: HTMLElement | null, top: number}}} */
  const before = useRef({ key: null, element: null, top: 0 });
  const { key, element, top } = before.current;
  useLayoutEffect(() => {
    if (key && all?.[0]?.key !== key && element?.isConnected) log.scrollTop += element.getBoundingClientRect().top - top;
  });
  useLayoutEffect(() => {
    const note = () => {
      const first = log.querySelector(".message");
      before.current = { key: messages.peek()?.[0]?.key ?? null, element: first, top: first?.getBoundingClientRect().top ?? 0 };
    };
    note();
    return scrolled(log, note);
  }, [all]);
}

function useFollowing() {
  useLayoutEffect(() => {
    let lastTop = 0;
    const onScroll = () => {
      const gap = log.scrollHeight - log.scrollTop - log.clientHeight;
      if (gap < NEAR_END) follows = true;
      else if (log.scrollTop < lastTop - 2) follows = false;
      lastTop = log.scrollTop;
      isAway.value = !follows;
    };
    const grown = new ResizeObserver(() => follows && toEnd());
    const unheard = scrolled(log, onScroll);
    grown.observe(log.firstElementChild);
    grown.observe(log);
    return () => {
      unheard();
      grown.disconnect();
    };
  }, []);
}

/** Bring a message into view that was looked for. */
function useWanted(all) {
  useLayoutEffect(() => {
    const found = wanted.value && document.getElementById(wanted.value);
    if (!found) return;
    wanted.value = null;
    follows = false;
    isAway.value = true;
    found.scrollIntoView({ block: "center" });
    found.focus({ preventScroll: true });
  }, [wanted.value, all]);
}

export function Log() {
  const place = useRef();
  const all = messages.value;
  useLayoutEffect(() => {
    log = place.current;
    return () => (log = null);
  }, []);
  useFollowing();
  useLayoutEffect(() => toEnd(), [conversation.value?.id, all === null]);
  useLayoutEffect(() => running.value && toEnd(), [running.value]);
  useSteadyTop(all);
  useWanted(all);
  return html`<div class="log" ref=${place} role="region" aria-label="Messages" tabindex="0"><div class="column">
      ${trouble.value ? html`<div class="empty" role="alert"><h2>${trouble.value}</h2></div>`
        : all === null ? html`<${Skeleton} />`
          : all.length === 0 ? html`<${Empty} />`
            : html`${earlier.value && html`<${Earlier} />`}${all.map((message, at) => message.role === "user"
              ? html`<${Question} key=${message.key} message=${message} />`
              : html`<${Answer} key=${message.key} message=${message} isLast=${at === all.length - 1} />`)}`}
    </div></div>
    ${isAway.value && all?.length > 0 && html`<${IconButton} class="jump" icon="arrow-down" label="Jump to the newest message" onClick=${toEnd} />`}`;
}
