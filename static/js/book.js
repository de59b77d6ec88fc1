// The book's page, kept as new as the book: the list and an open contact change in place. A form is never touched; above
// it stands who changed the contact meanwhile.
import { Failed, fetchPage, fetchPart } from "./fragments.js";
import { putLines, stamp, where } from "./list.js";
import { close, putContact, withSearch } from "./pane.js";
import { keepingFocus, light, showing } from "./renewing.js";

const list = document.getElementById("list");
const pane = document.getElementById("pane");
const said = document.getElementById("live-said");
const openForm = () => pane.querySelector("[data-form]");

showing({
  wants: () => true,
  state: () => `${location.href} ${stamp()} ${pane.ariaBusy}`,

  async fetch() {
    const url = openForm() ? withSearch(list.dataset.url) : location.href;
    const fresh = await fetchPage(withPlace(url));
    if (!fresh.getElementById("lines")) return fetchPage(withPlace(withSearch(list.dataset.url)));
    return fresh;
  },

  async put(fresh, concerns) {
    light(putLines(fresh));
    const form = openForm();
    if (!form) await putPane(fresh);
    else if (concerns(form.dataset.id)) await tell(form);
    return true;
  },
});

// The page with the rows that are seen here.
function withPlace(url) {
  const made = new URL(url, location.href);
  for (const [name, value] of Object.entries(where())) made.searchParams.set(name, value);
  return made.href;
}

async function putPane(fresh) {
  const isGone = pane.querySelector(".contact") && !fresh.querySelector("#pane .contact");
  if (isGone) await close();
  else keepingFocus(() => light(putContact(fresh)), () => pane);
}

async function tell(form) {
  const { base, change_id: changeId } = form.elements;
  const url = new URL(form.action);
  url.search = new URLSearchParams({ base: base.value, change_id: changeId.value });
  let part;
  try {
    ({ part } = await fetchPart("news", url.href));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return;
  }
  for (const old of form.querySelectorAll(".form-news, .meanwhile")) old.remove();
  const note = part.querySelector(".form-news");
  if (!note) return;
  form.querySelector(".pane-bar").after(note);
  for (const value of part.querySelectorAll(".meanwhile")) placeOf(form, value.dataset.cell)?.append(value);
  said.textContent = note.textContent;
}

const ROWS = { phone: "phone", phone_label: "phone", email: "email", email_label: "email", website: "url", website_label: "url" };

// Where in the form a cell is typed: beside its input, or in the line of its detail.
function placeOf(form, cell) {
  const [, key] = cell.split("/");
  const kind = ROWS[cell];
  if (!key && !kind) return form.elements[cell]?.parentElement;
  const keys = [...form.querySelectorAll(kind ? `[name=${kind}_key]` : "[name$=_key]")];
  return keys.find((input) => input.value === (kind ? "@" : key))?.closest("[data-line]");
}
