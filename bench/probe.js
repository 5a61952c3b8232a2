// Notes what a person sees of the page, from its first moment on. Times are milliseconds since its navigation began.

globalThis.probe = (() => {
  const QUIET_MS = 1000;
  const noted = { firstWord: 0, lastChange: 0, keys: [], tasks: [] };

  /** Call back when the next frame has been painted. */
  function painted(note) {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => note(performance.now());
      port2.postMessage(null);
    });
  }

  /** Call back at each change of the page, until it has seen what it waits for. */
  function watch(see) {
    const watching = new MutationObserver((changes) => see(changes) && watching.disconnect());
    watching.observe(document, { childList: true, characterData: true, subtree: true });
  }

  /** Resolves when an answer is complete, and its text changed no more for a while. */
  const answered = new Promise((resolve) => {
    let timer = 0;
    watch((changes) => {
      const answer = document.querySelector(".message.assistant.last");
      const prose = answer?.querySelector(".prose");
      if (!prose?.firstChild || !changes.some((change) => prose.contains(change.target))) return;
      painted((now) => {
        noted.firstWord ||= now;
        noted.lastChange = now;
      });
      clearTimeout(timer);
      timer = setTimeout(function look() {
        if (answer.ariaBusy === "false") resolve();
        else timer = setTimeout(look, QUIET_MS);
      }, QUIET_MS);
    });
  });

  /** Resolves with the moment at which so many messages were painted. */
  const listed = (count) =>
    new Promise((resolve) => {
      const messages = document.getElementsByClassName("message");
      const see = () => messages.length >= count && (painted(resolve), true);
      if (!see()) watch(see);
    });

  const newest = listed(50);

  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) noted.tasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });

  // A key is a press and what it writes: from the first to the frame that shows the second. Where that took less than 16 ms the
  // browser does not say how long: it counts as 16.
  let pressed = 0;
  const written = new Map();
  addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  addEventListener("input", (event) => {
    if (pressed) written.set(event.timeStamp, noted.keys.push([pressed, event.timeStamp + 16 - pressed]) - 1);
    pressed = 0;
  }, true);
  new PerformanceObserver((list) => {
    for (const { name, startTime, duration } of list.getEntries()) {
      const key = name === "input" && noted.keys[written.get(startTime)];
      if (key) key[1] = startTime + duration - key[0];
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });

  return { answered, newest, noted };
})();
