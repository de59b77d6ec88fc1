// The photo of a contact's form: chosen, dropped or pasted, and cut to a square. Without it the field takes a file.
import { flash } from "../flashes.js";
import { draw, dragged, squareFile, wholeFile } from "./crop.js";

const PREVIEW = 240;
const NO_PICTURE = "What was dropped is no picture.";
const pane = document.getElementById("pane");
let chosen = null; // what is shown in the form that is open: its field, its picture, its crop

const openField = () => pane.querySelector("[data-photo]");
const part = (field, name) => field.querySelector(`[data-photo-${name}]`);
const fileInput = (field) => field.querySelector("[type=file]");

async function take(field, file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    picture = null; // the server says what is wrong with it, or can read what this browser can't
  }
  if (!field.isConnected || fileInput(field).files[0] !== file) return;
  part(field, "crop").hidden = !picture;
  part(field, "now")?.toggleAttribute("hidden", Boolean(picture));
  chosen?.picture.close();
  chosen = picture && { field, file, picture, crop: { zoom: 1, x: 0.5, y: 0.5 } };
  if (chosen) show();
}

function choose(field, file) {
  const input = fileInput(field);
  put(input, file);
  input.form.dataset.dirty = "";
  const remove = field.querySelector("[name=photo_remove]");
  if (remove) remove.checked = false;
  take(field, file);
}

function put(input, file) {
  const list = new DataTransfer();
  list.items.add(file);
  input.files = list.files;
}

function show() {
  const { field, picture, crop } = chosen;
  draw(part(field, "canvas"), picture, crop, PREVIEW);
  for (const name of ["zoom", "x", "y"]) part(field, name).value = crop[name];
}

function clear(field) {
  chosen = null;
  fileInput(field).value = "";
  part(field, "crop").hidden = true;
  part(field, "now")?.removeAttribute("hidden");
  fileInput(field).focus();
}

const imageOf = (transfer) => [...transfer.files].find((file) => file.type.startsWith("image/"));

pane.addEventListener("change", ({ target }) => {
  if (target.name === "photo_file" && target.files[0]) choose(target.closest("[data-photo]"), target.files[0]);
});

pane.addEventListener("input", ({ target }) => {
  if (!chosen?.field.contains(target) || target.type !== "range") return;
  const { field } = chosen;
  chosen.crop = Object.fromEntries(["zoom", "x", "y"].map((name) => [name, Number(part(field, name).value)]));
  show();
});

pane.addEventListener("click", (event) => {
  if (!event.target.closest("[data-photo-clear]")) return;
  event.preventDefault();
  clear(event.target.closest("[data-photo]"));
});

// --- by hand ---

pane.addEventListener("pointerdown", (event) => {
  if (!event.target.matches("[data-photo-canvas]") || !chosen) return;
  event.preventDefault();
  event.target.setPointerCapture(event.pointerId);
  const from = { ...chosen.crop };
  const scale = Math.min(chosen.picture.width, chosen.picture.height) / from.zoom / event.target.clientWidth;
  const move = ({ clientX, clientY }) => {
    const [dx, dy] = [(clientX - event.clientX) * scale, (clientY - event.clientY) * scale];
    chosen.crop = dragged(chosen.picture, from, dx, dy);
    show();
  };
  event.target.onpointermove = move;
  event.target.onlostpointercapture = () => { event.target.onpointermove = null; };
});

// A picture may be dropped anywhere on the form: beside it, the browser would leave the page for it.
const hasFiles = (event) => openField() && event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  openField().classList.add("is-target");
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) openField()?.classList.remove("is-target");
});

document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  openField().classList.remove("is-target");
  const file = imageOf(event.dataTransfer);
  if (file) choose(openField(), file);
  else flash(NO_PICTURE);
});

// Text that was copied with a picture of itself is pasted as text.
document.addEventListener("paste", (event) => {
  const field = openField();
  const file = field && imageOf(event.clipboardData);
  const isText = event.target.closest?.("input, textarea") && event.clipboardData.types.includes("text/plain");
  if (!file || isText) return;
  event.preventDefault();
  choose(field, file);
});

// Before the form is sent, the square takes the place of the file.
document.addEventListener("submit", ({ target }) => {
  if (!chosen?.field.isConnected || !target.contains(chosen.field)) return;
  const { field, file, picture, crop } = chosen;
  const input = fileInput(field);
  if (part(field, "square").checked) put(input, squareFile(picture, crop, file.name));
  else put(input, input.accept.split(",").includes(file.type) ? file : wholeFile(picture, file.name));
}, { capture: true });
