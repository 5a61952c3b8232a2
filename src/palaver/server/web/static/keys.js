// The keys of a server: who may come in with which, when each was last used; made here, shown once, and taken back.

import { remove } from "./api.js";
import { confirmed } from "./dialogs.js";
import { Moment } from "./moments.js";
import { NewKey, dropSecret, made } from "./newkey.js";
import { toast, trying } from "./notices.js";
import { pageWise } from "./pages.js";
import { isOperator, session, signOut } from "./session.js";
import { lookForTenants } from "./tenants.js";
import { html, useEffect } from "./view.js";

const { all: keys, next, load } = pageWise("v1/keys", 50);

const isOver = (key) => key.revoked_at !== null || (key.expires_at !== null && Date.parse(key.expires_at) <= Date.now());
const nameOf = (key) => key.name || "Key without a name";

async function revokeAfterAsking(key) {
  const isOwn = key.id === session.value.key_id;
  const meaning = isOwn ? "You are signed in with it, and will be signed out." : "Whoever uses it is shut out at once, for good.";
  if (!(await confirmed(`Revoke “${nameOf(key)}” (${key.prefix}…)? ${meaning}`, "Revoke"))) return undefined;
  await remove(`v1/keys/${key.id}`);
  if (isOwn) return signOut();
  await load();
  return toast("Revoked");
}

function Use({ it }) {
  if (it.revoked_at) return html`revoked <${Moment} at=${it.revoked_at} />`;
  const used = it.last_used_at ? html`used <${Moment} at=${it.last_used_at} />` : "never used";
  if (!it.expires_at) return used;
  return html`${used} · ${isOver(it) ? "expired" : "expires"} <${Moment} at=${it.expires_at} />`;
}

function Item({ it }) {
  const whose = isOperator.value && !session.value.open && it.scope !== "operator" ? ` of ${it.tenant_id}` : "";
  return html`<li class=${isOver(it) ? "item told over" : "item told"}><span class="title">${nameOf(it)}</span>
    <span class="quiet"><code>${it.prefix}…</code> · ${it.scope}${whose} · <${Use} it=${it} /></span>
    ${it.id === session.value.key_id && html`<span class="tag">yours</span>`}
    ${!isOver(it) && html`<button type="button" class="button" aria-label=${`Revoke ${nameOf(it)}`} onClick=${() => trying(() => revokeAfterAsking(it))}>Revoke</button>`}</li>`;
}

async function lookAnew() {
  await load();
  if (isOperator.value) await lookForTenants();
}

export function Keys() {
  useEffect(() => {
    trying(load);
    return dropSecret;
  }, []);
  const all = keys.value;
  return html`<section aria-label="Keys"><h2>Keys</h2>
    ${all?.length === 0 && !made.value && html`<p class="quiet">There are none. As long as no key was ever made, nobody needs one.</p>`}
    <${NewKey} onMade=${() => trying(lookAnew)} />
    <ul class="cards">${(all ?? []).map((it) => html`<${Item} key=${it.id} it=${it} />`)}</ul>
    ${next.value && html`<button type="button" class="button" onClick=${() => trying(() => load(next.value))}>Older keys</button>`}</section>`;
}
