// Questions that have to be answered first. The browser's own dialog keeps the focus inside and gives it back.

import { html, render, signal } from "./view.js";

/** Show a dialog; `body` is given the function that closes it with an answer. Resolves to it, or null if it was left. */
function ask(label, body) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const opener = document.activeElement;
    let answer = null;
    dialog.setAttribute("aria-label", label);
    dialog.addEventListener("close", () => {
      render(null, dialog);
      dialog.remove();
      if (opener?.isConnected) opener.focus();
      resolve(answer);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    const close = (given) => {
      answer = given;
      dialog.close();
    };
    document.body.append(dialog);
    render(body(close), dialog);
    dialog.showModal();
  });
}

/** Ask whether to do something that is hard to undo. @returns {Promise<boolean>} */
export async function confirmed(text, yes) {
  const answer = await ask(text, (close) => html`<p>${text}</p><div class="buttons">
    <button type="button" class="button" autofocus onClick=${() => close(false)}>Cancel</button>
    <button type="button" class="button danger" onClick=${() => close(true)}>${yes}</button></div>`);
  return answer === true;
}

/** Stars from 1 to 5, as a radio group. @param {{value: number | null, onChoose: (rating: number) => void}} props */
export const Stars = ({ value, onChoose }) => html`<div class="stars" role="radiogroup" aria-label="Rating">
  ${[1, 2, 3, 4, 5].map((rating) => html`<label key=${rating} class=${(value ?? 0) >= rating ? "star lit" : "star"}>
    <input type="radio" name="rating" checked=${value === rating} onChange=${() => onChoose(rating)}
      aria-label=${`${rating} of 5`} />
    <span aria-hidden="true">★</span></label>`)}</div>`;

/** Ask how a conversation was. @returns {Promise<{rating?: number, feedback?: string} | null>} */
export function askForRating() {
  const rating = signal(null);
  const Form = ({ close }) => {
    const end = (event) => {
      event.preventDefault();
      const feedback = new FormData(event.target).get("feedback").trim();
      close({ ...(rating.value ? { rating: rating.value } : {}), ...(feedback ? { feedback } : {}) });
    };
    return html`<form onSubmit=${end}><h2>End this conversation?</h2><p>How was it?</p>
      <${Stars} value=${rating.value} onChoose=${(chosen) => (rating.value = chosen)} />
      <textarea class="field" name="feedback" rows="3" maxlength="10000" aria-label="Comment" placeholder="A comment, if you like"></textarea>
      <div class="buttons"><button type="button" class="button" onClick=${() => close(null)}>Cancel</button>
        <button class="button primary">End</button></div></form>`;
  };
  return ask("End this conversation", (close) => html`<${Form} close=${close} />`);
}

/** Show something that asks for nothing. @param {string} label @param {object} content  a template */
export const show = (label, content) => ask(label, (close) => html`${content}
  <div class="buttons"><button type="button" class="button" autofocus onClick=${() => close(null)}>Close</button></div>`);

/** Show a list of keys and what they do. @param {[string, string][]} keys */
export const showKeys = (keys) => show("Keyboard shortcuts", html`<h2>Keyboard shortcuts</h2>
  <dl class="keys">${keys.map(([key, meaning]) => html`<div key=${key}><dt>${meaning}</dt><dd><kbd>${key}</kbd></dd></div>`)}</dl>`);
