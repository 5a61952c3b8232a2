// The column beside the conversation: a new one, search and filters, the list by day, the theme, the way out.

import { asked, get } from "./api.js";
import { bots } from "./bots.js";
import { offerFiles } from "./exporting.js";
import { failed, filters, groups, learn, listed, more, reload, showsFilters, which, words } from "./listing.js";
import { trying } from "./notices.js";
import { hearOthers } from "./others.js";
import { addressOfAdmin, addressOfBot, addressOfStats, base, place } from "./router.js";
import { Row, nameOf } from "./row.js";
import { isAdmin, session, signOut } from "./session.js";
import { showShortcuts } from "./shortcuts.js";
import { remember } from "./storage.js";
import { Icon, IconButton, html, signal, useEffect, useRef, useState } from "./view.js";

const SEARCH_MS = 250;
const STATUSES = [["active", "Active"], ["ended", "Ended"], ["archived", "Archived"], ["", "All"]];
const ORDERS = [["", "Newest first"], ["rating", "Best rated first"], ["message_count", "Longest first"]];
const RATINGS = [["", "Any"], ["4-5", "4 and 5"], ["3-3", "3"], ["1-2", "1 and 2"], ["1-5", "Rated at all"]];
const WHO = [["", "Anyone"], ["USER", "Users"], ["LEAD", "Leads"]];
const PEOPLE = 100; // the newest; the menu of a conversation leads to all others

/** Whether the column is open where the screen is too narrow for both. */
export const drawer = signal(false);

const root = document.documentElement;
const isDark = signal(root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

function switchTheme() {
  isDark.value = !isDark.value;
  root.dataset.theme = isDark.value ? "dark" : "light";
  remember("theme", root.dataset.theme);
}

function set(change) {
  filters.value = { ...filters.value, ...change };
  reload();
}

const isEntity = (choice) => choice.startsWith("ent_");
const setWho = (choice) => set({ entity_id: isEntity(choice) ? choice : "", entity_type: isEntity(choice) ? "" : choice });

const Choice = ({ label, value, options, onChoose }) => html`<label class="choice"><span>${label}</span>
  <select class="field" value=${value} onChange=${(event) => onChoose(event.target.value)}>
    ${options.map(([option, text]) => html`<option key=${option} value=${option}>${text}</option>`)}</select></label>`;

function Filters() {
  const { bot_id: botId, entity_id: entityId, entity_type: type, external_id: externalId, rating, sort } = filters.value;
  const [people, setPeople] = useState([]);
  useEffect(() => {
    trying(async () => setPeople((await get(asked("v1/entities", { limit: PEOPLE }))).data));
  }, []);
  const isKnown = !entityId || people.some((each) => each.id === entityId);
  const chosen = isKnown ? [] : (listed.value ?? []).slice(0, 1).map((it) => it.entity); // whom the list is about
  const who = [...WHO, ...[...people, ...chosen].map((each) => [each.id, nameOf(each)])];
  const all = [["", "All bots"], ...(bots.value ?? []).map((bot) => [bot.id, bot.name])];
  return html`<div class="filters" id="filters">
    <${Choice} label="Bot" value=${botId} options=${all} onChoose=${(id) => set({ bot_id: id })} />
    <${Choice} label="Who" value=${entityId || type} options=${who} onChoose=${setWho} />
    <${Choice} label="Rating" value=${rating} options=${RATINGS} onChoose=${(range) => set({ rating: range })} />
    <label class="choice"><span>External id</span><input class="field" value=${externalId} maxlength="255"
      onChange=${(event) => set({ external_id: event.target.value.trim() })} /></label>
    <${Choice} label="Order" value=${sort} options=${ORDERS} onChoose=${(order) => set({ sort: order })} /></div>`;
}

function Search() {
  const timer = useRef(0);
  const onInput = (event) => {
    words.value = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(reload, SEARCH_MS);
  };
  return html`<div class="search"><div class="row"><input class="field" id="search" type="search" placeholder="Search" maxlength="1000"
      aria-label="Search conversations" value=${words.value} onInput=${onInput} />
      <${IconButton} icon="sliders-horizontal" label="Filters" aria-expanded=${showsFilters.value} aria-controls="filters" onClick=${() => (showsFilters.value = !showsFilters.value)} />
      <${IconButton} icon="arrow-down" label="Export what is listed" onClick=${() => offerFiles("what is listed", "v1/export", which())} /></div>
    ${showsFilters.value && html`<${Filters} />`}
    <div class="chips" role="group" aria-label="Status">${STATUSES.map(([status, text]) =>
      html`<button type="button" key=${status} class="chip" aria-pressed=${filters.value.status === status} onClick=${() => set({ status })}>${text}</button>`)}</div></div>`;
}

const nothingHere = () => (words.value.trim() ? "Nothing holds these words." : "No conversations here yet.");

function List() {
  const end = useRef();
  useEffect(() => {
    const watch = new IntersectionObserver(([seen]) => seen.isIntersecting && more(), { rootMargin: "300px" });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [listed.value]);
  return html`<nav class="list" aria-label="Conversations">
    ${failed.value && html`<p class="quiet" role="alert">${failed.value}</p>`}
    ${listed.value?.length === 0 && html`<p class="quiet">${nothingHere()}</p>`}
    ${groups.value.map(([day, all]) => html`<section key=${day}>${day && html`<h2>${day}</h2>`}
      <ul>${all.map((it) => html`<${Row} key=${it.id} it=${it} />`)}</ul></section>`)}
    <div ref=${end}></div></nav>`;
}

export function Sidebar() {
  useEffect(() => {
    reload();
    return hearOthers((id) => learn(id).catch(() => {})); // it may be deleted by now
  }, []);
  useEffect(() => {
    drawer.value = false;
  }, [place.value]);
  return html`<aside class="sidebar" aria-label="Conversations and settings">
    <header><img src=${new URL("./mark.svg", import.meta.url).pathname} alt="" width="22" height="22" /><span class="name">Palaver</span>
      <a class="icon-button" data-here href=${base} aria-label="New conversation" title="New conversation"><${Icon} name="plus" /></a></header>
    <nav class="pages" aria-label="Pages"><a class="entry" data-here href=${addressOfBot()} aria-current=${place.value.page === "bots" ? "page" : undefined}>
      <${Icon} name="bot" />Bots</a>
      <a class="entry" data-here href=${addressOfStats()} aria-current=${place.value.page === "analytics" ? "page" : undefined}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M5 20v-6M12 20V4M19 20v-9" /></svg>Analytics</a>
      ${isAdmin.value && html`<a class="entry" data-here href=${addressOfAdmin} aria-current=${place.value.page === "admin" ? "page" : undefined}>
        <${Icon} name="key-round" />Admin</a>`}</nav>
    <${Search} /><${List} />
    <footer><${IconButton} icon=${isDark.value ? "sun" : "moon"} label=${isDark.value ? "Light theme" : "Dark theme"} onClick=${switchTheme} />
      <${IconButton} icon="keyboard" label="Keyboard shortcuts" onClick=${showShortcuts} /><span class="room"></span>
      ${session.value && !session.value.open && html`<button type="button" class="button plain" onClick=${() => trying(signOut)}>
        <${Icon} name="log-out" />Sign out</button>`}</footer></aside>`;
}
