// Other tabs of this browser: they hear that something was asked, answered, renamed or ended, and look.

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("palaver") : null;

/** Say that something has changed in a conversation. @param {string} id */
export const tellOthers = (id) => channel?.postMessage(id);

/** Hear of it. @param {(id: string) => void} hear @returns {() => void}  ends it */
export function hearOthers(hear) {
  const heard = (event) => hear(event.data);
  channel?.addEventListener("message", heard);
  return () => channel?.removeEventListener("message", heard);
}
