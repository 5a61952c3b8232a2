// How good an answer was: thumbs, or stars and a comment.

import { post, sentenceOf } from "./api.js";
import { Stars } from "./dialogs.js";
import { toast } from "./notices.js";
import { IconButton, batch, html, useLayoutEffect, useRef, useState } from "./view.js";

const GOOD = 5;
const BAD = 1;

/** Shown at once; taken back if it was not stored. */
async function rate(message, rating, feedback) {
  /** @type {[number | null, string | null]} */
  const before = [message.rating.value, message.feedback.value];
  const show = ([stars, comment]) =>
    batch(() => {
      message.rating.value = stars;
      message.feedback.value = comment;
    });
  show([rating, feedback ?? null]);
  try {
    await post(`v1/messages/${message.id}/rating`, { rating, ...(feedback ? { feedback } : {}) });
    return true;
  } catch (error) {
    show(before);
    toast(`The rating was not saved: ${sentenceOf(error)}`);
    return false;
  }
}

function Details({ message, close }) {
  const form = useRef();
  useLayoutEffect(() => form.current.querySelector("input[name=feedback]").focus(), []);
  const save = async (event) => {
    event.preventDefault();
    const feedback = new FormData(event.target).get("feedback").trim();
    if (await rate(message, message.rating.value, feedback)) {
      toast("Thanks");
      close();
    }
  };
  return html`<form class="details" ref=${form} onSubmit=${save} onKeyDown=${(event) => event.key === "Escape" && (event.stopPropagation(), close())}>
    <${Stars} value=${message.rating.value} onChoose=${(stars) => rate(message, stars, message.feedback.value)} />
    <input class="field" name="feedback" maxlength="10000" aria-label="Comment on the answer" placeholder="What was good, or wrong?"
      defaultValue=${message.feedback.value ?? ""} />
    <button class="button">Save</button></form>`;
}

export function Rating({ message }) {
  const [asks, setAsks] = useState(false);
  const place = useRef();
  const thumb = (rating) => async () => {
    const isSame = message.rating.value === rating;
    setAsks(!isSame);
    await rate(message, isSame ? null : rating, isSame ? undefined : message.feedback.value);
  };
  const close = () => {
    setAsks(false);
    place.current.querySelector("button").focus();
  };
  const stars = message.rating.value;
  const said = stars && stars !== GOOD && stars !== BAD ? html`<span class="quiet">${stars} of 5</span>` : null;
  return html`<span class="rating" ref=${place}>
    <${IconButton} class="small" icon="thumbs-up" label="Good answer" aria-pressed=${stars >= 4} onClick=${thumb(GOOD)} />
    <${IconButton} class="small" icon="thumbs-down" label="Bad answer" aria-pressed=${stars !== null && stars <= 2} onClick=${thumb(BAD)} />
    ${said}</span>
    ${asks && html`<${Details} message=${message} close=${close} />`}`;
}
