// The contact's form: rows come and go without a round trip, and what was typed is not left by mistake.
const pane = document.getElementById("pane");

function addRow(button) {
  const kind = button.closest("[data-kind]");
  const row = kind.querySelector("template").content.cloneNode(true);
  button.before(row);
  const line = button.previousElementSibling;
  line.querySelector(".line-value, textarea").focus();
  touch(button.form);
}

function removeRow(button) {
  const line = button.closest("[data-line]");
  const near = line.nextElementSibling;
  const form = button.form;
  line.remove();
  (near.matches("[data-line]") ? near.querySelector(".line-remove") : near).focus();
  touch(form);
}

// A label that is there already, however it is written, is checked; another one gets a box.
function addLabel(field) {
  const choice = field.closest(".label-choice");
  const name = field.value.trim();
  field.focus();
  if (!name) return;
  const same = [...choice.querySelectorAll("[name=label]")].find((box) => sameName(box.value, name));
  if (same) same.checked = true;
  else choice.querySelector("ul").append(boxOf(choice, name));
  field.value = "";
  touch(field.form);
}

function boxOf(choice, name) {
  const line = choice.querySelector("template").content.cloneNode(true);
  line.querySelector("input").value = name;
  line.querySelector("span").textContent = name;
  return line;
}

const sameName = (one, other) => one.localeCompare(other, undefined, { sensitivity: "accent" }) === 0;

function touch(form) {
  form.dataset.dirty = "";
}

pane.addEventListener("click", (event) => {
  const button = event.target.closest("button.add, button.add-label, button.line-remove");
  if (!button) return;
  event.preventDefault();
  if (button.matches(".add-label")) addLabel(button.form.elements.label_new);
  else if (button.matches(".add")) addRow(button);
  else removeRow(button);
});

// --- days ---

// A day that is picked is written as its reader writes one: the form says in which order, and what stands between.
function pick(button) {
  const field = document.getElementById(button.dataset.picks) ?? button.closest("[data-line]").querySelector(".line-value");
  const picker = document.createElement("input");
  picker.type = "date";
  picker.className = "picking";
  picker.tabIndex = -1;
  button.after(picker);
  picker.addEventListener("change", () => {
    const [y, m, d] = picker.value.split("-");
    const style = field.form.dataset.days;
    if (y) field.value = [...style.slice(0, 3)].map((part) => ({ y, m, d })[part]).join(style.slice(3));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  picker.addEventListener("blur", () => picker.remove());
  picker.focus();
  picker.showPicker();
}

function showPickers() {
  for (const button of pane.querySelectorAll("[data-picks][hidden]")) button.hidden = false;
}

pane.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-picks]");
  if (button) pick(button);
});
new MutationObserver(showPickers).observe(pane, { childList: true, subtree: true });
showPickers();

pane.addEventListener("input", (event) => {
  if (event.target.form?.matches("[data-form]")) touch(event.target.form);
});

pane.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  if (event.ctrlKey || event.metaKey) event.target.form?.requestSubmit();
  else if (event.target.name === "label_new" && event.target.value.trim()) {
    event.preventDefault();
    addLabel(event.target);
  }
});

pane.addEventListener("click", (event) => {
  if (event.target.closest("#cancel")) delete pane.querySelector("[data-form]").dataset.dirty;
}, { capture: true });

addEventListener("beforeunload", (event) => {
  if (pane.querySelector("[data-dirty]")) event.preventDefault();
});
