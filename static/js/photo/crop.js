// A square of a picture as numbers: which part of it is taken, for how far it is zoomed and where it is moved to.
// No page in here; field.js has it.

export const SIDE_MAX = 1024;
export const WHOLE_MAX = 2048;
export const QUALITY = 0.9;

// `zoom` is 1 for the largest square that there is; `x` and `y` say from 0 to 1 how far right and down it lies.
export function square({ width, height }, { zoom, x, y }) {
  const side = Math.min(width, height) / zoom;
  return { left: (width - side) * x, top: (height - side) * y, side };
}

// The place after the picture was dragged by so many of its own pixels.
export function dragged(size, crop, dx, dy) {
  const { side } = square(size, crop);
  const moved = (place, by, room) => (room > 0 ? Math.min(1, Math.max(0, place - by / room)) : place);
  return { ...crop, x: moved(crop.x, dx, size.width - side), y: moved(crop.y, dy, size.height - side) };
}

// Draws the square into a canvas of this side, on white: a JPEG has nothing to see through.
export function draw(canvas, picture, crop, side) {
  const part = square(picture, crop);
  const context = canvas.getContext("2d");
  canvas.width = canvas.height = side;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, part.left, part.top, part.side, part.side, 0, 0, side, side);
}

// The square as a file, at once: it is asked for while a form is being sent. It is never larger than the picture has it.
export function squareFile(picture, crop, name) {
  const canvas = document.createElement("canvas");
  const side = Math.max(1, Math.round(Math.min(SIDE_MAX, square(picture, crop).side)));
  draw(canvas, picture, crop, side);
  return jpeg(canvas, name);
}

// All of a picture as a JPEG: of one that this browser can read, and the server can't.
export function wholeFile(picture, name) {
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, WHOLE_MAX / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return jpeg(canvas, name);
}

function jpeg(canvas, name) {
  const [, text] = canvas.toDataURL("image/jpeg", QUALITY).split(",");
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new File([bytes], `${name.replace(/\.[^.]*$/, "") || "photo"}.jpg`, { type: "image/jpeg" });
}
