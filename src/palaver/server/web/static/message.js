// What questions and answers have in common: text that is shown as Markdown, and the buttons below.

import { toast, trying } from "./notices.js";
import { GrowingMarkdown, renderInto } from "./markdown.js";
import { copyText, html, useLayoutEffect, useRef } from "./view.js";

const GROWING = new Set(["waiting", "queued", "running"]);

/** The text of an answer. It is drawn by hand, block by block: no view has to be compared while it grows. */
export function Prose({ message }) {
  const place = useRef();
  useLayoutEffect(() => {
    if (!GROWING.has(message.status.peek())) {
      renderInto(place.current, message.text.peek(), message.found);
      return undefined;
    }
    const growing = new GrowingMarkdown(place.current);
    const draw = () => growing.update(message.text.value, message.found, !GROWING.has(message.status.value));
    const ends = [message.text.subscribe(draw), message.status.subscribe(draw)];
    return () => ends.forEach((end) => end());
  }, [message]);
  return html`<div class="prose" ref=${place}></div>`;
}

export const isGrowing = (message) => GROWING.has(message.status.value);

export const copyMessage = (message) =>
  trying(async () => {
    await copyText(message.text.value);
    toast("Copied");
  });

// One listener for all buttons in texts: the marks of sources, and those that copy code.
document.addEventListener("click", async (event) => {
  const mark = event.target.closest?.("[data-cite]");
  if (mark) {
    const source = mark.closest(".message")?.querySelector(`[data-source="${CSS.escape(mark.dataset.cite ?? "")}"]`);
    const folded = source?.closest("details");
    if (folded) folded.open = true;
    source?.scrollIntoView({ block: "nearest" });
    source?.focus();
  }
  const copy = event.target.closest?.("[data-copy]");
  const code = copy?.closest(".code")?.querySelector("code");
  if (copy && code) {
    await trying(() => copyText(code.textContent));
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }
});
