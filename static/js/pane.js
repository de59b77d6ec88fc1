// What stands beside the list: a contact, its form, or nothing. Links and forms with data-pane (and rows of the list)
// fetch the part and put it in place; the address and the title follow, so that reloading shows the same.
import { Failed, SignedOut, body, fetchPart, textOf } from "./fragments.js";
import { flash, show } from "./flashes.js";
import { morph } from "./morph.js";

const book = document.querySelector(".book");
const pane = document.getElementById("pane");
const search = document.getElementById("q");

let loading = new AbortController();
let unsaved = null; // a form that was sent when nobody was signed in, and how
let place = location.pathname + location.search;

export const view = () => book.dataset.view;
export const contactId = () => pane.querySelector("[data-id]")?.dataset.id;

// What the list is narrowed and sorted by stays what they are for as long as this window is open; the search is what is typed.
export function withSearch(url) {
  const made = new URL(url, location.href);
  const here = new URLSearchParams(location.search);
  for (const name of ["q", "at"]) made.searchParams.delete(name);
  if (search.value.trim()) made.searchParams.set("q", search.value.trim());
  for (const name of ["label", "starred", "sort"]) if (here.has(name)) made.searchParams.set(name, here.get(name));
  return made.pathname + made.search;
}

export async function load(url, { method = "GET", form, button, push = true } = {}) {
  if (method === "GET" && pane.querySelector("[data-dirty]") && !confirm("Leave without saving what you typed?")) return;
  loading.abort();
  loading = new AbortController();
  unsaved = null;
  pane.setAttribute("aria-busy", "true");
  button?.setAttribute("aria-busy", "true");
  try {
    const options = method === "GET" ? { signal: loading.signal } : { method, body: body(form, button) };
    const { part, response } = await fetchPart("pane", url, options);
    put(part);
    remember(push ? withSearch(response.url) : url);
    document.dispatchEvent(new CustomEvent("pane", { detail: { part, method, url } }));
  } catch (error) {
    if (error instanceof SignedOut && form) unsaved = { url, form, button };
    if (error instanceof Failed) flash(error.message);
    else if (error.name !== "AbortError") throw error;
  } finally {
    pane.removeAttribute("aria-busy");
    button?.removeAttribute("aria-busy");
  }
}

export const close = () => load(withSearch(document.getElementById("list").dataset.url));

function put(part) {
  book.dataset.view = textOf(part, "view");
  document.title = textOf(part, "title");
  const flashes = part.querySelector("template[data-flashes]").content.children;
  pane.replaceChildren(...[...part.body.children].filter((one) => one.localName !== "template"));
  pane.scrollTop = 0;
  show([...flashes]);
  const first = pane.querySelector("[autofocus]");
  if (first) first.focus();
  else if (view() !== "none") pane.focus({ preventScroll: true });
}

// Makes the contact that is shown as new as it is on another page. Returns what is new.
export function putContact(fresh) {
  const [shown, now] = [pane, fresh].map((one) => one.querySelector("article.contact"));
  if (!shown || shown.dataset.id !== now?.dataset.id) return new Set();
  document.title = fresh.title;
  return morph(shown, now);
}

function remember(url) {
  place = url;
  if (url !== location.pathname + location.search) history.pushState(null, "", url);
}

export function rename(url) {
  place = url;
  history.replaceState(null, "", url);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-pane], a[data-close], a.row-link, #create");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  load(withSearch(link.href));
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-pane]")) return;
  event.preventDefault();
  const form = event.target;
  load(form.getAttribute("action"), { method: "POST", form, button: event.submitter });
});

document.addEventListener("signed-in", () => {
  if (!unsaved?.form.isConnected) return;
  const { url, form, button } = unsaved;
  load(url, { method: "POST", form, button });
});

addEventListener("popstate", () => {
  const url = location.pathname + location.search;
  if (url === place) return; // only the part after # changed
  search.value = new URLSearchParams(location.search).get("q") ?? "";
  load(url, { push: false });
});
