// Flashes: what the server said about the last thing that was done. Plain ones leave by themselves; an undo, or what
// asks for attention, stays until it is closed.
const SECONDS = 4;
const SECONDS_PER_LETTER = 0.08;
const box = document.getElementById("flashes");

export function flash(text, kind = "warn") {
  const pattern = document.createElement("div");
  pattern.className = "flash";
  pattern.dataset.kind = kind;
  const words = document.createElement("p");
  words.textContent = text;
  pattern.append(words);
  show([pattern]);
}

export function show(flashes) {
  if (flashes.length === 0) return;
  box.replaceChildren(...flashes);
  for (const one of flashes) prepare(one);
}

function prepare(one) {
  const close = one.querySelector(".flash-close") ?? closer(one);
  close.hidden = false;
  close.addEventListener("click", () => one.remove());
  if (["warn", "undo"].includes(one.dataset.kind)) return;
  const leave = () => (one.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : one.remove());
  setTimeout(leave, (SECONDS + SECONDS_PER_LETTER * one.textContent.trim().length) * 1000);
}

function closer(one) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "flash-close";
  button.setAttribute("aria-label", "Dismiss");
  button.textContent = "×";
  one.append(button);
  return button;
}

for (const one of box.querySelectorAll(".flash")) prepare(one);
