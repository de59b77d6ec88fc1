// A thin bar at the top, for whatever takes longer than a blink: parts that are fetched, and pages on their way.
const DELAY_MS = 150;

const bar = document.createElement("div");
bar.className = "progress-bar";
bar.hidden = true;
document.body.append(bar);

let count = 0;
let timer;

function begin() {
  count += 1;
  if (count === 1) timer = setTimeout(() => { bar.hidden = false; }, DELAY_MS);
}

function end() {
  count = Math.max(0, count - 1);
  if (count > 0) return;
  clearTimeout(timer);
  bar.hidden = true;
}

export function during(promise) {
  begin();
  promise.then(end, end);
}

// What leads to another page: a link that is followed as it is, or a form that is sent so.
const leaves = (event, element) => !event.defaultPrevented && !element.target && !element.hasAttribute("download");

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const isElsewhere = link.origin === location.origin && link.pathname + link.search !== location.pathname + location.search;
  if (isElsewhere && leaves(event, link)) begin();
});
addEventListener("submit", (event) => leaves(event, event.target) && begin());
addEventListener("pageshow", () => { count = 0; end(); });
