// On whose pages a bot talks, and the line that goes into them.

import { sentenceOf } from "./api.js";
import { editBot } from "./bots.js";
import { toast, trying } from "./notices.js";
import { base } from "./router.js";
import { mayWrite, session } from "./session.js";
import { copyText, html, useState } from "./view.js";

const LINE = /\s+/;
const SHAPES = { off: "No", optional: "Can be skipped", required: "Yes" };

const quoted = (text) => text.replace(/[&"<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What goes into a page. */
function snippet(bot) {
  const { color, title } = bot.widget;
  const about = { bot: bot.id, tenant: session.value.tenant_id === "default" ? null : session.value.tenant_id, title, color };
  const said = Object.entries(about).filter(([, value]) => value).map(([name, value]) => ` data-${name}="${quoted(value)}"`);
  return `<script src="${location.origin}${base}widget.js"${said.join("")} async></script>`;
}

/** Settings that the form does not show stay as they are; an origin may be pasted as the address of a page. */
function settingsOf(form, before) {
  const origins = form.origins.trim().split(LINE).filter(Boolean).map((text) => (URL.canParse(text) ? new URL(text).origin : text));
  const { title: _t, greeting: _g, color: _c, ...rest } = before ?? {};
  const given = Object.entries({ title: form.title.trim(), greeting: form.greeting.trim(), color: form.color.toLowerCase() });
  return { ...rest, ...Object.fromEntries(given.filter(([, text]) => text)), allowed_origins: [...new Set(origins)], lead: form.lead };
}

function Snippet({ bot }) {
  const line = snippet(bot);
  const copy = () => trying(async () => {
    await copyText(line);
    toast("Copied");
  });
  return html`<label class="labelled"><span>Put this into your pages</span>
    <textarea class="field mono" rows="3" readonly spellcheck=${false} value=${line}></textarea></label>
    <div class="buttons"><button type="button" class="button" onClick=${copy}>Copy</button></div>`;
}

export function WidgetForm({ bot }) {
  const [trouble, setTrouble] = useState("");
  const now = bot.widget;
  const store = async (widget, said) => {
    setTrouble("");
    try {
      await editBot(bot, { widget });
      toast(said);
    } catch (error) {
      const origin = error.details?.errors?.some((each) => each.path?.includes("allowed_origins"));
      setTrouble(origin ? "A page is named like https://shop.example, and * names all pages." : sentenceOf(error));
    }
  };
  const save = (event) => {
    event.preventDefault();
    store(settingsOf(Object.fromEntries(new FormData(event.target)), now), now ? "Saved" : "Opened");
  };
  return html`<section aria-label="Widget"><h2>On other pages</h2>
    <p class="quiet">${now ? "Visitors of these pages talk to this bot, with no key." : "Let visitors of your pages talk to this bot. Until then nobody does who has no key."}</p>
    ${now && html`<${Snippet} bot=${bot} />`}
    ${mayWrite.value && html`<form onSubmit=${save}>
      <label class="labelled"><span>Pages, one a line</span><textarea class="field" name="origins" rows="2" required spellcheck=${false}
        placeholder="The address of your page" defaultValue=${now?.allowed_origins.join("\n") ?? ""}></textarea></label>
      <div class="pair">
        <label class="labelled"><span>Title</span><input class="field" name="title" maxlength="200" placeholder=${bot.name} defaultValue=${now?.title ?? ""} /></label>
        <label class="labelled"><span>Greeting</span><input class="field" name="greeting" maxlength="1000" defaultValue=${now?.greeting ?? ""} /></label>
        <label class="labelled"><span>Color</span><input class="field" name="color" pattern="#[0-9a-fA-F]{6}" placeholder="#2f5bea" spellcheck=${false} defaultValue=${now?.color ?? ""} /></label>
        <label class="labelled"><span>Ask for an e-mail</span><select class="field" name="lead" defaultValue=${now?.lead ?? "off"}>
          ${Object.entries(SHAPES).map(([value, text]) => html`<option key=${value} value=${value} selected=${value === (now?.lead ?? "off")}>${text}</option>`)}</select></label>
      </div>
      ${trouble && html`<p class="note bad" role="alert">${trouble}</p>`}
      <div class="buttons">${now && html`<button type="button" class="button plain" onClick=${() => store(null, "Closed")}>Close</button>`}<span class="room"></span>
        <button class="button">${now ? "Save" : "Open"}</button></div></form>`}</section>`;
}
