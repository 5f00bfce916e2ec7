// Times: <time datetime="2026-11-24T09:00:00Z" data-relative> reads "3 minutes ago", exact on hover.
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const steps = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];

export function relative(seconds) {
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 10 ? "just now" : words.format(Math.trunc(seconds), "second");
}

function refresh(root) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.title = exact.format(moment);
    element.textContent = relative((moment.getTime() - Date.now()) / 1000);
  }
}

let ticking = false;
export function keepTimesRelative(root) {
  refresh(root);
  if (ticking) return;
  ticking = true;
  setInterval(() => refresh(document), 30000);
}
