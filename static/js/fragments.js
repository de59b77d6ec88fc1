// Parts of pages from the server. A part is HTML; whatever else comes back (an error page, the sign-in) is no part.

export class Failed extends Error {}

export async function fetchPart(name, url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: { "X-Fragment": name, Accept: "text/html" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("The server can’t be reached. Nothing was lost here: try again.");
  }
  const html = await response.text();
  const part = new DOMParser().parseFromString(html, "text/html");
  if (part.querySelector("header.top")) throw failure(part, response, options.method);
  return { part, response };
}

function failure(page, response, method = "GET") {
  if (new URL(response.url).pathname.endsWith("/login")) {
    if (method === "GET") location.reload();
    return new Failed("You are signed out. Copy what you typed, then load the page again to sign in.");
  }
  const said = page.querySelector("[data-problem]");
  return new Failed(said ? said.textContent.trim() : "The server gave an answer that does not fit. Load the page again.");
}

export function textOf(part, name) {
  return part.querySelector(`template[data-${name}]`)?.content.textContent.trim() ?? "";
}

export function body(form, button) {
  return new URLSearchParams(new FormData(form, button));
}
