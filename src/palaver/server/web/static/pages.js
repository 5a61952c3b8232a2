// A list of the API that is read a page at a time, on demand.

import { asked, get } from "./api.js";
import { signal } from "./view.js";

/**
 * `all` are those that were read so far, null until they are known; `next` leads to more. `load` reads the first page anew, or the one
 * behind a cursor.
 * @param {string} path @param {number} limit
 */
export function pageWise(path, limit) {
  const all = signal(null);
  const next = signal(null);
  async function load(after = null) {
    const page = await get(asked(path, { limit, after }));
    all.value = after ? [...all.value, ...page.data] : page.data;
    next.value = page.next;
  }
  return { all, next, load };
}
