// The connection of the live channel as values: a state and what happened give the next state and what is to be done.
// No socket, no clock and no page in here; live.js has these.
//
//   connecting ─opened→ live ─closed→ waiting ─time→ asking ─426→ connecting …
//
// A browser does not tell why a server refused a socket. So before each further attempt the page asks by plain HTTP:
// 426 says that all is well but for the socket, 401 that nobody is signed in, 410 that the cursor can't be served.

export const FIRST_MS = 300;
export const MOST_MS = 20_000;
export const RARELY_MS = 60_000;
const FAILURES_OFFLINE = 7; // about 20 seconds
const REFUSED_MAX = 3;

// `refused` counts sockets that came to nothing though the server answers; `worked` says that one did come, `wasOut` that
// somebody was signed out since the page was whole.
export const START = { phase: "connecting", failures: 0, refused: 0, worked: false, wasOut: false };

export function next(state, event) {
  switch (event.type) {
    case "opened":
      return [{ ...state, phase: "live", worked: true }, "listen"];
    case "steady": // a socket that opens and dies at once is no success
      return [{ ...state, failures: 0, refused: 0 }, null];
    case "closed":
      if (state.phase === "live") return failed(state);
      return state.phase === "connecting" ? failed({ ...state, refused: state.refused + 1 }) : [state, null];
    case "time":
      return state.phase === "waiting" ? [{ ...state, phase: "asking" }, "ask"] : [state, null];
    case "wake":
      return ["waiting", "resting", "out"].includes(state.phase) ? [{ ...state, phase: "asking" }, "ask"] : [state, null];
    case "answered":
      return state.phase === "asking" ? answered(state, event.status) : [state, null];
    case "renewed":
      return state.phase === "renewing" ? [{ ...state, phase: "connecting", wasOut: false }, "connect"] : [state, null];
    case "unreachable":
      return ["asking", "renewing"].includes(state.phase) ? failed({ ...state, refused: 0 }) : [state, null];
    case "rest":
      return state.phase === "out" ? [state, null] : [{ ...state, phase: "resting" }, "close"];
    case "signed out":
      return signedOut(state);
  }
}

function answered(state, status) {
  switch (status) {
    case 426:
      return state.wasOut ? renewing(state) : [{ ...state, phase: "connecting" }, "connect"];
    case 401:
    case 403:
      return signedOut(state);
    case 400:
    case 410:
      return renewing(state);
    case 404:
    case 501:
      return failed({ ...state, refused: REFUSED_MAX });
    default:
      return failed(state);
  }
}

const renewing = (state) => [{ ...state, phase: "renewing" }, "renew"];
const signedOut = (state) => [{ ...state, phase: "out", wasOut: true }, "close"];
const failed = (state) => [{ ...state, phase: "waiting", failures: state.failures + 1 }, "wait"];

// A server whose sockets never come to anything, such as `flask run`. One that had some is given time to come back.
const isNotLive = ({ refused, worked }) => refused >= (worked ? FAILURES_OFFLINE : REFUSED_MAX);

// `chance` is from 0 to 1: so that those who lost their server together do not come back together.
export function delay(state, chance) {
  if (isNotLive(state)) return RARELY_MS;
  return Math.min(MOST_MS, FIRST_MS * 2 ** (state.failures - 1)) * (0.75 + chance / 2);
}

// What the chip tells: empty where it is too early to tell anything.
export function told(state, online) {
  if (state.phase === "out") return "Signed out";
  if (!online) return "Offline";
  if (state.phase === "live") return "Live";
  if (isNotLive(state)) return "Not live";
  if (state.failures >= FAILURES_OFFLINE) return "Offline";
  return state.failures > 0 ? "Reconnecting" : "";
}
