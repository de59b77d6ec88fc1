// Buttons that copy a text. Without a clipboard (plain HTTP on another machine) the text is selected instead.
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button, document.getElementById(button.dataset.copies)));
}

async function copy(button, source) {
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    label.textContent = "Selected";
  }
  setTimeout(() => { label.textContent = before; }, 2000);
}
