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

function touch(form) {
  form.dataset.dirty = "";
}

pane.addEventListener("click", (event) => {
  const button = event.target.closest("button.add, button.line-remove");
  if (!button) return;
  event.preventDefault();
  if (button.matches(".add")) addRow(button);
  else removeRow(button);
});

pane.addEventListener("input", (event) => {
  if (event.target.form?.matches("[data-form]")) touch(event.target.form);
});

pane.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
});

pane.addEventListener("click", (event) => {
  if (event.target.closest("#cancel")) delete pane.querySelector("[data-form]").dataset.dirty;
}, { capture: true });

addEventListener("beforeunload", (event) => {
  if (pane.querySelector("[data-dirty]")) event.preventDefault();
});
