// The bots: all of them, or one with what it answers from.

import { BotForm } from "./botform.js";
import { botOf, bots, choose } from "./bots.js";
import { Documents } from "./documents.js";
import { addressOfBot, base, go, place } from "./router.js";
import { mayWrite } from "./session.js";
import { Icon, html, useEffect } from "./view.js";
import { WidgetForm } from "./widgetform.js";

function talk(bot) {
  choose(bot.id);
  go(base);
}

const All = () => html`<ul class="cards" aria-label="Bots">${bots.value.map((bot) => html`<li class="item" key=${bot.id}>
  <a class="title" data-here href=${addressOfBot(bot.id)}>${bot.name}</a><span class="quiet">${bot.model || "the server's default model"}</span>
  <button type="button" class="button" aria-label=${`Talk to ${bot.name}`} onClick=${() => talk(bot)}><${Icon} name="message-square" />Talk</button></li>`)}</ul>`;

const None = () => html`<p class="quiet">No bots yet. ${mayWrite.value ? "A bot is what people talk to." : "The key you signed in with may only read, and there is nothing to read."}</p>`;

const One = ({ bot }) => html`<${BotForm} key=${`${bot.id} ${bot.version}`} bot=${bot} /><${Documents} botId=${bot.id} />
  <${WidgetForm} key=${`widget ${bot.id} ${bot.version}`} bot=${bot} />`;

function Content({ botId, bot }) {
  if (botId === "new") return html`<${BotForm} key="new" bot=${null} />`;
  if (!botId) return bots.value.length ? html`<${All} />` : html`<${None} />`;
  return bot ? html`<${One} bot=${bot} />` : html`<p class="quiet" role="alert">This bot is not here. It may have been deleted.</p>`;
}

export function BotsPage({ opener }) {
  const { botId } = place.value;
  const bot = botOf(botId);
  const title = botId === "new" ? "New bot" : botId ? (bot?.name ?? "Bot") : "Bots";
  useEffect(() => {
    document.title = `${title} · Palaver`;
  }, [title]);
  return html`<main id="main" class="main" tabindex="-1"><header class="head">${opener}<h1>${title}</h1>
      ${botId && html`<a class="button" data-here href=${addressOfBot()}>All bots</a>`}
      ${bot && html`<button type="button" class="button" onClick=${() => talk(bot)}><${Icon} name="message-square" />Talk</button>`}
      ${!botId && mayWrite.value && html`<a class="button primary" data-here href=${addressOfBot("new")}><${Icon} name="plus" />New bot</a>`}</header>
    <div class="sheet" tabindex="0" role="region" aria-label=${title}><div class=${bot ? "column broad" : "column"}><${Content} botId=${botId} bot=${bot} /></div></div></main>`;
}
