// Where the list is survives reloading, and coming back from another page: the entry of the history knows it.
import { comeBack, find, place } from "./window.js";

const WAIT_MS = 200;
let timer;

function keep() {
  history.replaceState({ ...history.state, list: place() }, "");
}

document.addEventListener("list-seen", () => {
  clearTimeout(timer);
  timer = setTimeout(keep, WAIT_MS);
});

addEventListener("pagehide", keep);

// Comes back to where the list was; else to the contact that is open.
export async function restore(contactId) {
  if (history.state?.list) await comeBack(history.state.list);
  else if (contactId) await find(contactId);
}
