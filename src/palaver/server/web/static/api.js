// Calls of the API: JSON, problem documents, event streams over fetch, uploads that tell how far they are.

import { base } from "./router.js";
import { signal } from "./view.js";

/** What the server refused: `code` is its word, `message` its sentence, `details` the rest of its problem document. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `The server answered ${status}.`);
    this.status = status;
    this.code = document.code ?? "";
    this.details = document;
  }
}

/** What went wrong with a call, for a person: where no answer came, fetch and import have words of their own in every browser. @param {Error} error */
export const sentenceOf = (error) => (error instanceof TypeError ? "Palaver can't be reached." : error.message);

/** Counts the times that a request was refused for want of a key: whoever watches it asks for one. */
export const refusedForKey = signal(0);

/** @typedef {(path: string) => Promise<Record<string, string>>} Showing */

/** @type {Showing | null} */
let shownBy = null;

/** Show who asks by headers, and not by the browser's cookie: so does the widget's page. @param {Showing} headers */
export const showBy = (headers) => (shownBy = headers);

async function problemOf(answer) {
  if (answer.status === 401) refusedForKey.value += 1;
  return new Problem(answer.status, await answer.json().catch(() => ({})));
}

/** @typedef {{body?: object, headers?: Record<string, string>, signal?: AbortSignal}} Options */

/** @param {string} method @param {string} path  below the app, without a slash in front @param {Options} [options] */
async function request(method, path, { body, headers = {}, signal: leaving } = {}) {
  /** @type {Record<string, string>} */
  const sent = body === undefined ? {} : { "Content-Type": "application/json" };
  const shown = await shownBy?.(path);
  const answer = await fetch(base + path, {
    method,
    headers: { ...sent, ...shown, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: leaving,
    credentials: shownBy ? "omit" : "same-origin",
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

/** @param {string} method @param {string} path @param {Options} [options] */
async function json(method, path, options) {
  const answer = await request(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, options) => json("GET", path, options);
export const post = (path, body = {}, options = {}) => json("POST", path, { ...options, body });
export const patch = (path, body, options = {}) => json("PATCH", path, { ...options, body });
export const remove = (path) => json("DELETE", path);

/** Where an image can be shown from at once; "" where it has to be fetched first, since an image shows no headers. */
export const addressAtOnce = (path) => (shownBy ? "" : base + path);
export const fetched = async (path) => URL.createObjectURL(await (await request("GET", path)).blob());

/** A path with a query of what is given: null, undefined and "" are left out. */
export function asked(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/**
 * The events of a send (`body`), or of a turn that is under way: `{id, event, data}`.
 * The stream is open when this is awaited: what the server refuses is thrown here.
 * @param {string} path @param {{body?: object, after?: string, signal?: AbortSignal}} [options]
 */
export async function events(path, { body, after, signal: leaving } = {}) {
  const headers = { Accept: "text/event-stream", ...(after ? { "Last-Event-ID": after } : {}) };
  const answer = await request(body === undefined ? "GET" : "POST", path, { body, headers, signal: leaving });
  return read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
}

async function* read(reader) {
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const fields = Object.fromEntries(frame.split("\n").map((line) => line.split(/: ?(.*)/s)));
      if (fields.data) yield { id: fields.id, event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

/** Upload a file; `onProgress` is told 0 to 1. fetch tells no progress, so this is an XMLHttpRequest. */
export async function upload(path, file, onProgress) {
  const shown = Object.entries((await shownBy?.(path)) ?? {});
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    sending.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    sending.onerror = () => reject(new Error("The connection was lost."));
    sending.responseType = "json";
    sending.onload = () =>
      sending.status < 300 ? resolve(sending.response) : reject(new Problem(sending.status, sending.response ?? {}));
    sending.open("POST", base + path);
    for (const [name, value] of shown) sending.setRequestHeader(name, value);
    sending.send(form);
  });
}
