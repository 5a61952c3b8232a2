// The conversation that is open, with its head: its title, its bot, how it is ended.

import { botOf, bots, choose, chosen } from "./bots.js";
import { Composer } from "./composer.js";
import { conversation, messages, open, refresh } from "./conversation.js";
import { addImages } from "./images.js";
import { Log } from "./log.js";
import { trying } from "./notices.js";
import { hearOthers } from "./others.js";
import { place } from "./router.js";
import { endAfterAsking, offerFile, titleOf } from "./row.js";
import { mayWrite } from "./session.js";
import { Icon, IconButton, html, useEffect, useState } from "./view.js";

const LOOK_MS = 10_000;

const BotChoice = () => bots.value?.length > 1
  ? html`<label class="bot-choice"><span class="sr">Bot</span><select class="field" value=${chosen.value?.id} onChange=${(event) => choose(event.target.value)}>
      ${bots.value.map((bot) => html`<option key=${bot.id} value=${bot.id}>${bot.name}</option>`)}</select></label>`
  : html`<span class="quiet">${chosen.value?.name}</span>`;

function Head({ opener }) {
  const now = conversation.value;
  const title = now ? titleOf(now) : place.value.id ? "Conversation" : "New conversation";
  useEffect(() => {
    document.title = now ? `${title} · Palaver` : "Palaver";
  }, [title, now]);
  return html`<header class="head">${opener}<h1 title=${title}>${title}</h1>
    ${place.value.id ? html`<span class="quiet bot-name">${botOf(now?.bot_id)?.name}</span>` : html`<${BotChoice} />`}
    ${now && html`<${IconButton} icon="arrow-down" label="Export" onClick=${() => offerFile(now)} />`}
    ${now?.status === "active" && mayWrite.value && html`<button type="button" class="button" onClick=${() => trying(() => endAfterAsking(now))}>
      <${Icon} name="flag" />End</button>`}</header>`;
}

/** Other tabs and devices talk here, too: look when one comes back to this one, when another tab says so, and now and then. */
function useOthers() {
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && refresh().catch(() => {}); // the next look may succeed
    const leave = hearOthers((id) => id === conversation.value?.id && look());
    const timer = setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      leave();
    };
  }, []);
}

export function Chat({ opener }) {
  const [isOver, setIsOver] = useState(false);
  const { id, messageId } = place.value;
  useEffect(() => {
    open(id, messageId);
  }, [place.value]);
  useOthers();
  const mayDrop = mayWrite.value && messages.value !== null;
  const onDragOver = (event) => {
    if (!mayDrop || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    setIsOver(true);
  };
  const onDrop = (event) => {
    setIsOver(false);
    if (!mayDrop || !event.dataTransfer.files.length) return;
    event.preventDefault();
    addImages(event.dataTransfer.files);
  };
  return html`<main id="main" class=${isOver ? "main drop" : "main"} tabindex="-1" onDragOver=${onDragOver} onDrop=${onDrop}
    onDragLeave=${(event) => event.currentTarget.contains(event.relatedTarget) || setIsOver(false)}>
    <${Head} opener=${opener} /><${Log} /><${Composer} /></main>`;
}
