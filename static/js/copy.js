// Buttons that copy a text: the one that they name, or the value that they stand beside. Without a clipboard (plain
// HTTP on another machine) the text is selected instead.
const SHOWN_MS = 2_000;

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copies], [data-copies-value]");
  if (button) copy(button, sourceOf(button));
});

function sourceOf(button) {
  return document.getElementById(button.dataset.copies) ?? button.closest(".fact").querySelector("dd, .notes");
}

async function copy(button, source) {
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.innerText);
    label.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    label.textContent = "Selected";
  }
  button.classList.add("is-done");
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove("is-done");
  }, SHOWN_MS);
}
