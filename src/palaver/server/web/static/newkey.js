// A new key: what it is for, what it may do, how long; and its secret, which is shown this once and kept nowhere.

import { post, sentenceOf } from "./api.js";
import { confirmed } from "./dialogs.js";
import { toast } from "./notices.js";
import { isOperator, session, signIn } from "./session.js";
import { tenants } from "./tenants.js";
import { Icon, copyText, html, signal, useEffect, useRef, useState } from "./view.js";

const DAY = 86_400;
const LIVES = [["", "Until it is revoked"], [DAY, "A day"], [7 * DAY, "A week"], [30 * DAY, "30 days"], [90 * DAY, "90 days"], [365 * DAY, "A year"]];
const SCOPES = {
  read: "Sees what its tenant has, and changes nothing.",
  write: "Talks, and makes bots and conversations.",
  admin: "Does everything in its tenant: it deletes, makes keys and sees this page.",
  operator: "Does everything in its tenant, and looks after the keys, tenants and live turns of all.",
};
const FIRST = "The first key closes this server for good: from then on everybody needs one, programs that use it now as well, and to revoke it does not open the server again. You will be signed in with it.";

/** The key that was just made, with its secret: `{key, secret}`. */
export const made = signal(null);
export const dropSecret = () => (made.value = null);

const scopesToGive = () => (session.value.open ? ["operator", "admin"] : isOperator.value ? Object.keys(SCOPES) : ["read", "write", "admin"]);

/** @param {Record<string, string>} form */
async function create({ name, scope, tenant_id: tenant, expires }) {
  const isFirst = session.value.open;
  if (isFirst && !(await confirmed(FIRST, "Create and close"))) return false;
  const given = {
    scope,
    ...(name.trim() ? { name: name.trim() } : {}),
    ...(tenant?.trim() ? { tenant_id: tenant.trim() } : {}),
    ...(expires ? { expires_in_seconds: Number(expires) } : {}),
  };
  made.value = await post("v1/keys", given);
  if (isFirst) {
    await signIn(made.value.secret);
    toast("The server is closed now, and you are signed in.");
  }
  return true;
}

function Secret() {
  const field = useRef();
  const { key, secret } = made.value;
  useEffect(() => field.current.select(), [secret]);
  const copy = async () => {
    await copyText(secret);
    toast("Copied");
  };
  return html`<div class="made" role="group" aria-label="The new key"><p><b>${key.name || "The key"} is ready.</b> Keep it now: it is shown this once.</p>
    <div class="row"><input ref=${field} class="field secret" readonly value=${secret} aria-label="Secret" autocomplete="off" spellcheck=${false} />
      <button type="button" class="button primary" onClick=${copy}><${Icon} name="copy" />Copy</button>
      <button type="button" class="button" onClick=${dropSecret}>Done</button></div></div>`;
}

const Choice = ({ label, name, options, ...rest }) => html`<label class="labelled"><span>${label}</span><select class="field" name=${name} ...${rest}>
  ${options.map(([option, text]) => html`<option key=${option} value=${option}>${text}</option>`)}</select></label>`;

const Whose = () => html`<label class="labelled"><span>Tenant</span><input class="field" name="tenant_id" list="tenants" maxlength="64" pattern="[a-z0-9_.\\-]+"
  title="Small letters, digits, dots, dashes" placeholder=${session.value.tenant_id} spellcheck=${false} autocomplete="off" />
  <datalist id="tenants">${(tenants.value ?? []).map((it) => html`<option key=${it.id} value=${it.id}></option>`)}</datalist></label>`;

/** @param {{onMade: () => void}} props */
export function NewKey({ onMade }) {
  const [trouble, setTrouble] = useState("");
  const [wanted, setScope] = useState(null);
  const isFirst = session.value.open;
  const scopes = scopesToGive();
  const scope = scopes.includes(wanted) ? wanted : scopes[0];
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    setTrouble("");
    try {
      if (!(await create(Object.fromEntries(new FormData(form))))) return;
      form.reset();
      setScope(null);
      onMade();
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  return html`${made.value && html`<${Secret} />`}
    <form onSubmit=${submit} aria-label="New key"><div class="pair">
        <label class="labelled"><span>What for</span><input class="field" name="name" maxlength="200" autocomplete="off" placeholder=${isFirst ? "Me" : "Website, backup …"} /></label>
        <${Choice} label="Scope" name="scope" options=${scopes.map((each) => [each, each])} value=${scope} aria-describedby="scope-note"
          onChange=${(event) => setScope(event.target.value)} />
        ${!isFirst && isOperator.value && html`<${Whose} />`}
        ${!isFirst && html`<${Choice} label="Good for" name="expires" options=${LIVES} />`}</div>
      ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
      <div class="row"><span class="quiet grows" id="scope-note">${SCOPES[scope]}</span><button class="button">Create a key</button></div></form>`;
}
