// The page of an import that goes on: how far it is, until there is a result to show.
import { Failed, SignedOut, fetchPage } from "./fragments.js";
import { morph } from "./morph.js";

const WAIT_MS = 700;
const RETRY_MS = 3_000;

const part = (page) => page.querySelector("[data-import-progress]");
const shown = part(document);

async function look() {
  let wait = WAIT_MS;
  try {
    const now = part(await fetchPage(location.href));
    if (!now) return location.reload();
    morph(shown, now);
  } catch (error) {
    if (error instanceof SignedOut) return;
    if (!(error instanceof Failed)) throw error;
    wait = RETRY_MS; // the server starts again, or the network is gone
  }
  setTimeout(look, wait);
}

setTimeout(look, WAIT_MS);
