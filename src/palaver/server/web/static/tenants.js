// The tenants of a server: an operator sees who they are, and nothing of what they hold.

import { Moment } from "./moments.js";
import { trying } from "./notices.js";
import { pageWise } from "./pages.js";
import { html, useEffect } from "./view.js";

const { all: tenants, next, load } = pageWise("v1/tenants", 100);
export { tenants };

/** Look again: a key may have made one. */
export const lookForTenants = () => load();

export function Tenants() {
  useEffect(() => {
    trying(load);
  }, []);
  return html`<section aria-label="Tenants"><h2>Tenants</h2>
    <p class="quiet">Each holds its own bots, people and conversations. One comes to be with its first key.</p>
    <ul class="cards">${(tenants.value ?? []).map((it) => html`<li class="item" key=${it.id}><span class="title">${it.id}</span>
      <span class="quiet">since <${Moment} at=${it.created_at} /></span></li>`)}</ul>
    ${next.value && html`<button type="button" class="button" onClick=${() => trying(() => load(next.value))}>More tenants</button>`}</section>`;
}
