// Light, dark, or as the system has it: at once and without another page. The server remembers it for this browser.
import { flash } from "./flashes.js";

const root = document.documentElement;
const scheme = document.querySelector("meta[name=color-scheme]");

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-appearance]")) return;
  event.preventDefault();
  const data = new FormData(event.target, event.submitter);
  show(data.get("theme"));
  try {
    await fetch(event.target.action, { method: "POST", body: new URLSearchParams(data), redirect: "manual" });
  } catch {
    flash("The server can’t be reached: this page shows your choice, the next one does not yet.");
  }
});

function show(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  scheme.content = theme === "system" ? "light dark" : theme;
  for (const button of document.querySelectorAll("[data-appearance] button")) {
    button.setAttribute("aria-pressed", button.value === theme);
  }
}
