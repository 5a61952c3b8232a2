// One conversation in the list: its title, the places where the words that are searched for stand, and what can be done with it.

import { remove, post } from "./api.js";
import { archive, conversation, end, open, rename, reopen, tookOver } from "./conversation.js";
import { askForRating, confirmed } from "./dialogs.js";
import { offerFiles } from "./exporting.js";
import { called, filters, forget, hits, named, reload, showsFilters, words } from "./listing.js";
import { Menu } from "./menu.js";
import { toast, trying } from "./notices.js";
import { addressOf, base, go, place } from "./router.js";
import { mayWrite } from "./session.js";
import { html, shortened, useLayoutEffect, useRef, useState } from "./view.js";

const AROUND = 36; // characters shown on each side of a hit
const TITLE_MAX = 60;
const NAME_MAX = 18;

const calledNow = (id) => shortened((called.get(id) ?? "").trim().replace(/\s+/g, " "), TITLE_MAX);

/** What a conversation is called here: a name that was just given, its title, or what was asked first. */
export const titleOf = (it) => named.value.get(it.id) ?? (it.title || calledNow(it.id) || "Untitled conversation");

/** A piece of a text around the first of the words, each of them marked. */
function Snippet({ text: written }) {
  const text = written.replace(/[*_`#>|~]+/g, "").replace(/\s+/g, " ");
  const patterns = words.value.trim().split(/\s+/).map((word) => RegExp.escape?.(word) ?? word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  const pattern = new RegExp(`(${patterns.join("|")})`, "giu");
  const at = Math.max(text.search(pattern), 0);
  const from = Math.max(at - AROUND, 0);
  const to = at + 3 * AROUND;
  const piece = `${from ? "…" : ""}${text.slice(from, to)}${to < text.length ? "…" : ""}`;
  return html`${piece.split(pattern).map((part, index) => (index % 2 ? html`<mark>${part}</mark>` : part))}`;
}

const Hit = ({ message }) => html`<a class="hit" data-here href=${addressOf(message.conversation_id, message.id)}><${Snippet} text=${message.text} /></a>`;

async function archiveWithUndo(it) {
  const before = it.status;
  await archive(it.id);
  const undo = async () => {
    await reopen(it.id);
    if (before === "ended") await end(it.id, { reason: it.end_reason ?? "user" });
  };
  toast("Archived", { label: "Undo", run: () => trying(undo) });
}

async function deleteAfterAsking(it) {
  if (!(await confirmed(`Delete “${titleOf(it)}”?`, "Delete"))) return;
  await remove(`v1/conversations/${it.id}`);
  forget(it.id);
  if (conversation.value?.id === it.id) {
    await open(null);
    go(base);
  }
  const undo = async () => tookOver(await post(`v1/conversations/${it.id}/restore`));
  toast("Deleted", { label: "Undo", run: () => trying(undo) });
}

/** Ask how it was, and end it. */
export async function endAfterAsking(it) {
  const how = await askForRating();
  if (how) await end(it.id, how);
}

/** Whom somebody is called in a list. */
export const nameOf = (entity) => shortened(entity.name || entity.external_id || entity.id, NAME_MAX);

/** List all conversations with the same person. */
function listAllWith(it) {
  filters.value = { ...filters.value, status: "", entity_id: it.entity.id, entity_type: "" };
  showsFilters.value = true;
  return reload();
}

/** Offer a conversation as a file. */
export const offerFile = (it) => void offerFiles(`“${titleOf(it)}”`, `v1/conversations/${it.id}/export`);

function actions(it, startNaming) {
  const act = (run) => () => trying(() => run(it));
  const reading = [
    it.entity && { icon: "search", label: `All with ${nameOf(it.entity)}`, run: act(listAllWith) },
    { icon: "arrow-down", label: "Export …", run: act(offerFile) },
  ].filter(Boolean);
  if (!mayWrite.value) return reading;
  return [
    { icon: "pencil", label: "Rename", run: startNaming },
    ...reading,
    it.status === "active" && { icon: "flag", label: "End …", run: act(endAfterAsking) },
    it.status !== "active" && { icon: "play", label: "Reopen", run: act(({ id }) => reopen(id)) },
    it.status !== "archived" && { icon: "archive", label: "Archive", run: act(archiveWithUndo) },
    { icon: "trash-2", label: "Delete …", run: act(deleteAfterAsking), bad: true },
  ].filter(Boolean);
}

function Naming({ it, done }) {
  const field = useRef();
  const before = useRef(it.title ?? ""); // a title that is made meanwhile does not come in between
  const isLeft = useRef(false); // leaving takes the focus away, which is no second save
  useLayoutEffect(() => field.current.select(), []);
  const leave = () => {
    isLeft.current = true;
    done();
  };
  const save = async (event) => {
    event.preventDefault();
    if (isLeft.current) return;
    const title = field.current.value.trim();
    leave();
    if (title && title !== before.current) await trying(() => rename(it.id, title));
  };
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    leave();
  };
  return html`<form onSubmit=${save}><input class="field" ref=${field} aria-label="Title" maxlength="200" defaultValue=${before.current}
    onKeyDown=${onKeyDown} onBlur=${save} /></form>`;
}

export function Row({ it }) {
  const [names, setNames] = useState(false);
  const row = useRef();
  const done = () => {
    setNames(false);
    row.current?.querySelector("a")?.focus();
  };
  const title = titleOf(it);
  const tag = it.running_turn_id ? "answering" : it.status === "active" ? "" : it.status;
  return html`<li ref=${row} class=${names ? "naming" : ""}>${names ? html`<${Naming} it=${it} done=${done} />`
    : html`<a class="entry" data-here href=${addressOf(it.id)} title=${title} aria-current=${place.value.id === it.id ? "page" : undefined}>
        <span class="title">${title}</span>${it.rating && html`<span class="tag" title=${`Rated ${it.rating} of 5`}>★ ${it.rating}</span>`}
        ${tag && html`<span class="tag">${tag}</span>`}</a>
      <${Menu} label=${`Actions for ${title}`} items=${actions(it, () => setNames(true))} />`}
    ${(hits.value.get(it.id) ?? []).map((message) => html`<${Hit} key=${message.id} message=${message} />`)}</li>`;
}
