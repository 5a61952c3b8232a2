// A question: its text as it was typed, its images, and a form to ask it anew.

import { addressAtOnce, fetched } from "./api.js";
import { editAndResend } from "./answering.js";
import { mayAsk, running } from "./conversation.js";
import { copyMessage } from "./message.js";
import { trying } from "./notices.js";
import { isEmbedded } from "./router.js";
import { IconButton, html, signal, useEffect, useLayoutEffect, useRef, useSoon, useState } from "./view.js";

/** The key of the question that is being edited; null if none is. */
export const editing = signal(null);

export const Picture = ({ id }) => {
  const path = `v1/files/${id}/content`;
  const [address, setAddress] = useState(addressAtOnce(path));
  useEffect(() => {
    if (!address) trying(async () => setAddress(await fetched(path)));
  }, []);
  return address && html`<a href=${address} target="_blank" rel="noopener"><img src=${address} alt="Attached" loading="lazy" /></a>`;
};

function Form({ message }) {
  const field = useRef();
  const opener = useRef(document.activeElement);
  useLayoutEffect(() => {
    // at once: who types quickly has not begun
    field.current.focus();
    field.current.setSelectionRange(field.current.value.length, field.current.value.length);
  }, []);
  const leave = () => {
    editing.value = null;
    if (opener.current?.isConnected) opener.current.focus();
    else document.querySelector("#composer")?.focus();
  };
  const resend = (event) => {
    event?.preventDefault();
    const text = field.current.value.trim();
    if (!text || running.value) return;
    editing.value = null;
    editAndResend(message, text, () => {
      message.edited = text;
      editing.value = message.key;
    });
    document.querySelector("#composer")?.focus();
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      leave();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      resend();
    }
  };
  return html`<form class="edit" onSubmit=${resend}>
    <textarea class="field" rows="3" aria-label="Edit the question" ref=${field} onKeyDown=${onKeyDown} defaultValue=${message.edited ?? message.text.peek()}></textarea>
    <div class="buttons"><button type="button" class="button" onClick=${leave}>Cancel</button>
      <button class="button primary" disabled=${Boolean(running.value)}>Send</button></div></form>`;
}

export function Question({ message }) {
  const isEdited = editing.value === message.key;
  const isSoon = useSoon();
  return html`<article class="message user" aria-label="You" id=${message.anchor} tabindex="-1">
    ${message.images.length > 0 && html`<div class="pictures">${message.images.map((id) => html`<${Picture} key=${id} id=${id} />`)}</div>`}
    ${isEdited ? html`<${Form} message=${message} />`
      : html`<div class="bubble">${message.text}</div><div class="actions">${isSoon && html`
        <${IconButton} class="small" icon="copy" label="Copy the question" onClick=${() => copyMessage(message)} />
        ${mayAsk.value && !isEmbedded && html`<${IconButton} class="small" icon="pencil" label="Edit and resend" disabled=${Boolean(running.value)}
          onClick=${() => message.id && (editing.value = message.key)} />`}`}</div>`}</article>`;
}
