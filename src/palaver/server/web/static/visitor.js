// The visitor that this frame is for: its token, which the page around it keeps, and who it says it is.

import { asked, get, patch, post, showBy } from "./api.js";
import { messages } from "./conversation.js";
import { signal } from "./view.js";

const bot = /embed\/([^/]+)$/.exec(location.pathname)?.[1];
const tenant = new URLSearchParams(location.search).get("tenant_id");

/** How the widget looks; null until it is known. */
export const look = signal(null);
/** Whether the visitor left no address, and did not say that it will not. */
const isUnknown = signal(true);

let token = "";
/** @type {Promise<string> | null} */
let entering = null;

/** The origin of the page around this one, as its loader says it. Only pages that the bot allows can show this frame. */
const host = originOf(location.hash.slice(1));
export const isFramed = host !== null && parent !== window;

function originOf(text) {
  try {
    return new URL(text).origin === text ? text : null;
  } catch {
    return null;
  }
}

/** Say something to the page around, and to no other. */
export const tell = (what) => isFramed && parent.postMessage(what, host);

/** What the loader answers when it hears that this page is ready; at once nothing where there is none. */
export const whenGreeted = () =>
  new Promise((resolve) => {
    if (!isFramed) resolve({});
    addEventListener("message", ({ source, origin, data }) => {
      if (source === parent && origin === host && data?.palaver === "hello") resolve(data);
    });
  });

/** A visitor is made when it first asks for something that is its own: whoever only looks leaves no trace. @returns {Promise<Record<string, string>>} */
async function shown(path) {
  if (path.startsWith("v1/widgets/")) return {};
  return { Authorization: `Bearer ${token || (await (entering ??= become()))}` };
}
showBy(shown);

async function become() {
  try {
    return keep(await post(`v1/widgets/${bot}/visitors`, tenant ? { tenant_id: tenant } : {}));
  } finally {
    entering = null;
  }
}

function keep(visitor) {
  token = visitor.token;
  if (visitor.entity.email) isUnknown.value = false;
  tell({ palaver: "token", token });
  return token;
}

export async function enter() {
  look.value = await get(asked(`v1/widgets/${bot}`, { tenant_id: tenant }));
}

/** Take over a token that the page around kept, or made. @returns {Promise<boolean>} whether it is still good */
export async function resume(kept) {
  if (typeof kept !== "string" || !kept) return false;
  token = kept;
  try {
    keep(await post("v1/visitors/me/renew"));
    return true;
  } catch (error) {
    if (error.status !== 401) throw error;
    return false;
  }
}

export function forget() {
  token = "";
  isUnknown.value = true;
  tell({ palaver: "token", token });
}

/** Whether the form comes before the conversation: it has to be filled in, or nothing was said yet. */
export const mustSay = () => isUnknown.value && (look.value.lead === "required" || (look.value.lead === "optional" && messages.value?.length === 0));

export const introduce = async (fields) => keep(await patch("v1/visitors/me", fields));

export const skip = () => (isUnknown.value = false);
