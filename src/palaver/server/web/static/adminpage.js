// What the owner of a server looks after: who may come in, what runs now, and whether what is kept is safe.

import { Keys } from "./keys.js";
import { LiveTurns } from "./liveturns.js";
import { isAdmin, isOperator, session } from "./session.js";
import { StoreHealth } from "./storehealth.js";
import { Tenants } from "./tenants.js";
import { Icon, html, useEffect } from "./view.js";

const Open = () => html`<p class="note warned" role="note"><${Icon} name="circle-alert" /><span>This server is open: whoever reaches it may do everything,
  and needs no key. It answers on this machine only, unless it was started with <code>--open</code>. The first key closes it for good.</span></p>`;

const NotForYou = () => html`<p class="quiet">Keys, live turns and the store are for keys with the scope <b>admin</b> or <b>operator</b>.
  The key you signed in with has the scope <b>${session.value.scope}</b>: all else on this page is as it is for everybody.</p>`;

const All = () => html`${session.value.open && html`<${Open} />`}<${LiveTurns} /><${Keys} />
  ${isOperator.value && html`<${Tenants} />`}<${StoreHealth} />`;

export function AdminPage({ opener }) {
  useEffect(() => {
    document.title = "Admin · Palaver";
  }, []);
  return html`<main id="main" class="main" tabindex="-1"><header class="head">${opener}<h1>Admin</h1></header>
    <div class="sheet" tabindex="0" role="region" aria-label="Admin"><div class="column">
      ${isAdmin.value ? html`<${All} />` : html`<${NotForYou} />`}</div></div></main>`;
}
