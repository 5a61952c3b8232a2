// Past conversations as a document: first what would be used of them, then the run.

import { post } from "./api.js";
import { toast, trying } from "./notices.js";
import { addressOf } from "./router.js";
import { html, useState } from "./view.js";

const POLICIES = [["all", "All conversations"], ["rated", "Answers rated 4 and better"], ["ended", "Conversations that have ended"]];

const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function said({ used, duplicates, conversations }) {
  if (!used) return "Nothing new fits: there is nothing to train on.";
  const left = duplicates ? `, ${counted(duplicates, "near-duplicate", "near-duplicates")} left out` : "";
  return `${counted(used, "pair", "pairs")} of ${counted(conversations, "conversation", "conversations")}${left}.`;
}

const Pair = ({ pair }) => html`<li class="item"><a class="title" data-here href=${addressOf(pair.conversation_id)}>${pair.question}</a>
  <div class="whole"><div class="passage" tabindex="0">${pair.answer}</div></div></li>`;

/** @param {{botId: string, onBegun: () => void}} props  onBegun: a document is being made */
export function Training({ botId, onBegun }) {
  const [policy, setPolicy] = useState(POLICIES[0][0]);
  const [report, setReport] = useState(null);
  const look = () => trying(async () => setReport(await post(`v1/bots/${botId}/train`, { policy, dry_run: true })));
  const run = () =>
    trying(async () => {
      await post(`v1/bots/${botId}/train`, { policy });
      setReport(null);
      toast("The training has begun; its document stands among the others.");
      onBegun();
    });
  const choose = (event) => {
    setPolicy(event.target.value);
    setReport(null);
  };
  return html`<section aria-label="Training"><h2>Train on conversations</h2>
    <div class="row"><label class="labelled grows"><span class="sr">What to train on</span><select class="field" value=${policy} onChange=${choose}>
        ${POLICIES.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>
      <button type="button" class="button" onClick=${look}>See what would be used</button></div>
    ${report && html`<div class="row" role="status"><span class="quiet grows">${said(report)}</span>
      ${report.used > 0 && html`<button type="button" class="button primary" onClick=${run}>Train</button>`}</div>
      <ul class="cards">${report.pairs.map((pair) => html`<${Pair} key=${pair.turn_id} pair=${pair} />`)}</ul>`}</section>`;
}
