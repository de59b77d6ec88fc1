// The list: search as one types, stars, and the row of the contact that is open.
import { Failed, body, fetchPart } from "./fragments.js";
import { flash } from "./flashes.js";
import "./list/rail.js";
import { remember } from "./list/recent.js";
import { restore } from "./list/place.js";
import {
  addressWith, adopt, begin, find, focused, positionOf, renew, reveal, rowOf, shownRows, size, where,
} from "./list/window.js";
import { morph } from "./morph.js";
import { contactId, rename, view, withSearch } from "./pane.js";
import { keepingFocus } from "./renewing.js";

const WAIT_MS = 15; // of two keys at once one search
const FIRST = 40; // rows that a search shows at once; more are fetched as one scrolls
const lines = document.getElementById("lines");
const list = document.getElementById("list");
const search = document.getElementById("q");
const tools = document.getElementById("tools");
const said = document.getElementById("said");
let asking = new AbortController();
let timer;
let shown = search.value;
let puts = 0; // how often something was put here that this window asked for
let newest = seqOf(document.body.dataset.cursor);

function seqOf(cursor) {
  return Number(cursor?.split(".").at(-1)) || Infinity;
}

const isNarrowed = () => ["label", "starred"].some((name) => new URLSearchParams(location.search).has(name));

// The position of the row that has the focus, else of the contact that is open; -1 where neither is here.
export function current() {
  const position = focused();
  if (position >= 0) return position;
  const row = rowOf(contactId() ?? "");
  return row ? positionOf(row) : -1;
}

export const currentRow = () => shownRows().find((row) => positionOf(row) === current());

// Focuses the row at a position, or the nearest one to it, wherever it is.
export async function focusAt(position) {
  if (size() === 0) return;
  const row = await reveal(Math.max(0, Math.min(size() - 1, position)));
  row?.querySelector(".row-link").focus({ preventScroll: true });
}

export const move = (by) => focusAt(current() + by);

async function ask(url) {
  asking.abort();
  asking = new AbortController();
  try {
    return (await fetchPart("list", url, { signal: asking.signal })).part;
  } catch (error) {
    if (error instanceof Failed) flash(error.message);
    else if (error.name !== "AbortError") throw error;
    return null;
  }
}

// Another list: from its top.
export async function refresh() {
  shown = search.value;
  const part = await ask(search.value ? addressWith({ lines: FIRST }) : withSearch(list.dataset.url));
  if (!part) return;
  puts += 1;
  lines.replaceChildren(...part.body.children);
  adopt();
  said.textContent = lines.querySelector("[data-count]").textContent;
  mark();
}

// The same list as it is by now, where it is.
async function update() {
  const part = await ask(addressWith(where()));
  if (!part) return;
  puts += 1;
  keepingFocus(() => renew(part), () => list);
}

export const stamp = () => `${puts} ${search.value}`;
export { where };

// What the list is narrowed and sorted by, with the counts of labels.
async function refreshTools() {
  try {
    putTools((await fetchPart("tools", withSearch(list.dataset.url))).part);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
}

const putTools = (page) => morph(tools, page.getElementById("tools"));

// Makes the rows those of another page, under the eyes and the hands of whoever is here. Returns what is new.
export function putLines(fresh) {
  const position = current();
  putTools(fresh);
  let touched;
  keepingFocus(
    () => { touched = renew(fresh.getElementById("lines"), newest); },
    () => shownRows().find((row) => positionOf(row) >= Math.min(position, size() - 1))?.querySelector(".row-link"),
  );
  newest = seqOf(fresh.body.dataset.cursor);
  mark();
  return touched;
}

function mark() {
  const open = view() === "none" ? "" : contactId();
  for (const link of lines.querySelectorAll(".row-link[aria-current]")) link.removeAttribute("aria-current");
  if (open) rowOf(open)?.querySelector(".row-link").setAttribute("aria-current", "true");
}

async function star(button) {
  const options = { method: "POST", body: body(button.form, button) };
  try {
    const { part } = await fetchPart("row", button.formAction, options);
    const row = part.querySelector(".row");
    puts += 1;
    put(row);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    flash(error.message);
  }
}

// Makes a row that is here the one that the server gave. It stays where it is until the list is made anew.
function put(fresh) {
  const row = rowOf(fresh.dataset.id);
  if (!row) return;
  [fresh.ariaPosInSet, fresh.ariaSetSize] = [row.ariaPosInSet, row.ariaSetSize];
  morph(row, fresh);
  mark();
}

document.addEventListener("pane", async ({ detail: { part, method, url } }) => {
  const fresh = part.querySelector("template[data-row]")?.content.querySelector(".row");
  const row = fresh && rowOf(fresh.dataset.id);
  const isWritten = method === "POST";
  const isSamePlace = row && nameOf(row) === nameOf(fresh);
  if (row && row.dataset.seq !== fresh.dataset.seq) put(fresh);
  mark();
  if (!isWritten) return view() === "contact" && remember(search.value);
  refreshTools();
  const gone = view() === "none" && /\/c\/([^/]+)\/delete/.exec(url);
  if (gone) await removed(rowOf(gone[1]));
  else if (fresh && (!isSamePlace || isNarrowed() || search.value)) await show(fresh.dataset.id);
});

const nameOf = (row) => row.querySelector(".row-name").textContent;

// The list with a contact that was saved, where that can be seen.
async function show(id) {
  puts += 1;
  try {
    await find(id);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
  mark();
}

async function removed(row) {
  const position = row ? positionOf(row) : -1;
  await update();
  mark();
  if (position >= 0) await focusAt(position);
}

search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    rename(withSearch(location.href));
    refresh();
  }, WAIT_MS);
});

addEventListener("popstate", () => {
  if (search.value !== shown) refresh();
});

search.form.addEventListener("submit", (event) => {
  event.preventDefault();
  remember(search.value);
  lines.querySelector(".row-link")?.focus();
});

lines.addEventListener("click", (event) => {
  const button = event.target.closest("button.star");
  if (!button) return;
  event.preventDefault();
  star(button);
});

begin(withSearch, mark);
restore(view() === "none" ? "" : contactId()).catch((error) => {
  if (!(error instanceof Failed)) throw error;
});
mark();
