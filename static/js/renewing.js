// What is shown, made as new as the book: the page is fetched once more, and what differs is put in place. One fetch at
// a time, however many changes come; none for what this page has shown already; and nothing under a typing hand.
import { Failed, SignedOut, fetchPage, settled, takeToken } from "./fragments.js";
import { morph } from "./morph.js";

const WAIT_MS = 50;
const REST_MS = 400;
const MANY = 50;
const MANY_REST_MS = 2_000;
const RETRY_MS = 5_000;
const LIT = ".row, .fact, .contact-head :is(h2, p, li), .waits, .event, .items > li, .conflict, .numbers > div";
const LIT_MAX = 20;

const main = document.querySelector("main > [data-renews]");
const home = document.getElementById("live")?.dataset.home;
const news = new Map(); // what changed since it was last put in place: record -> its newest change
let turn = Promise.resolve();
let isPlanned = false;

// Any page but the book's, which says how by itself (book.js).
let page = {
  wants: (changes) => Boolean(main) || changes.some((one) => one.table === "conflicts"),
  state: () => location.href,
  fetch: () => fetchPage(main ? location.href : home),
  put(fresh) {
    const now = fresh.querySelector("main > [data-renews]");
    if (!main || !now) return true;
    if (isAtWork()) return false;
    keepingFocus(() => light(morph(main, now)));
    return true;
  },
};

export function showing(its) {
  page = its;
}

// Changes came; `more` of them are on their way.
export function renew(changes, more) {
  for (const one of changes) news.set(one.record_id, one);
  if (!more) catchUp();
}

export function catchUp() {
  if (isPlanned || document.hidden || news.size === 0) return;
  isPlanned = true;
  turn = turn.then(inTime).catch(reportError);
}

// Puts all of the page in place, whatever changed. Returns its cursor, or nothing where the server can't be reached.
export async function renewAll() {
  const attempt = turn.then(() => once(true));
  turn = attempt.catch(() => {});
  try {
    return await attempt;
  } catch (error) {
    if (error instanceof Failed) return null;
    throw error;
  }
}

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

async function inTime() {
  await pause(WAIT_MS);
  await settled(); // what was done here tells by its own answer how things are
  isPlanned = false;
  const count = news.size;
  try {
    if (isShown()) news.clear();
    else await once();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (!(error instanceof SignedOut)) setTimeout(catchUp, RETRY_MS);
  }
  await pause(count > MANY ? MANY_REST_MS : REST_MS);
}

// Does the page show every change already, or none of them ever?
function isShown() {
  const seqs = new Map();
  for (const { dataset } of document.querySelectorAll("[data-seq]")) {
    seqs.set(dataset.id, Math.min(dataset.seq, seqs.get(dataset.id) ?? Infinity));
  }
  const changes = [...news.values()];
  return changes.every((one) => seqs.get(one.record_id) >= one.seq) || !page.wants(changes);
}

async function once(everything = false) {
  let taken, before, fresh;
  do {
    await settled();
    taken = new Map(news);
    before = page.state();
    fresh = await page.fetch();
  } while (page.state() !== before);
  frame(fresh);
  if (await page.put(fresh, (id) => everything || taken.has(id))) {
    for (const [id, one] of taken) if (news.get(id) === one) news.delete(id);
  }
  return fresh.body.dataset.cursor;
}

// What stands around every page: the counts, and the tokens, which are others after signing in again.
function frame(fresh) {
  for (const id of ["places", "tabs"]) morph(document.getElementById(id), fresh.getElementById(id));
  takeToken(fresh);
}

// --- how things are put in place ---

// Somebody types there, has opened a form, or is about to press a button that would slip away.
const AT_WORK = "[data-dirty], details[open] form, form :is(input, textarea, select):focus, form:hover, form :active";
const isAtWork = () => main.querySelector(AT_WORK) !== null;

for (const event of ["focusout", "pointerout", "toggle"]) {
  main?.addEventListener(event, () => setTimeout(() => isAtWork() || catchUp()), { capture: true });
}
main?.addEventListener("input", ({ target }) => { if (target.form) target.form.dataset.dirty = ""; });

// Focus stays with what had it, or goes to what takes its place.
export function keepingFocus(act, otherwise = () => document.getElementById("main")) {
  const focused = document.activeElement;
  act();
  if (document.activeElement === focused) return;
  const next = focused.isConnected ? focused : otherwise();
  next?.focus({ preventScroll: true });
}

// What says something new is lit up for a moment, unless that is nearly all there is.
export function light(touched) {
  const parts = new Set([...touched].map((one) => one.closest?.(LIT)).filter(Boolean));
  if (parts.size > LIT_MAX) return;
  for (const part of parts) {
    part.classList.add("news");
    part.addEventListener("animationend", () => part.classList.remove("news"), { once: true });
  }
}
