// Where in the page a person is: its address and what that means.

import { signal } from "./view.js";

/** The path of the app itself, where it is mounted: this file is <base>ui/<version>/router.js. */
export const base = new URL("../../", import.meta.url).pathname;

/** Whether this is the widget's page: a frame on somebody else's, which stays at its address. */
export const isEmbedded = location.pathname.startsWith(`${base}embed/`);

/** @param {{pathname: string, hash: string}} at */
function read({ pathname, hash }) {
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : "";
  const id = /^c\/(conv_[0-9a-f]{32})$/.exec(path)?.[1] ?? null;
  const messageId = /^#(msg_[0-9a-f]{32})$/.exec(hash)?.[1] ?? null;
  const bot = /^bots(?:\/(bot_[0-9a-f]{32}|new))?$/.exec(path);
  if (path === "analytics") return { page: "analytics", query: location.search };
  return { page: bot ? "bots" : path === "admin" ? "admin" : "chat", id, messageId, botId: bot?.[1] ?? null };
}

/**
 * The `page`, "chat", "bots", "analytics" or "admin". Of the chat: the conversation `id` that is open (null: a new one), and the `messageId` that was looked
 * for in it. Of the bots: `botId`, or "new", or null for the list.
 * Of the analytics: `query`, what is chosen there.
 */
export const place = signal(read(location));

/** The address of a conversation, and of a message in it. */
export const addressOf = (id, messageId) => `${base}c/${id}${messageId ? `#${messageId}` : ""}`;

/** The address of the bots, of one of them, or of a "new" one. */
export const addressOfBot = (id) => `${base}bots${id ? `/${id}` : ""}`;

export const addressOfAdmin = `${base}admin`;
/** The address of the analytics. @param {string} [query]  "?…": what is chosen there */
export const addressOfStats = (query = "") => `${base}analytics${query}`;

/** Go to an address of this page. @param {string} address @param {{instead?: boolean}} [options]  instead: back does not lead here again */
export function go(address, { instead = false } = {}) {
  if (!isEmbedded) history[instead ? "replaceState" : "pushState"](null, "", address);
  place.value = read(new URL(address, location.href));
}

// A browser looks for the icon anew when the address changes: from then on it is named in full.
/** @type {NodeListOf<HTMLLinkElement>} */
const icons = document.querySelectorAll("link[rel=icon]");
for (const icon of icons) icon.setAttribute("href", icon.href);

addEventListener("popstate", () => (place.value = read(location)));

// A link to somewhere in the page needs no request; with a modifier it opens as the browser wants.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-here]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? base);
});
