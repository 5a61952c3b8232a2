// The widget's page: one conversation of a visitor with a bot, in a frame on somebody else's page, whose loader is widget.js.

import { about } from "./answering.js";
import { get, refusedForKey } from "./api.js";
import { bots } from "./bots.js";
import { Composer } from "./composer.js";
import { messages, open, refresh } from "./conversation.js";
import { LeadForm } from "./lead.js";
import { Log } from "./log.js";
import { Announcer, Toasts, toast } from "./notices.js";
import { addressOf, base, go, place } from "./router.js";
import { session } from "./session.js";
import { IconButton, effect, html, render, signal, useEffect } from "./view.js";
import { enter, forget, isFramed, look, mustSay, resume, tell, whenGreeted } from "./visitor.js";

const LOOK_MS = 10_000;
const PAGE_MAX = 2000;
const SOURCE_MAX = 200;
const CLOSED = "This chat is closed. Nobody answers here at the moment.";
const VISITING = { open: false, scope: "visitor" };

/** Why nobody can talk here, as a sentence; "" if one can. */
const closed = signal("");

const close = () => tell({ palaver: "close" });

function Head({ title }) {
  return html`<header class="head"><h1>${title}</h1>
    ${messages.value?.length > 0 && html`<${IconButton} icon="plus" label="New conversation" onClick=${() => go(base)} />`}
    ${isFramed && html`<${IconButton} icon="x" label="Close" onClick=${close} />`}</header>`;
}

function Inside() {
  useEffect(() => {
    open(place.value.id);
  }, [place.value]);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && refresh().catch(() => {}), LOOK_MS); // the next may succeed
    return () => clearInterval(timer);
  }, []);
  return mustSay() ? html`<${LeadForm} />` : html`<${Log} /><${Composer} />`;
}

const Closed = () => html`<div class="log"><div class="empty" role="alert"><h2>${closed.value}</h2></div></div>`;

const App = () => look.value || closed.value
  ? html`<main id="main" class="main embedded" tabindex="-1"><${Head} title=${look.value?.title ?? "Chat"} />
      ${closed.value ? html`<${Closed} />` : session.value && html`<${Inside} />`}</main>`
  : null;

/** Black or white, whatever can be read better on a colour. */
function inkOn(color) {
  const [red, green, blue] = color.match(/\w\w/g).map((two) => {
    const share = parseInt(two, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

function paint({ color, title, theme }) {
  document.title = title;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (!color) return;
  document.documentElement.style.setProperty("--brand", color);
  document.documentElement.style.setProperty("--brand-ink", inkOn(color));
}

async function begin() {
  tell({ palaver: "ready" });
  const [said] = await Promise.all([whenGreeted(), enter()]);
  paint({ ...look.value, theme: said.theme });
  const { bot_id: id, title: name, greeting, suggestions } = look.value;
  bots.value = [{ id, name, greeting: greeting ?? undefined, metadata: { suggestions } }];
  about.value = { metadata: { ...named("source", said.source, SOURCE_MAX), ...named("page", said.page, PAGE_MAX) } };
  if (await resume(said.token)) await goOn();
  session.value = VISITING;
}

/** Say kindly that nobody can talk here. */
const orClosed = (doing) => doing().catch((error) => (closed.value = error.status === 404 ? CLOSED : "This chat can't be reached. Try again later."));

const named = (name, text, most) => (typeof text === "string" && text ? { [name]: text.slice(0, most) } : {});

/** Open the conversation that this visitor had last. */
async function goOn() {
  const { data } = await get("v1/conversations?limit=1&status=active");
  if (data.length) go(addressOf(data[0].id));
}

/** The token is no good any more: the visitor was forgotten, or the widget was closed. */
async function lost() {
  forget();
  await enter();
  go(base);
  toast("That conversation is over. You can begin a new one.");
}

effect(() => {
  if (refusedForKey.value) queueMicrotask(() => orClosed(lost));
});
addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]") && close());
orClosed(begin);
render(html`<${App} /><${Toasts} /><${Announcer} />`, document.getElementById("app"));
