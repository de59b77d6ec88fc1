// The keyboard: one letter each, and never while somebody types.
import { open } from "./dialogs.js";
import { current, currentRow, focusAt, move } from "./list.js";
import { close, contactId, load, view, withSearch } from "./pane.js";

const search = document.getElementById("q");
const press = (id) => document.querySelector(`#pane #${id}`)?.click();

// What a key does to the line that has the focus: it is opened first, where it is not yet.
async function upon(id) {
  const row = currentRow();
  if (row?.contains(document.activeElement) && row.dataset.id !== contactId()) {
    await load(withSearch(row.querySelector(".row-link").href));
  }
  press(id);
}

function star() {
  const row = currentRow();
  if (row?.contains(document.activeElement)) row.querySelector(".star").click();
  else press("star");
}

function escape() {
  if (document.activeElement.matches("input, textarea")) {
    if (document.activeElement === search && search.value) clear();
    document.activeElement.blur();
  } else if (view() !== "none") back();
}

function clear() {
  search.value = "";
  search.dispatchEvent(new Event("input"));
}

// One step: a form or a history leads back to its contact, a contact to the list.
async function back() {
  const step = document.querySelector("#pane :is(#cancel, .history-back)");
  if (step) return step.click();
  const place = current();
  await close();
  if (view() === "none" && place >= 0) await focusAt(place);
}

const KEYS = {
  "/": () => search.select(),
  c: () => document.getElementById("create").click(),
  j: () => move(1),
  k: () => move(-1),
  e: () => upon("edit"),
  s: star,
  "#": () => upon("delete"),
  "?": () => open("help"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape();
  if (event.target.matches("input, textarea, select")) {
    if (event.target === search && event.key === "ArrowDown") move(1);
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
