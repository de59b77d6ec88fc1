// The live channel in a page: a socket on which the book's changes come, and the chip that tells how it is. What is to
// be done when is decided in channel.js; what changes on the page is the business of renewing.js.
import { START, delay, next, told } from "./channel.js";
import { catchUp, renew, renewAll } from "./renewing.js";

const HANDSHAKE_MS = 10_000;
const STEADY_MS = 5_000;
const BEAT_MS = 25_000;
const ANSWER_MS = 10_000;
const REST_MS = 5 * 60_000;

// A page can't see the server's pings. It may not push either, and the answer that says so is the sign of life.
const BEAT = JSON.stringify({ push: 0, changes: [] });

const chip = document.getElementById("live");
const said = document.getElementById("live-said");
let cursor = document.body.dataset.cursor;
let state = START;
let socket = null;
const timers = {};

function happen(type, more = {}) {
  const [after, action] = next(state, { type, ...more });
  state = after;
  show();
  if (action) ACTIONS[action]();
}

function later(name, ms, act) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(act, ms);
}

const ACTIONS = {
  connect() {
    socket = new WebSocket(address("ws"));
    socket.onopen = () => happen("opened");
    socket.onclose = lost;
    socket.onmessage = ({ data }) => hear(JSON.parse(data));
    later("answer", HANDSHAKE_MS, lost);
  },

  listen() {
    clearTimeout(timers.answer);
    later("steady", STEADY_MS, () => happen("steady"));
    later("beat", BEAT_MS, beat);
  },

  async ask() {
    let answer;
    try {
      answer = await fetch(address("http"), { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    } catch {
      return happen("unreachable");
    }
    happen("answered", { status: answer.status });
  },

  async renew() {
    const fresh = await renewAll();
    if (fresh) cursor = fresh;
    happen(fresh ? "renewed" : "unreachable");
    if (fresh) document.dispatchEvent(new Event("signed-in"));
  },

  wait() {
    hangUp();
    later("attempt", delay(state, Math.random()), () => happen("time"));
  },

  close: hangUp,
};

function address(scheme) {
  const url = new URL(chip.dataset.url, location.href);
  url.protocol = url.protocol.replace("http", scheme);
  url.searchParams.set("since", cursor);
  return url.href;
}

function hear(message) {
  clearTimeout(timers.answer);
  if ("push" in message) return;
  cursor = message.cursor;
  renew(message.changes, message.more);
}

function beat() {
  later("beat", BEAT_MS, beat);
  if (state.phase !== "live" || document.hidden) return;
  socket.send(BEAT);
  later("answer", ANSWER_MS, lost);
}

function lost() {
  hangUp();
  happen("closed");
}

function hangUp() {
  for (const name of ["steady", "beat", "answer", "attempt"]) clearTimeout(timers[name]);
  const left = socket;
  socket = null;
  if (!left) return;
  left.onclose = left.onmessage = null;
  left.onopen = () => left.close(); // to close it before it is open is an error
  if (left.readyState === WebSocket.OPEN) left.close();
}

// --- the chip ---

const ALOUD = {
  Offline: "Offline. What others change shows when the server can be reached again.",
  "Signed out": "You are signed out. What you typed is still here: sign in, and go on.",
};

function show() {
  const word = told(state, navigator.onLine);
  if (!word || word === chip.dataset.state) return;
  const [text, link] = chip.children;
  if (word in ALOUD) said.textContent = ALOUD[word];
  else if (word === "Live" && said.textContent) said.textContent = "Live again.";
  chip.dataset.state = word;
  text.textContent = word;
  link.hidden = word !== "Signed out";
  chip.hidden = false;
}

// Where something is typed, signing in has a tab of its own: back here, the page goes on where it was.
chip?.querySelector("a").addEventListener("click", ({ currentTarget: link }) => {
  link.target = document.querySelector("[data-dirty]") ? "_blank" : "";
  link.search = new URLSearchParams(link.target ? {} : { next: location.pathname + location.search });
});

// --- what the browser tells ---

function wake() {
  happen("wake");
  beat();
  catchUp();
}

function look() {
  clearTimeout(timers.rest);
  if (document.hidden) later("rest", REST_MS, () => happen("rest"));
  else wake();
}

function start() {
  ACTIONS.connect();
  addEventListener("online", wake);
  addEventListener("focus", () => state.phase === "out" && wake()); // a window that is seen beside the other one
  addEventListener("offline", () => happen("rest"));
  addEventListener("pagehide", () => happen("rest"));
  addEventListener("pageshow", ({ persisted }) => persisted && wake());
  document.addEventListener("visibilitychange", look);
  document.addEventListener("signed-out", () => happen("signed out"));
}

if (cursor) addEventListener("DOMContentLoaded", start); // by then every module is there
