// A wide screen shows the history of a contact beside it.
import { Failed, fetchPart } from "./fragments.js";

const wide = matchMedia("(width >= 1400px)");
const pane = document.getElementById("pane");

async function fill() {
  const section = document.getElementById("beside-history");
  const seq = section?.closest("[data-seq]").dataset.seq;
  if (!section || !wide.matches || section.dataset.shown === seq) return;
  section.dataset.shown = seq;
  try {
    const { part } = await fetchPart("pane", section.dataset.history);
    const history = part.querySelector(".history");
    if (!history || !section.isConnected) return;
    section.querySelector("div").replaceChildren(history);
    section.hidden = false;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    delete section.dataset.shown;
  }
}

new MutationObserver(fill).observe(pane, { childList: true, subtree: true, attributeFilter: ["data-seq"] });
wide.addEventListener("change", fill);
fill();
