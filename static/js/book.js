// The book's page, kept as new as the book: the list and an open contact change in place. A form is never touched; above
// it stands who changed the contact meanwhile.
import { Failed, fetchPage, fetchPart } from "./fragments.js";
import { loaded, putLines, stamp } from "./list.js";
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
    const wanted = loaded();
    const url = openForm() ? withSearch(list.dataset.url) : location.href;
    let fresh = await fetchPage(withLines(url, wanted));
    if (!fresh.getElementById("lines")) fresh = await fetchPage(withLines(withSearch(list.dataset.url), wanted));
    await complete(fresh, wanted);
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

function withLines(url, wanted) {
  const made = new URL(url, location.href);
  made.searchParams.set("lines", wanted);
  return made.href;
}

// The server gives so many lines at once and no more.
async function complete(fresh, wanted) {
  const rows = fresh.getElementById("rows");
  for (let more; rows?.children.length < wanted && (more = fresh.querySelector(".more")); ) {
    const missing = wanted - rows.children.length;
    const { part } = await fetchPart("list", withLines(more.getAttribute("href"), missing));
    rows.append(...part.querySelectorAll(".row"));
    const next = part.querySelector(".more");
    if (next) more.replaceWith(next);
    else more.remove();
  }
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
  let note;
  try {
    note = (await fetchPart("news", url.href)).part.querySelector(".form-news");
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return;
  }
  form.querySelector(".form-news")?.remove();
  if (!note) return;
  form.querySelector(".pane-bar").after(note);
  said.textContent = note.textContent;
}
