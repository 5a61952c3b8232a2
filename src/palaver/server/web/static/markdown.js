// Markdown of people and models as DOM that can do nothing but be read; block by block while it is written.
//
// Three walls: tags in the text are shown and not obeyed; what the parser makes is cleaned by a list of what is allowed; and the
// page's policy runs no script that is not a file of ours. An image of the text would tell its server who reads it: it is a link.

import { Marked } from "./vendor/marked.js";
import DOMPurify from "./vendor/purify.js";

const HIGHLIGHTED_MAX = 20_000; // characters of code: more than anybody reads
DOMPurify.setConfig({
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "button", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "span",
    "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["align", "aria-label", "class", "data-cite", "href", "start", "title", "type"],
  ALLOW_DATA_ATTR: false,
  ADD_URI_SAFE_ATTR: ["align", "data-cite", "start", "type"], // all others have to be addresses of this form
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  RETURN_DOM_FRAGMENT: true,
});
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => text.replace(/[&<>"']/g, (character) => ESCAPES[character]);

let known = new Set(); // the ranks that marks may name; set for the time of one parse, which nothing interrupts
const MARK = /^[[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】](?![(:])/;

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
  extensions: [
    {
      name: "mark",
      level: "inline",
      start: (source) => source.search(/[[【]\s*\d/),
      tokenizer(source) {
        const found = MARK.exec(source);
        const ranks = found?.[1].split(/[,;]/).map(Number) ?? [];
        return found && ranks.every((rank) => known.has(rank)) ? { type: "mark", raw: found[0], ranks } : undefined;
      },
      renderer: ({ ranks }) =>
        ranks.map((rank) => `<button type="button" class="mark" data-cite="${rank}" aria-label="Source ${rank}">${rank}</button>`).join(""),
    },
  ],
});

DOMPurify.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName === "A") {
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer nofollow");
  }
});

const languageOf = (code) => /language-([\w+#.-]{1,40})/.exec(code.className)?.[1] ?? "";

const plain = []; // blocks of code that wait
let isHighlighting = false;

/** Highlight a block of code soon: one a task, so that no key waits for many, and the newest first, for one looks at them. */
async function highlight(code) {
  if (code.textContent.length > HIGHLIGHTED_MAX || !languageOf(code)) return;
  plain.push(code);
  if (isHighlighting) return;
  isHighlighting = true;
  try {
    const highlighter = (await import("./vendor/highlight.js")).default;
    while (plain.length) {
      await new Promise((resolve) => setTimeout(resolve)); // another task: to load the highlighter is one
      const next = plain.pop();
      if (!highlighter.getLanguage(languageOf(next))) continue;
      const { value } = highlighter.highlight(next.textContent, { language: languageOf(next), ignoreIllegals: true });
      next.replaceChildren(DOMPurify.sanitize(value));
    }
  } finally {
    isHighlighting = false;
  }
}

/** Give each block of code its head with the language and a button to copy it, and let wide tables scroll. */
function dressed(fragment, settled) {
  for (const code of fragment.querySelectorAll("pre > code")) {
    const [box, head] = ["div", "header"].map((name) => document.createElement(name));
    const copy = document.createElement("button");
    const pre = code.parentNode;
    box.className = "code";
    copy.type = "button";
    copy.dataset.copy = "";
    copy.textContent = "Copy";
    pre.tabIndex = 0;
    head.append(Object.assign(document.createElement("span"), { textContent: languageOf(code) || "text" }), copy);
    pre.replaceWith(box);
    box.append(head, pre);
    if (settled) highlight(code);
  }
  for (const table of fragment.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "wide";
    box.tabIndex = 0;
    table.replaceWith(box);
    box.append(table);
  }
  return fragment;
}

const fragmentOf = (markup, settled) => dressed(DOMPurify.sanitize(markup), settled);
const straight = (text) => text.replace(/\r\n?/g, "\n");

/** Show a whole text in an element. @param {Iterable<number>} ranks  of the citations that its marks may name */
export function renderInto(root, text, ranks = []) {
  known = new Set(ranks);
  root.replaceChildren(fragmentOf(marked.parse(straight(text)), true));
}

/**
 * Shows a text that grows. All of its blocks but the last are taken as settled and shown once; only the last is shown anew.
 * The end compares that with the whole, parsed at once: a reference link or a list can change what stands above it.
 */
export class GrowingMarkdown {
  constructor(root) {
    this.root = root;
    this.clear();
  }

  clear() {
    this.root.replaceChildren();
    this.text = this.markup = "";
    this.settled = 0; // characters
    this.loose = 0; // nodes of the last block
  }

  /** @param {string} given  the text so far @param {Iterable<number>} ranks @param {boolean} final */
  update(given, ranks, final) {
    const text = straight(given);
    if (!text.startsWith(this.text)) this.clear();
    this.text = text;
    known = new Set(ranks);
    const tokens = marked.lexer(text.slice(this.settled));
    const last = tokens.findLastIndex((token) => token.type !== "space");
    const markupOf = (list) => marked.parser(Object.assign(list, { links: tokens.links }));
    for (; this.loose > 0; this.loose--) this.root.lastChild.remove();
    const closed = final ? tokens : tokens.slice(0, Math.max(last, 0));
    if (closed.length) this.settle(markupOf(closed), closed);
    if (final) this.compare();
    else if (last >= 0) this.showLoose(markupOf([tokens[last]]));
  }

  settle(markup, closed) {
    this.markup += markup;
    this.root.append(fragmentOf(markup, true));
    this.settled += closed.reduce((sum, token) => sum + token.raw.length, 0);
  }

  showLoose(markup) {
    const fragment = fragmentOf(markup, false);
    this.loose = fragment.childNodes.length;
    this.root.append(fragment);
  }

  compare() {
    const whole = marked.parse(this.text);
    if (whole !== this.markup) this.root.replaceChildren(fragmentOf(whole, true));
  }
}

const SAMPLE = "A *word*, `code` <b> [1]\n\n- one\n\n| a |\n| - |\n| b |\n\n```\nc\n```\n";
// What is read first is compiled first, which takes a slow telephone longer than reading it: that is done before there are words.
(globalThis.requestIdleCallback ?? setTimeout)(() => renderInto(document.createElement("div"), SAMPLE));
