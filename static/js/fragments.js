// Parts of pages from the server. A part is HTML; whatever else comes back (an error page, the sign-in) is no part.
import { during } from "./progress.js";
import { localize } from "./times.js";

export class Failed extends Error {}
export class SignedOut extends Failed {}
class Stale extends Failed {}

const underWay = new Set();
const home = document.getElementById("live")?.dataset.home;

// When every part that is under way has come, and is in its place.
export const settled = () => Promise.allSettled([...underWay]);

export function fetchPart(name, url, options = {}) {
  const answer = partOf(name, url, options);
  underWay.add(answer);
  during(answer);
  answer.catch(() => {}).finally(() => underWay.delete(answer));
  return answer;
}

// A form whose token is of an earlier session is sent once more, with the token of the one that there is now.
async function partOf(name, url, options, isSecond = false) {
  const { part, response } = await ask(name, url, options);
  if (!part.querySelector("header.top")) return { part, response };
  const failed = failure(part, response, options.method);
  if (isSecond || !(failed instanceof Stale)) throw failed;
  options.body.set("csrf_token", takeToken(await fetchPage(home)));
  return partOf(name, url, options, true);
}

// Puts the token of a page that came into every form that is here, and returns it.
export function takeToken(page) {
  const { value } = page.querySelector("[name=csrf_token]");
  for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = value;
  return value;
}

// The page at this address, whole, as it is now.
export async function fetchPage(url) {
  const { part, response } = await ask("page", url);
  const who = (page) => page.querySelector(".who-name")?.textContent;
  if (part.body.dataset.cursor && who(part) === who(document)) return part;
  if (isSignIn(response) || part.body.dataset.cursor) throw signedOut();
  throw new Failed("The server did not give this page.");
}

/** The only way by which text becomes HTML: it is a page of this very server, parsed and not run. */
const policy = globalThis.trustedTypes?.createPolicy("fragments", { createHTML: (html) => html });
const trusted = (html) => policy?.createHTML(html) ?? html;

async function ask(name, url, options = {}) {
  let response, html;
  try {
    response = await fetch(url, { ...options, headers: { "X-Fragment": name, Accept: "text/html" } });
    html = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("The server can’t be reached. Nothing was lost here: try again.");
  }
  const part = new DOMParser().parseFromString(trusted(html), "text/html");
  localize(part);
  return { part, response };
}

function signedOut() {
  document.dispatchEvent(new Event("signed-out"));
  return new SignedOut("You are signed out. Sign in again above: what you typed is still here.");
}

const isSignIn = (response) => response.status === 401 || new URL(response.url).pathname.endsWith("/login");

function failure(page, response, method = "GET") {
  if (isSignIn(response)) {
    if (method === "GET" && !document.querySelector("[data-dirty]")) location.reload();
    return signedOut();
  }
  const said = page.querySelector("[data-problem]");
  if (said?.dataset.problem === "stale_form") return new Stale(said.textContent.trim());
  return new Failed(said ? said.textContent.trim() : "The server gave an answer that does not fit. Load the page again.");
}

export function textOf(part, name) {
  return part.querySelector(`template[data-${name}]`)?.content.textContent.trim() ?? "";
}

export function body(form, button) {
  const data = new FormData(form, button);
  return form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
}
