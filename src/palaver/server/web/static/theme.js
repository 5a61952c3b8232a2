"use strict";
// A classic script in the head: it sets the theme that was chosen before anything is painted.
try {
  const chosen = localStorage.getItem("palaver.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // a frame of another site has no storage: the system's theme it is
}
