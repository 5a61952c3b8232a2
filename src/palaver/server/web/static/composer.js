// The box one writes in. What was not sent is kept for each conversation, also over a reload.

import { send, stop } from "./answering.js";
import { chosen } from "./bots.js";
import { conversation, messages, reopen, running, trouble } from "./conversation.js";
import { draft, takeUp, write } from "./drafts.js";
import { ACCEPTED, WaitingImages, addImages, areUploading, images, takeImages } from "./images.js";
import { trying } from "./notices.js";
import { editing } from "./question.js";
import { base, go, isEmbedded, place } from "./router.js";
import { mayWrite } from "./session.js";
import { Icon, IconButton, html, useEffect, useLayoutEffect, useRef } from "./view.js";

const isFree = () => !running.value && messages.value !== null && Boolean(conversation.value || chosen.value);
const isReady = () => isFree() && draft.value.trim() !== "" && !areUploading();

function submit() {
  if (!isReady()) return;
  const typed = draft.value;
  const taken = takeImages();
  write("");
  send({ text: typed.trim(), attachments: taken.ids, typed, takeBack: taken.giveBack });
}

function editLast() {
  const last = messages.value?.findLast((message) => message.role === "user" && message.id);
  if (last) editing.value = last.key;
  return Boolean(last);
}

function onKeyDown(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && !draft.value && !running.value && !isEmbedded && editLast()) event.preventDefault();
}

function onPaste(event) {
  if (event.clipboardData.files.length && addImages(event.clipboardData.files)) event.preventDefault();
}

function Box() {
  const field = useRef();
  const file = useRef();
  useEffect(() => {
    takeUp();
    images.value = [];
    if (matchMedia("(hover: hover)").matches && !document.querySelector("dialog[open]")) field.current.focus();
  }, [place.value.id]);
  useLayoutEffect(() => {
    // `field-sizing: content` does this where it is known
    if (CSS.supports("field-sizing", "content")) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [draft.value]);
  const onSubmit = (event) => {
    event.preventDefault();
    submit();
  };
  const choose = (event) => {
    addImages(event.target.files);
    event.target.value = "";
  };
  const name = images.value.length && !draft.value.trim() ? "Say what to do with the image" : "Write a message";
  return html`<form class="composer" onSubmit=${onSubmit}><div class="column"><div class="box">
    <${WaitingImages} />
    <textarea id="composer" ref=${field} rows="1" aria-label="Message" placeholder=${name} value=${draft.value}
      onInput=${(event) => write(event.target.value)} onKeyDown=${onKeyDown} onPaste=${onPaste}></textarea>
    <div class="row">
      <input ref=${file} type="file" accept=${ACCEPTED} multiple hidden onChange=${choose} />
      <${IconButton} icon="image-plus" label="Add images" onClick=${() => file.current.click()} />
      <span class="room"></span>
      ${running.value ? html`<${IconButton} key="stop" class="send" icon="square" filled label="Stop" onClick=${stop} />`
        : html`<button key="send" class="icon-button send" aria-label="Send" title="Send" disabled=${!isReady()}><${Icon} name="arrow-up" /></button>`}
    </div></div>
    <p class="hint">Enter sends, Shift+Enter begins a new line</p></div></form>`;
}

const Closed = ({ status, id }) => html`<div class="composer"><div class="column"><div class="note">
  <span>${status === "ended" ? "This conversation has ended." : "This conversation is archived."}</span>
  ${isEmbedded ? html`<button type="button" class="button" onClick=${() => go(base)}>New conversation</button>`
    : mayWrite.value && html`<button type="button" class="button" onClick=${() => trying(() => reopen(id))}>Reopen</button>`}</div></div></div>`;

const ReadOnly = () => html`<div class="composer"><div class="column"><div class="note"><span>The key you signed in with may only read.</span></div></div></div>`;

export function Composer() {
  const now = conversation.value;
  if (trouble.value) return null;
  if (now && now.status !== "active") return html`<${Closed} status=${now.status} id=${now.id} />`;
  return mayWrite.value ? html`<${Box} />` : html`<${ReadOnly} />`;
}
