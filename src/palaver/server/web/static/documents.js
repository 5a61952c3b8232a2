// What a bot answers from: documents as they are uploaded, read and ready, what was made of them, and what a search finds.

import { Adding } from "./adding.js";
import { asked, get, post, remove, sentenceOf, upload } from "./api.js";
import { confirmed } from "./dialogs.js";
import { Menu } from "./menu.js";
import { toast, trying } from "./notices.js";
import { mayWrite, session } from "./session.js";
import { Training } from "./training.js";
import { html, signal, useEffect, useRef, useState } from "./view.js";

const PAGE = 100;
const SHOWN_CHUNKS = 20;
const LOOK_MS = 1000;
const UNITS = ["B", "KB", "MB", "GB"];
const STATES = { pending: "waiting", processing: "being read", failed: "failed" };

/** The documents of the bot that is shown; null until they are known. `uploads` are on their way: `{key, name, progress}`. */
const documents = signal(null);
const uploads = signal([]);
let shownBot = null;

async function load(botId) {
  const found = [];
  for (let after = null, isFirst = true; isFirst || after; isFirst = false) {
    const page = await get(asked(`v1/bots/${botId}/documents`, { limit: PAGE, after }));
    found.push(...page.data);
    after = page.next;
  }
  if (shownBot === botId) documents.value = found;
}

/** Look again while something is being read. */
function useDocuments(botId) {
  useEffect(() => {
    shownBot = botId;
    documents.value = null;
    uploads.value = [];
    trying(() => load(botId));
    const isBusy = () => documents.peek()?.some((each) => each.status === "pending" || each.status === "processing");
    const timer = setInterval(() => isBusy() && trying(() => load(botId)), LOOK_MS);
    return () => {
      clearInterval(timer);
      shownBot = null;
    };
  }, [botId]);
}

async function add(botId, file) {
  const sending = { key: Symbol(), name: file.name, progress: signal(0) };
  uploads.value = [...uploads.value, sending];
  try {
    await upload(`v1/bots/${botId}/documents`, file, (part) => (sending.progress.value = part));
    await load(botId);
  } catch (error) {
    toast(`${file.name}: ${sentenceOf(error)}`);
  }
  uploads.value = uploads.value.filter((each) => each !== sending);
}

function sizeOf(bytes) {
  const step = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), UNITS.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
}

const Passage = ({ chunk, title }) => html`<div class="passage" tabindex="0">
  ${(title || chunk.heading) && html`<b>${[title, chunk.heading, chunk.page && `page ${chunk.page}`].filter(Boolean).join(" · ")}</b>`}${chunk.text}</div>`;

async function deleteAfterAsking(it) {
  if (!(await confirmed(`Delete “${it.title}”?`, "Delete"))) return;
  await remove(`v1/documents/${it.id}`);
  await load(it.bot_id);
  const undo = async () => {
    await post(`v1/documents/${it.id}/restore`);
    await load(it.bot_id);
  };
  toast("Deleted", { label: "Undo", run: () => trying(undo) });
}

async function readAnew(it) {
  await post(`v1/documents/${it.id}/replace`);
  await load(it.bot_id);
}

function Item({ it }) {
  const [chunks, setChunks] = useState(null);
  const show = () =>
    trying(async () => setChunks(chunks ? null : (await get(asked(`v1/documents/${it.id}/chunks`, { limit: SHOWN_CHUNKS }))).data));
  const isAdmin = ["admin", "operator"].includes(session.value.scope);
  const items = [
    it.ready_version && { icon: "search", label: chunks ? "Hide the passages" : "Show the passages", run: show },
    mayWrite.value && { icon: "refresh-cw", label: "Read anew", run: () => trying(() => readAnew(it)) },
    isAdmin && { icon: "trash-2", label: "Delete …", run: () => trying(() => deleteAfterAsking(it)), bad: true },
  ].filter(Boolean);
  const passages = it.chunk_count === 1 ? "1 passage" : `${it.chunk_count} passages`;
  return html`<li class="item"><span class="title" title=${it.title}>${it.title}</span>
    <span class="quiet">${STATES[it.status] ?? `${sizeOf(it.size_bytes)} · ${passages}`}</span>
    ${items.length > 0 && html`<${Menu} label=${`Actions for ${it.title}`} items=${items} />`}
    ${it.error && html`<span class="whole bad">${it.error.message}</span>`}
    ${chunks && html`<div class="whole">${chunks.map((chunk) => html`<${Passage} key=${chunk.ordinal} chunk=${chunk} />`)}
      ${it.chunk_count > chunks.length && html`<p class="quiet">The first ${chunks.length} of ${passages}</p>`}</div>`}</li>`;
}

const Sending = ({ it }) => html`<li class="item"><span class="title">${it.name}</span>
  <progress max="1" value=${it.progress.value} aria-label=${`Uploading ${it.name}`}></progress></li>`;

const BY_WORDS = {
  lexical: "Found by their words alone: this bot has no embedding.",
  lexical_fallback: "Found by their words alone: the embedding does not answer now.",
};

function Finder({ botId }) {
  const [found, setFound] = useState(null);
  const find = (event) => {
    event.preventDefault();
    const query = new FormData(event.target).get("query").trim();
    if (query) trying(async () => setFound(await post(`v1/bots/${botId}/search`, { query })));
  };
  return html`<section aria-label="What is found"><h2>What is found</h2>
    <form role="search" aria-label="Search the documents" onSubmit=${find}><div class="row">
      <input class="field" name="query" type="search" maxlength="1000" aria-label="A question to the documents" placeholder="A question, as people ask it" />
      <button class="button">Find</button></div></form>
    ${BY_WORDS[found?.mode] && html`<p class="quiet">${BY_WORDS[found.mode]}</p>`}
    ${found && (found.hits.length ? html`<ol class="cards">${found.hits.map((hit) => html`<li class="item" key=${hit.rank}>
        <span class="title">${hit.rank}. ${hit.title}</span><span class="quiet">${Math.round(hit.score * 100)} %</span>
        <div class="whole"><${Passage} chunk=${hit.chunk} /></div></li>`)}</ol>` : html`<p class="quiet">Nothing fits.</p>`)}</section>`;
}

export function Documents({ botId }) {
  const [adds, setAdds] = useState(null);
  const file = useRef();
  useDocuments(botId);
  const chosen = (event) => {
    for (const each of event.target.files) add(botId, each);
    event.target.value = "";
  };
  const added = () => {
    setAdds(null);
    trying(() => load(botId));
  };
  const AddButton = ({ kind, label }) => html`<button type="button" class="button" aria-expanded=${adds === kind}
    onClick=${() => setAdds(adds === kind ? null : kind)}>${label}</button>`;
  const all = documents.value;
  return html`<section aria-label="Documents"><div class="row wraps"><h2>Documents</h2><span class="room"></span>
      <input ref=${file} type="file" multiple hidden onChange=${chosen} aria-label="Files to add" />
      ${mayWrite.value && html`<button type="button" class="button" onClick=${() => file.current.click()}>Add files</button>
        <${AddButton} kind="url" label="Add a web page" /><${AddButton} kind="text" label="Add text" />`}</div>
    ${adds && html`<${Adding} key=${adds} botId=${botId} kind=${adds} onAdded=${added} onLeft=${() => setAdds(null)} />`}
    ${all?.length === 0 && uploads.value.length === 0 && html`<p class="quiet">None yet. With documents, answers quote them and name their sources.</p>`}
    <ul class="cards">${uploads.value.map((it) => html`<${Sending} key=${it.key} it=${it} />`)}
      ${(all ?? []).map((it) => html`<${Item} key=${it.id} it=${it} />`)}</ul></section>
    ${all?.length > 0 && html`<${Finder} botId=${botId} />`}
    ${mayWrite.value && html`<${Training} botId=${botId} onBegun=${() => trying(() => load(botId))} />`}`;
}
