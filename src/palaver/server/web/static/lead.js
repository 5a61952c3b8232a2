// Who a visitor is: a form in front of the conversation, where the widget asks for it.

import { sentenceOf } from "./api.js";
import { html, useState } from "./view.js";
import { introduce, look, skip } from "./visitor.js";

export function LeadForm() {
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const { consent, greeting, lead } = look.value;
  const send = async (event) => {
    event.preventDefault();
    const { name, email, agreed } = Object.fromEntries(new FormData(event.target));
    setIsBusy(true);
    setTrouble("");
    try {
      await introduce({ name: name.trim(), email: email.trim(), consent: agreed === "on" });
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
    setIsBusy(false);
  };
  return html`<div class="log" tabindex="0" role="region" aria-label="Who you are"><form class="lead" onSubmit=${send}>
    <h2>${greeting ?? "Before we begin"}</h2><p class="quiet">${lead === "required" ? "Please say who you are." : "Say who you are, if you like: then we can write to you."}</p>
    <label class="labelled"><span>Name</span><input class="field" name="name" required maxlength="200" autocomplete="name" /></label>
    <label class="labelled"><span>E-mail</span><input class="field" name="email" type="email" required maxlength="254" autocomplete="email" /></label>
    ${consent && html`<label class="agreed"><input type="checkbox" name="agreed" required /><span>${consent}</span></label>`}
    ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
    <div class="buttons">${lead === "optional" && html`<button type="button" class="button plain" onClick=${skip}>Skip</button>`}
      <button class="button primary" disabled=${isBusy}>Begin</button></div></form></div>`;
}
