// Times of the person's own clock and calendar. The server writes them in UTC, and says so; what was written relative
// to now keeps its words, and has the time itself behind them.
const FORMATS = {
  date: new Intl.DateTimeFormat(undefined, { dateStyle: "long" }),
  moment: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }),
};
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const format = FORMATS[time.dataset.time];
    if (format) time.textContent = format.format(at);
    if (time.dateTime.includes("T")) time.title = WHOLE.format(at);
  }
}

localize(document);
