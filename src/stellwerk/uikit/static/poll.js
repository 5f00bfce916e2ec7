// Parts of a thing under way: <div id data-poll="/address" data-seen="MARK"> is replaced by what that address gives, as
// soon as it differs from the mark; the address of the page goes along. Without data-poll in the answer all has ended.
const PAUSE = 3000;

async function look(part, improve) {
  const address = new URL(part.dataset.poll, location.href);
  address.search = location.search;
  address.searchParams.set("seen", part.dataset.seen);
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (answer.status === 204) return part;
  if (!answer.ok) return null;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
  if (!fresh) return null;
  if (!fresh.dataset.poll) { location.reload(); return null; }
  // The drawings of before stay until they are drawn anew; tables that were opened stay open.
  for (const chart of fresh.querySelectorAll("[data-chart]")) {
    const before = part.querySelector(`[data-chart="${chart.dataset.chart}"]`);
    if (!before) continue;
    chart.append(...before.childNodes);
    chart.closest("figure").querySelector("details").open = before.closest("figure").querySelector("details").open;
  }
  part.replaceWith(fresh);
  await improve(fresh);
  return fresh;
}

export function pollParts(improve) {
  for (const start of document.querySelectorAll("[data-poll]")) {
    let part = start;
    const again = () => setTimeout(async () => {
      if (document.visibilityState === "visible") part = await look(part, improve).catch(() => part);
      if (part) again();
    }, PAUSE);
    again();
  }
}
