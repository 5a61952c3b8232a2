// <script src="…/widget.js" data-bot="bot_…" async></script>: a button, and the frame that it opens. The frame's page is embed.js.
(() => {
  const { src, dataset } = /** @type {HTMLScriptElement} */ (document.currentScript);
  const { bot, tenant, token, title = "Chat", side = "right", color = "#2f5bea" } = dataset;
  const home = new URL(`embed/${bot}${tenant ? `?tenant_id=${tenant}` : ""}#${location.origin}`, src);
  const [r, g, b] = (color.match(/\w\w/g) ?? []).map((two) => parseInt(two, 16));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:host{all:initial!important}
button,iframe{border:0;bottom:20px;${side}:20px;box-shadow:0 6px 24px #0005;position:fixed;z-index:2147483000}
button{background:${color};border-radius:50%;cursor:pointer;height:56px;padding:15px;width:56px}
button:focus-visible{outline:3px solid ${color};outline-offset:3px}
button::before{background:${r * 3 + g * 6 + b > 1500 ? "#000" : "#fff"};clip-path:path("M4 1h18q4 0 4 4v11q0 4-4 4H10l-7 6v-6q-3 0-3-4V5q0-4 4-4");content:"";display:block;height:26px}
button[aria-expanded=true]::before{clip-path:path("M2 8l3-3 8 8 8-8 3 3-11 11z")}
iframe{background:Canvas;border-radius:16px;bottom:88px;height:min(640px,100dvh - 108px);width:min(400px,100vw - 40px)}
@media(max-width:480px){.on{border-radius:0;height:100%;inset:0;width:100%}}
@media print{*{display:none}}`);
  const widget = document.createElement("palaver-widget");
  const root = widget.attachShadow({ mode: "closed" });
  const button = document.createElement("button");
  let frame;
  const kept = (run) => {
    try {
      return run(localStorage, `palaver.${bot}`);
    } catch {} // then it is this page's alone
  };
  const open = (is) => {
    if (!frame) {
      frame = document.createElement("iframe");
      Object.assign(frame, { src: home, title, allow: "clipboard-write" });
      root.append(frame);
    }
    frame.hidden = !is;
    button.ariaExpanded = `${is}`;
    (is ? frame : button).focus();
  };
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame?.contentWindow || origin !== home.origin) return;
    if (data.palaver === "close") open(false);
    if (data.palaver === "token" && !token) kept((it, key) => it.setItem(key, data.token));
    if (data.palaver !== "ready") return;
    frame.className = "on";
    const page = location.origin + location.pathname;
    frame.contentWindow.postMessage({ source: location.hostname, page, token: kept((it, key) => it.getItem(key)), ...dataset, palaver: "hello" }, origin);
  });
  root.adoptedStyleSheets = [sheet];
  button.ariaLabel = title;
  button.ariaExpanded = "false";
  button.onclick = () => open(!frame || frame.hidden);
  root.append(button);
  document.documentElement.append(widget);
})();
