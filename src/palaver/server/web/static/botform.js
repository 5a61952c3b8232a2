// What a bot is: its name, instructions, model and parameters, made or changed in one form.

import { sentenceOf } from "./api.js";
import { createBot, deleteBot, editBot, restoreBot } from "./bots.js";
import { confirmed } from "./dialogs.js";
import { toast, trying } from "./notices.js";
import { addressOfBot, go } from "./router.js";
import { mayWrite, session } from "./session.js";
import { Trial } from "./trial.js";
import { Icon, html, useRef, useState } from "./view.js";

const isEmpty = (text) => text.trim() === "";
const numberOr = (text, otherwise) => (isEmpty(text) ? otherwise : Number(text));

/** The fields of the API from those of the form. Parameters that the form does not show stay as they are. */
function fieldsOf(form, before) {
  const params = { ...before.params };
  for (const name of ["temperature", "max_tokens"]) {
    if (isEmpty(form[name])) delete params[name];
    else params[name] = Number(form[name]);
  }
  return {
    name: form.name.trim(),
    instructions: form.instructions.trim(),
    ...(isEmpty(form.model) ? {} : { model: form.model.trim() }),
    params,
    idle_timeout_minutes: numberOr(form.idle_timeout_minutes, null),
  };
}

const NEW = { id: null, name: "", instructions: "", model: "", params: {}, idle_timeout_minutes: null };

/** @param {{label: string, name: string, note?: string}} props  the rest is the input's */
const Field = ({ label, name, note, ...rest }) => html`<label class="labelled"><span>${label}</span>
  <input class="field" name=${name} spellcheck=${false} aria-describedby=${note ? `${name}-note` : undefined} ...${rest} />
  ${note && html`<small id=${`${name}-note`} class="quiet" aria-hidden="true">${note}</small>`}</label>`;

async function deleteAfterAsking(bot) {
  if (!(await confirmed(`Delete “${bot.name}”, its documents and all of its conversations?`, "Delete"))) return;
  await deleteBot(bot);
  go(addressOfBot());
  toast("Deleted", { label: "Undo", run: () => trying(() => restoreBot(bot)) });
}

export function BotForm({ bot }) {
  const [trouble, setTrouble] = useState("");
  const form = useRef();
  const before = bot ?? NEW;
  const now = () => fieldsOf(Object.fromEntries(new FormData(form.current)), before);
  const save = async (event) => {
    event.preventDefault();
    setTrouble("");
    const fields = now();
    try {
      const saved = bot ? await editBot(bot, fields) : await createBot(fields);
      toast("Saved");
      if (!bot) go(addressOfBot(saved.id), { instead: true });
    } catch (error) {
      setTrouble(error.code === "version_conflict" ? "Somebody else changed this bot meanwhile. Reload, and change it again." : sentenceOf(error));
    }
  };
  const mayDelete = bot && ["admin", "operator"].includes(session.value.scope);
  return html`<div class="beside"><form ref=${form} onSubmit=${save} aria-label="Bot">
    <${Field} label="Name" name="name" required maxlength="200" defaultValue=${before.name} />
    <label class="labelled"><span>Instructions</span><textarea class="field" name="instructions" rows="7" maxlength="100000"
      placeholder="Who the bot is, what it answers from, and how." defaultValue=${before.instructions}></textarea></label>
    <${Field} label="Model" name="model" maxlength="200" required=${before.model !== ""} placeholder="The server's default" defaultValue=${before.model} note="provider:name" />
    <div class="pair">
      <${Field} label="Temperature" name="temperature" type="number" min="0" max="2" step="0.05" placeholder="The model's own" defaultValue=${before.params.temperature ?? ""} />
      <${Field} label="Tokens of an answer, at most" name="max_tokens" type="number" min="1" max="1000000" placeholder="The model's own" defaultValue=${before.params.max_tokens ?? ""} />
      <${Field} label="Ends when idle, after minutes" name="idle_timeout_minutes" type="number" min="1" max="525600" placeholder="Never" defaultValue=${before.idle_timeout_minutes ?? ""} />
    </div>
    ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
    <div class="buttons">${mayDelete && html`<button type="button" class="button plain" onClick=${() => trying(() => deleteAfterAsking(bot))}>
        <${Icon} name="trash-2" />Delete</button>`}<span class="room"></span><button class="button primary">${bot ? "Save" : "Create"}</button></div></form>
    ${bot && mayWrite.value && html`<${Trial} botId=${bot.id} now=${now} />`}</div>`;
}
