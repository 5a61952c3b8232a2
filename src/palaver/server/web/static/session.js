// Who is signed in. The browser holds a cookie that no script can read; this only asks what it may do.

import { get, post, refusedForKey, remove } from "./api.js";
import { isEmbedded } from "./router.js";
import { forgetDrafts, recall, remember, rememberNoMore, whenChanged } from "./storage.js";
import { computed, effect, signal } from "./view.js";

/** What `GET /v1/session` says; null until it is known. */
export const session = signal(null);
export const isLetIn = computed(() => session.value?.scope != null);
export const mayWrite = computed(() => isLetIn.value && session.value.scope !== "read");

export const isOperator = computed(() => session.value?.scope === "operator");
export const isAdmin = computed(() => isOperator.value || session.value?.scope === "admin");

export const look = async () => (session.value = await get("v1/session"));

/** The id of the key that was signed in with last, by which persons are told apart. It opens nothing. */
const WHO = "who";

export async function signIn(key) {
  const found = await post("v1/session", { key });
  const before = recall(WHO);
  remember(WHO, found.key_id);
  if (!before || before === found.key_id) session.value = found;
  else leaveNothing(); // the person before did not sign out: a week was over, or the key was revoked
}

export async function signOut() {
  await remove("v1/session");
  remember(WHO, "");
  leaveNothing();
}

/** What a person did not send is forgotten, and what was shown goes with the page. */
function leaveNothing() {
  forgetDrafts();
  leave();
}

function leave() {
  rememberNoMore();
  location.reload();
}

whenChanged(WHO, leave); // another tab let somebody else in, or nobody

effect(() => {
  // A key was revoked or a week is over: ask anew, and the page shows its door.
  if (refusedForKey.value && !isEmbedded) look().catch(() => {}); // the next refusal asks again
});
