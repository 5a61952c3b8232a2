// The whole page: the door, or the list beside the conversation.

import { stop } from "./answering.js";
import { sentenceOf } from "./api.js";
import { bots, loadBots } from "./bots.js";
import { BotsPage } from "./botspage.js";
import { Chat } from "./chat.js";
import { running } from "./conversation.js";
import { FirstBot, SignIn, Trouble } from "./entry.js";
import { later } from "./later.js";
import { Announcer, Toasts } from "./notices.js";
import { base, go, place } from "./router.js";
import { isLetIn, look, session } from "./session.js";
import { listen, showShortcuts } from "./shortcuts.js";
import { Sidebar, drawer } from "./sidebar.js";
import { IconButton, effect, html, render, signal } from "./view.js";

const trouble = signal("");
const isFolded = signal(false);
const isNarrow = () => matchMedia("(max-width: 760px)").matches;

function toggleList() {
  if (isNarrow()) drawer.value = !drawer.value;
  else isFolded.value = !isFolded.value;
}

function escape() {
  if (drawer.value) drawer.value = false;
  else if (running.value) stop();
  else return false;
  return true;
}

listen({
  "ctrl+shift+o": () => go(base),
  "ctrl+shift+s": toggleList,
  "ctrl+/": () => void showShortcuts(),
  "ctrl+k": () => {
    if (isNarrow()) drawer.value = true;
    isFolded.value = false;
    requestAnimationFrame(() => document.querySelector("#search")?.focus());
  },
  "shift+escape": () => document.querySelector("#composer")?.focus(),
  escape,
});

const Opener = () => html`<${IconButton} class=${isFolded.value ? "opener shown" : "opener"} icon="panel-left" label="Show the list"
  aria-expanded=${drawer.value} onClick=${toggleList} />`;

const pages = {
  chat: Chat,
  bots: BotsPage,
  analytics: later(() => import("./statspage.js").then((module) => module.StatsPage)),
  admin: later(() => import("./adminpage.js").then((module) => module.AdminPage)),
};

const Inside = () => html`<a class="skip" href="#main">Skip the list</a>
  <div class=${["inside", drawer.value && "open", isFolded.value && "folded"].filter(Boolean).join(" ")}>
    <${Sidebar} /><div class="curtain" onClick=${() => (drawer.value = false)}></div>
    <${pages[place.value.page]} opener=${html`<${Opener} />`} /></div>`;

function App() {
  if (trouble.value) return html`<${Trouble} text=${trouble.value} />`;
  if (!session.value) return null;
  if (!isLetIn.value) return html`<${SignIn} />`;
  if (!bots.value) return null;
  return bots.value.length || place.value.id || place.value.page !== "chat" ? html`<${Inside} />` : html`<${FirstBot} />`;
}

const AWAY = "The server is away, or your connection is.";
const orTrouble = (doing) => doing.catch((error) => (trouble.value = error instanceof TypeError ? AWAY : sentenceOf(error)));

// Whoever is let in, at once or after signing in, sees the bots.
effect(() => {
  if (isLetIn.value) orTrouble(loadBots());
});
orTrouble(look());
render(html`<${App} /><${Toasts} /><${Announcer} />`, document.getElementById("app"));
