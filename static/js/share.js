// Shares a contact's card by the system, where it can; elsewhere it is downloaded, and its code is read by a camera.
import { flash } from "./flashes.js";

document.addEventListener("toggle", ({ target }) => {
  const button = target.querySelector?.("[data-shares]");
  if (button) button.hidden = !navigator.canShare?.({ files: [fileOf(new Blob(), "contact")] });
}, { capture: true });

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-shares]");
  if (!button) return;
  try {
    const answer = await fetch(button.dataset.shares);
    if (!answer.ok) throw new TypeError(answer.statusText);
    await navigator.share({ files: [fileOf(await answer.blob(), button.dataset.name)] });
  } catch (error) {
    if (error.name !== "AbortError") flash("The card could not be shared. Download it, or scan the code.");
  }
});

const fileOf = (blob, name) => new File([blob], `${name}.vcf`, { type: "text/vcard" });
