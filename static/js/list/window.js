// The list as a window on all of its rows: those that are seen are on the page, with some around them, and no others.
// What is missing is fetched by its positions. Whatever others add or remove, the row that is seen first stays there.
import { Failed, fetchPart } from "../fragments.js";
import { morph } from "../morph.js";
import { Geometry } from "./geometry.js";

const AROUND = 10; // rows on the page above and below what is seen
const AHEAD = 30; // rows that are fetched before they are needed
const FETCHED = 80;
const ABOVE = 3; // rows above one that is looked for in a list that is hidden
const KEPT = 400; // rows that are kept beside those on the page

const lines = document.getElementById("lines");
const list = document.getElementById("list");

let addressOf = (url) => url;
let marking = () => {};
let scroller, rows, geometry, signature;
let kept = new Map(); // position -> row
let heads = new Map(); // heading and place -> heading on the page
let fetching = null;
let isPlanned = false;
let version = 0; // of what is kept: an answer to an earlier one is dropped
let seen = { position: 0, offset: 0 };
let lost = -1; // the position of a row that had the focus when it left the page

// `its` gives the list's address, and marks rows that came.
export function begin(address, mark) {
  [addressOf, marking] = [address, mark];
  adopt();
  new ResizeObserver(resize).observe(lines);
  lines.addEventListener("scroll", plan, { capture: true, passive: true });
}

function plan() {
  if (!isPlanned) requestAnimationFrame(() => { isPlanned = false; render(); });
  isPlanned = true;
}

export const size = () => geometry?.total ?? 0;
export const shownRows = () => (rows ? [...rows.querySelectorAll(".row[data-id]")] : []);
export const rowOf = (id) => [...kept.values()].find((row) => row.dataset.id === id);
export const sectionSeen = () => geometry?.sectionAt(seen.position) ?? -1;
export const positionOf = (row) => row.ariaPosInSet - 1;
export const isWaiting = () => fetching !== null;

// The position of the row that has the focus, or had it when it left the page; else -1.
export function focused() {
  const row = document.activeElement?.closest("#rows .row");
  if (row) return positionOf(row);
  return [document.body, scroller].includes(document.activeElement) ? lost : -1;
}

// --- what the server gave ---

// Takes the list that is on the page, as the server made it.
export function adopt() {
  version += 1;
  scroller = lines.querySelector(".rows-scroll");
  rows = lines.querySelector("#rows");
  [kept, heads, geometry, lost] = [new Map(), new Map(), null, -1];
  if (!rows) return;
  for (const link of lines.querySelectorAll(".more")) link.remove();
  take(lines);
  for (const [position, row] of rowsIn(lines)) kept.set(position, row);
  measure();
  seen = { position: Number(rows.dataset.start), offset: geometry?.head ?? 0 };
  if (geometry) putBack();
}

// Puts another state of the same list in place of this one. Returns the rows that say something new.
export function renew(part, newest = Infinity) {
  const fresh = part.querySelector("#rows");
  if (!geometry || !fresh) return replace(part);
  const place = anchors();
  const touched = new Set();
  const known = new Map([...kept.values()].map((row) => [row.dataset.id, row]));
  version += 1;
  take(part);
  kept = new Map(rowsIn(part).map(([position, row]) => [position, settled(known.get(row.dataset.id), row, touched, newest)]));
  morph(lines.querySelector(".list-bar"), part.querySelector(".list-bar"));
  morph(lines.querySelector(".rail"), part.querySelector(".rail"));
  geometry = new Geometry(sectionsIn(lines), Number(rows.dataset.total), geometry.row, geometry.head || headHeight());
  stay(place);
  marking();
  return touched;
}

function replace(part) {
  lines.replaceChildren(...part.querySelectorAll(".list-bar, .rows-frame, .empty"));
  adopt();
  marking();
  return new Set();
}

function settled(row, fresh, touched, newest) {
  if (!row) {
    if (Number(fresh.dataset.seq) > newest) touched.add(fresh);
    return fresh;
  }
  const before = row.dataset.seq;
  if (!row.isEqualNode(fresh)) morph(row, fresh);
  if (row.dataset.seq !== before) touched.add(row);
  return row;
}

function rowsIn(part) {
  const { start, total } = part.querySelector("#rows").dataset;
  return [...part.querySelectorAll("#rows .row")].map((row, number) => {
    const position = Number(start) + number;
    [row.ariaPosInSet, row.ariaSetSize] = [position + 1, total];
    return [position, row];
  });
}

// The columns stay that some row had: that they come and go with what is seen would be a flicker.
function take(part) {
  const fresh = part.querySelector("#rows");
  rows.dataset.total = fresh.dataset.total;
  signature = signatureOf(part);
  list.dataset.columns = [...new Set(`${list.dataset.columns ?? ""} ${fresh.dataset.columns}`.split(" "))].join(" ").trim();
}

const sectionsIn = (part) => [...part.querySelectorAll(".rail a")].map(({ dataset }) => (
  { heading: dataset.heading, start: Number(dataset.at) }
));
const signatureOf = (part) => `${part.querySelector("#rows")?.dataset.total} ${sectionsIn(part).map(({ start }) => start)}`;

// --- what is seen ---

function measure() {
  const row = rows.querySelector(".row")?.getBoundingClientRect().height;
  if (!row) return;
  geometry = new Geometry(sectionsIn(lines), Number(rows.dataset.total), row, headHeight());
}

const headHeight = () => rows.querySelector(".letter")?.getBoundingClientRect().height ?? 0;

function resize() {
  if (!rows || !scroller.clientHeight) return;
  measure();
  putBack();
}

const scrolled = () => (geometry ? geometry.topOf(seen.position) - seen.offset : 0);

function putBack() {
  rows.style.height = `${geometry.height}px`;
  scroller.scrollTop = geometry.topOf(Math.min(seen.position, geometry.total - 1)) - seen.offset;
  render();
}

export function render() {
  if (!geometry) return;
  const { scrollTop, clientHeight } = scroller;
  if (!clientHeight) return showHidden();
  const top = geometry.positionAt(scrollTop);
  seen = { position: top, offset: geometry.topOf(top) - scrollTop };
  const bottom = geometry.positionAt(scrollTop + clientHeight);
  show(Math.max(top - AROUND, 0), Math.min(bottom + AROUND, geometry.total - 1));
  need(Math.max(top - AHEAD, 0), Math.min(bottom + AHEAD, geometry.total - 1));
  document.dispatchEvent(new Event("list-seen"));
}

// A list that stands behind a contact, as on a phone, is kept as well, around where it was.
function showHidden() {
  const middle = Math.min(seen.position, geometry.total - 1);
  show(Math.max(middle - AROUND, 0), Math.min(middle + AHEAD, geometry.total - 1));
}

function show(first, last) {
  const wanted = [];
  for (let position = first; position <= last; position += 1) {
    const section = geometry.sectionAt(position);
    const isFirst = position === first || geometry.sections[section]?.start === position;
    if (section >= 0 && isFirst) wanted.push(headOf(section));
    wanted.push(kept.get(position) ?? blank());
  }
  rows.style.height = `${geometry.height}px`;
  rows.style.paddingTop = `${geometry.topOf(first) - geometry.head}px`;
  sync(wanted);
}

// No node is moved that stays: it would lose the focus.
function sync(wanted) {
  const stays = new Set(wanted);
  for (const node of [...rows.childNodes]) {
    if (stays.has(node)) continue;
    if (node.contains(document.activeElement)) {
      lost = positionOf(node);
      scroller.focus({ preventScroll: true });
    }
    node.remove();
  }
  let place = rows.firstChild;
  for (const node of wanted) {
    if (node === place) place = place.nextSibling;
    else rows.insertBefore(node, place);
  }
}

function headOf(number) {
  const { heading } = geometry.sections[number];
  const name = `${number} ${heading}`;
  if (!heads.has(name)) {
    const head = document.createElement("li");
    head.className = "letter";
    head.append(Object.assign(document.createElement("h2"), { textContent: heading }));
    heads.set(name, head);
  }
  return heads.get(name);
}

function blank() {
  const row = document.createElement("li");
  row.className = "row blank";
  row.ariaHidden = "true";
  return row;
}

// --- what is missing ---

const isKept = (position) => kept.has(position) || position < 0 || position >= geometry.total;

async function need(first, last) {
  while (first <= last && kept.has(first)) first += 1;
  while (last >= first && kept.has(last)) last -= 1;
  if (first > last || fetching) return;
  const start = isKept(last + 1) && !isKept(first - 1) ? last - FETCHED + 1 : first;
  fetching = fetchRows({ at: Math.max(start, 0), lines: FETCHED }, version);
  try {
    if (await fetching) setTimeout(render);
  } finally {
    fetching = null;
  }
}

// Fetches rows, and keeps them. Returns whether they came.
async function fetchRows(where, asked) {
  let part;
  try {
    ({ part } = await fetchPart("list", addressWith(where)));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return false;
  }
  if (asked !== version) return true;
  if (signatureOf(part) !== signature) {
    renew(part);
    return true;
  }
  for (const [position, row] of rowsIn(part)) if (!kept.has(position)) kept.set(position, row);
  forget();
  marking();
  return true;
}

export function addressWith(where) {
  const url = new URL(addressOf(list.dataset.url), location.href);
  for (const [name, value] of Object.entries(where)) url.searchParams.set(name, value);
  return url.href;
}

function forget() {
  if (kept.size <= KEPT) return;
  for (const position of kept.keys()) if (Math.abs(position - seen.position) > KEPT / 2) kept.delete(position);
}

// --- where one is ---

// What to ask for so that the answer has what is seen.
export function where() {
  const first = kept.get(seen.position);
  if (scrolled() <= 0 || !first) return { at: seen.position && Math.max(seen.position - AHEAD, 0), lines: FETCHED };
  return { at: Math.max(seen.position - AHEAD, 0), around: first.dataset.id, lines: FETCHED };
}

// The rows that are seen, and how far each is from the upper edge; last those that the heading covers. Nothing where one
// is at the top of the list.
function anchors() {
  const top = scrolled();
  if (top <= 0) return [];
  const last = geometry.positionAt(top + scroller.clientHeight);
  const places = [];
  for (let position = seen.position; position <= last; position += 1) {
    const row = kept.get(position);
    if (row) places.push([row.dataset.id, geometry.topOf(position) - top]);
  }
  const isCovered = ([, offset]) => offset < geometry.head;
  return [...places.filter((one) => !isCovered(one)), ...places.filter(isCovered)];
}

function stay(places) {
  const now = new Map([...kept].map(([position, row]) => [row.dataset.id, position]));
  const [id, offset] = places.find(([one]) => now.has(one)) ?? [];
  if (id) seen = { position: now.get(id), offset };
  putBack();
}

// Where the list is, to come back to it.
export function place() {
  const row = kept.get(seen.position);
  return { ...seen, id: row?.dataset.id };
}

// Goes to where the list was; where another contact stands there by now, to the one that stood there.
export async function comeBack({ position, offset, id }) {
  seen = { position, offset };
  if (!geometry) return;
  putBack();
  await fetching;
  if (id && kept.get(position)?.dataset.id !== id) await find(id, offset);
}

// Puts a contact's row so far below the upper edge; without a distance, wherever it is seen. Returns whether it is here.
export async function find(id, offset) {
  const { part } = await fetchPart("list", addressWith({ ...where(), around: id }));
  renew(part);
  const row = rowOf(id);
  if (!row) return false;
  if (!geometry) seen = { position: Math.max(positionOf(row) - ABOVE, 0), offset: 0 };
  else if (offset === undefined) await reveal(positionOf(row));
  else {
    seen = { position: positionOf(row), offset };
    putBack();
  }
  return true;
}

// Puts this position at the upper edge.
export function goTo(position) {
  if (!geometry) return;
  seen = { position, offset: geometry.head };
  putBack();
}

// Scrolls as little as it takes to see the row at a position. Returns the row.
export async function reveal(position) {
  const { scrollTop, clientHeight } = scroller;
  const top = geometry.topOf(position);
  if (top - geometry.head < scrollTop) scroller.scrollTop = top - geometry.head;
  else if (top + geometry.row > scrollTop + clientHeight) scroller.scrollTop = top + geometry.row - clientHeight;
  render();
  for (let tries = 0; !kept.has(position) && fetching && tries < 3; tries += 1) {
    await fetching;
    render();
  }
  return kept.get(position);
}
