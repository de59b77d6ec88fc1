// The list: search as one types, more lines as one scrolls, stars, and the line of the contact that is open.
import { Failed, body, fetchPart } from "./fragments.js";
import { flash } from "./flashes.js";
import { morph } from "./morph.js";
import { contactId, rename, view, withSearch } from "./pane.js";
import { keepingFocus } from "./renewing.js";

const WAIT_MS = 70;
const LINES = 100;
const lines = document.getElementById("lines");
const list = document.getElementById("list");
const search = document.getElementById("q");
const tools = document.getElementById("tools");
const said = document.getElementById("said");
let asking = new AbortController();
let timer;
let shown = search.value;
let puts = 0; // how often something was put here that this window asked for

export const rows = () => [...lines.querySelectorAll(".row")];
const isNarrowed = () => ["label", "starred"].some((name) => new URLSearchParams(location.search).has(name));
const rowOf = (id) => lines.querySelector(`.row[data-id="${CSS.escape(id)}"]`);

// The place of the line that has the focus, else of the contact that is open.
export function current() {
  const all = rows();
  const focused = all.findIndex((row) => row.contains(document.activeElement));
  return focused >= 0 ? focused : all.findIndex((row) => row.dataset.id === contactId());
}

async function ask(url, part = "list") {
  asking.abort();
  asking = new AbortController();
  try {
    return (await fetchPart(part, url, { signal: asking.signal })).part;
  } catch (error) {
    if (error instanceof Failed) flash(error.message);
    else if (error.name !== "AbortError") throw error;
    return null;
  }
}

export async function refresh() {
  shown = search.value;
  const part = await ask(withSearch(list.dataset.url));
  if (!part) return;
  puts += 1;
  lines.replaceChildren(...part.body.children);
  said.textContent = lines.querySelector("[data-count]").textContent;
  mark();
  watch();
}

async function more(link) {
  link.setAttribute("aria-busy", "true");
  const part = await ask(link.href);
  if (!part) return link.removeAttribute("aria-busy");
  puts += 1;
  document.getElementById("rows").append(...part.querySelectorAll(".row"));
  const next = part.querySelector(".more");
  if (next) link.replaceWith(next);
  else link.remove();
  mark();
  watch();
}

const nearing = new IntersectionObserver(
  (seen) => { for (const one of seen) if (one.isIntersecting) { nearing.disconnect(); more(one.target); } },
  { root: list, rootMargin: "600px" },
);

function watch() {
  nearing.disconnect();
  const link = lines.querySelector(".more");
  if (link) nearing.observe(link);
}

// How many lines are here: of a list that is here whole, some more, since it may have grown.
export function loaded() {
  const count = rows().length;
  return lines.querySelector(".more") ? Math.max(count, LINES) : count + LINES;
}

export const stamp = () => `${puts} ${search.value}`;

// What the list is narrowed and sorted by, with the counts of labels.
async function refreshTools() {
  try {
    putTools((await fetchPart("tools", withSearch(list.dataset.url))).part);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
}

const putTools = (page) => morph(tools, page.getElementById("tools"));

// Makes the lines those of another page, under the eyes and the hands of whoever is here. Returns what is new.
export function putLines(fresh) {
  const place = current();
  const stay = anchored();
  putTools(fresh);
  let touched;
  keepingFocus(
    () => { touched = morph(lines, fresh.getElementById("lines")); },
    () => rows()[Math.min(place, rows().length - 1)]?.querySelector(".row-link"),
  );
  stay(touched);
  mark();
  watch();
  return touched;
}

// The line that is seen first stays where it is seen, whatever comes or goes above it.
function anchored() {
  const top = list.getBoundingClientRect().top;
  const seen = list.scrollTop > 0 ? rows().filter((row) => row.getBoundingClientRect().bottom > top) : [];
  const places = seen.slice(0, LINES).map((row) => [row, row.getBoundingClientRect().top]);
  return (moved) => {
    const [row, before] = places.find(([one]) => one.isConnected && !moved.has(one)) ?? [];
    if (row) list.scrollTop += row.getBoundingClientRect().top - before;
  };
}

function mark() {
  for (const link of lines.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  const row = view() === "none" ? null : rowOf(contactId() ?? "");
  row?.querySelector(".row-link").setAttribute("aria-current", "true");
}

async function star(button) {
  const options = { method: "POST", body: body(button.form, button) };
  try {
    const { part } = await fetchPart("row", button.formAction, options);
    const row = part.querySelector(".row");
    puts += 1;
    keepingFocus(() => rowOf(row.dataset.id).replaceWith(row), () => row.querySelector(".star"));
    mark();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    flash(error.message);
  }
}

async function recount() {
  const { part } = await fetchPart("list", withSearch(list.dataset.url));
  lines.querySelector("[data-count]").replaceWith(part.querySelector("[data-count]"));
}

document.addEventListener("pane", ({ detail: { part, method, url } }) => {
  const now = part.querySelector("template[data-row]")?.content.querySelector(".row");
  const known = now && rowOf(now.dataset.id);
  const isWritten = method === "POST";
  if (isWritten) refreshTools();
  if (isWritten && now && (!known || isNarrowed())) refresh(); // who lost the label leaves the list
  else if (known) known.replaceWith(now);
  const gone = isWritten && view() === "none" && /\/c\/([^/]+)\/delete/.exec(url);
  if (gone) removeRow(rowOf(gone[1]));
  mark();
});

function removeRow(row) {
  puts += 1;
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  row?.remove();
  if (next) recount();
  else refresh();
  next?.querySelector(".row-link").focus();
}

search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    rename(withSearch(location.href));
    list.scrollTop = 0;
    refresh();
  }, WAIT_MS);
});

addEventListener("popstate", () => {
  if (search.value !== shown) refresh();
});

search.form.addEventListener("submit", (event) => {
  event.preventDefault();
  lines.querySelector(".row-link")?.focus();
});

lines.addEventListener("click", (event) => {
  const button = event.target.closest("button.star");
  if (!button) return;
  event.preventDefault();
  star(button);
});

mark();
watch();
