// The list: search as one types, more lines as one scrolls, stars, and the line of the contact that is open.
import { Failed, body, fetchPart } from "./fragments.js";
import { flash } from "./flashes.js";
import { contactId, rename, view, withSearch } from "./pane.js";

const WAIT_MS = 70;
const lines = document.getElementById("lines");
const list = document.getElementById("list");
const search = document.getElementById("q");
const said = document.getElementById("said");
let asking = new AbortController();
let timer;
let shown = search.value;

export const rows = () => [...lines.querySelectorAll(".row")];
const rowOf = (id) => lines.querySelector(`.row[data-id="${CSS.escape(id)}"]`);

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
  lines.replaceChildren(...part.body.children);
  said.textContent = lines.querySelector("[data-count]").textContent;
  mark();
  watch();
}

async function more(link) {
  link.setAttribute("aria-busy", "true");
  const part = await ask(link.href);
  if (!part) return link.removeAttribute("aria-busy");
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
    rowOf(row.dataset.id).replaceWith(row);
    row.querySelector(".star").focus();
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
  if (known) known.replaceWith(now);
  else if (now && method === "POST") refresh();
  const gone = method === "POST" && view() === "none" && /\/c\/([^/]+)\/delete/.exec(url);
  if (gone) removeRow(rowOf(gone[1]));
  mark();
});

function removeRow(row) {
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
