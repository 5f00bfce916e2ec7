// A thing under way: <div id data-poll="/address" data-seen="MARK">. As soon as what that address gives differs from the
// mark, those parts of it that have an id take the place of ours; the address of the page goes along as a question.
// An answer without data-poll says that all has ended.
const PAUSE = 2000;

function keepDrawings(before, after) {
  // The drawings of before stay until they are drawn anew; tables that were opened stay open.
  for (const chart of after.querySelectorAll("[data-chart]")) {
    const old = before.querySelector(`[data-chart="${chart.dataset.chart}"]`);
    if (!old) continue;
    chart.append(...old.childNodes);
    chart.closest("figure").querySelector("details").open = old.closest("figure").querySelector("details").open;
  }
}

async function look(whole, improve) {
  const address = new URL(whole.dataset.poll, location.href);
  address.search = location.search;
  address.searchParams.set("seen", whole.dataset.seen);
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (answer.status === 204) return true;
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(whole.id);
  if (!fresh?.dataset.poll) {
    location.reload();
    return false;
  }
  whole.dataset.seen = fresh.dataset.seen;
  for (const part of fresh.querySelectorAll(":scope > [id]")) {
    const old = document.getElementById(part.id);
    keepDrawings(old, part);
    old.replaceWith(part);
    await improve(part);
  }
  return true;
}

export function pollParts(improve) {
  for (const whole of document.querySelectorAll("[data-poll]")) {
    const again = () => setTimeout(async () => {
      let goes = true;
      if (document.visibilityState === "visible") goes = await look(whole, improve).catch(() => true);
      if (goes) again();
    }, PAUSE);
    again();
  }
}
