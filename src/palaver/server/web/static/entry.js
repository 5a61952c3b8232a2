// What one meets first: the door, where a key is needed, and the first bot, where there is none.

import { sentenceOf } from "./api.js";
import { createBot } from "./bots.js";
import { mayWrite, signIn } from "./session.js";
import { html, useState } from "./view.js";

/** A form whose refusal is shown in it. */
function Card({ title, text, action, run, children }) {
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const onSubmit = async (event) => {
    event.preventDefault();
    setIsBusy(true);
    setTrouble("");
    try {
      await run(Object.fromEntries(new FormData(event.target)));
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
    setIsBusy(false);
  };
  return html`<main class="entry-page" id="main"><form class="card" onSubmit=${onSubmit}>
    <img src=${new URL("./mark.svg", import.meta.url).pathname} alt="" width="40" height="40" />
    <h1>${title}</h1><p>${text}</p>${children}
    ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
    <button class="button primary" disabled=${isBusy}>${action}</button></form></main>`;
}

export const SignIn = () => html`<${Card} title="Sign in" action="Sign in" run=${({ key }) => signIn(key.trim())}
  text="This server has API keys. Show one that may read or write; the browser keeps a cookie for a week, and not the key.">
  <label class="labelled"><span>API key</span>
    <input class="field" name="key" type="password" required autocomplete="current-password" spellcheck=${false} placeholder="pk_…" /></label><//>`;

function create({ name, instructions, model }) {
  const given = { name: name.trim(), instructions: instructions.trim(), model: model.trim() };
  return createBot(/** @type {{name: string}} */ (Object.fromEntries(Object.entries(given).filter(([, value]) => value))));
}

const FirstBotForm = () => html`<${Card} title="Your first bot" action="Create" run=${create}
  text="A bot is what people talk to: a name, instructions, a model. All of it can be changed later.">
  <label class="labelled"><span>Name</span><input class="field" name="name" required maxlength="200" defaultValue="Helper" /></label>
  <label class="labelled"><span>Instructions</span><textarea class="field" name="instructions" rows="4" placeholder="Answer briefly, and from the handbook."></textarea></label>
  <label class="labelled"><span>Model</span><input class="field" name="model" placeholder="The server's default" spellcheck=${false} aria-describedby="model-note" /></label>
  <small id="model-note">provider:name, such as openai:gpt-5-mini. With no provider configured, answers are quoted from documents.</small><//>`;

export const FirstBot = () => mayWrite.value ? html`<${FirstBotForm} />`
  : html`<main class="entry-page" id="main"><div class="card"><h1>No bots yet</h1><p>The key you signed in with may only read, and there is nothing to read.</p></div></main>`;

export const Trouble = ({ text }) => html`<main class="entry-page" id="main"><div class="card" role="alert"><h1>Palaver can't be reached</h1><p>${text}</p>
  <button type="button" class="button primary" onClick=${() => location.reload()}>Try again</button></div></main>`;
