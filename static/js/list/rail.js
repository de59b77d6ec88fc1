// The rail of letters beside the list: each goes to where its names begin, by mouse, by keyboard, or under a finger that
// slides along. Where a letter has less room than it takes, some of them are dots, which lead where they did.
import { goTo, reveal, sectionSeen } from "./window.js";

const LEAST_PX = 13;
const lines = document.getElementById("lines");
const bubble = document.getElementById("letter-seen");
const links = () => [...lines.querySelectorAll(".rail a")];

let sliding = null;

function slideTo(y) {
  const all = links();
  const top = all[0].getBoundingClientRect().top;
  const height = all.at(-1).getBoundingClientRect().bottom - top;
  const link = all[Math.max(0, Math.min(all.length - 1, Math.floor(((y - top) / height) * all.length)))];
  if (link === sliding) return;
  sliding = link;
  bubble.textContent = link.textContent;
  bubble.hidden = false;
  goTo(Number(link.dataset.at));
}

lines.addEventListener("pointerdown", (event) => {
  const rail = event.target.closest(".rail ol");
  if (!rail || event.button) return;
  event.preventDefault();
  rail.setPointerCapture(event.pointerId);
  slideTo(event.clientY);
});

lines.addEventListener("pointermove", (event) => {
  const rail = event.target.closest(".rail ol");
  if (rail?.hasPointerCapture(event.pointerId)) slideTo(event.clientY);
});

for (const end of ["pointerup", "pointercancel"]) {
  lines.addEventListener(end, () => {
    sliding = null;
    bubble.hidden = true;
  });
}

// A click that a finger or the mouse made has been carried out already.
lines.addEventListener("click", async (event) => {
  const link = event.target.closest(".rail a");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (event.detail) return;
  const position = Number(link.dataset.at);
  goTo(position);
  (await reveal(position))?.querySelector(".row-link").focus({ preventScroll: true });
});

// The letters are one stop of the Tab key; arrows go from one to the next.
lines.addEventListener("keydown", (event) => {
  const link = event.target.closest(".rail a");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!link || !step) return;
  event.preventDefault();
  const all = links();
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(link) + step))].focus();
});

function draw() {
  const all = links();
  const current = all[sectionSeen()];
  for (const link of all) {
    if (link === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    link.tabIndex = link === (current ?? all[0]) ? 0 : -1;
  }
  const room = (lines.querySelector(".rail ol")?.clientHeight ?? 0) / all.length;
  const step = room ? Math.ceil(LEAST_PX / room) : 1;
  for (const [number, link] of all.entries()) link.classList.toggle("thin", number % step !== 0);
}

document.addEventListener("list-seen", draw);
