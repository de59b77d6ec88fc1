// The searches that led somewhere, the last first: under the field while it is empty. They stay in this browser.
const MOST = 6;
const search = document.getElementById("q");
const panel = document.getElementById("recent");
const entry = panel.querySelector("template").content;
const NAME = `searches of ${panel.dataset.of}`;

export function remember(text) {
  const words = text.trim();
  if (words) keep([words, ...known().filter((other) => other !== words)].slice(0, MOST));
}

// Nothing is known where the browser keeps nothing for pages, or keeps something else under this name.
function known() {
  try {
    const texts = JSON.parse(localStorage.getItem(NAME));
    return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
  } catch {
    return [];
  }
}

function keep(texts) {
  try {
    if (texts.length) localStorage.setItem(NAME, JSON.stringify(texts));
    else localStorage.removeItem(NAME);
  } catch {
    // A browser that keeps nothing has no recent searches.
  }
}

function show() {
  const texts = search.value ? [] : known();
  panel.hidden = texts.length === 0;
  panel.querySelector("ul").replaceChildren(...texts.map((text) => {
    const line = entry.cloneNode(true);
    line.querySelector("button").textContent = text;
    return line;
  }));
}

search.addEventListener("focus", show);
search.addEventListener("input", show);

search.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" || panel.hidden) return;
  event.stopPropagation();
  event.preventDefault();
  panel.querySelector("button").focus();
});

panel.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...panel.querySelectorAll("button")];
  if (event.key === "Escape") search.focus();
  else if (step) (buttons[buttons.indexOf(document.activeElement) + step] ?? search).focus();
  else return;
  event.stopPropagation();
  event.preventDefault();
});

panel.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches("[data-forgets]")) keep([]);
  else search.value = button.textContent;
  search.focus();
  search.dispatchEvent(new Event("input"));
});

document.addEventListener("focusin", ({ target }) => {
  if (target !== search && !panel.contains(target)) panel.hidden = true;
});
