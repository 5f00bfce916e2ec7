// Live parts: <div data-live="/address"> follows server-sent events of that address.
//   event "fragment": HTML (made by our own templates) that replaces the content, or that of [data-live-fragment]
//   event "line":     text appended to the element's [data-live-lines]
//   event "reload":   the page has changed as a whole
//   event "done":     nothing more will come
export function followLive(improve) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const source = new EventSource(element.dataset.live);
    source.addEventListener("fragment", (event) => {
      const part = element.querySelector("[data-live-fragment]") ?? element;
      const href = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.innerHTML = event.data;
      improve(part);
      if (href) part.querySelector(`[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
    });
    source.addEventListener("line", (event) => {
      const lines = element.querySelector("[data-live-lines]");
      const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
      lines.append(`${event.data}\n`);
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    });
    source.addEventListener("reload", () => location.reload());
    source.addEventListener("done", () => source.close());
    addEventListener("pagehide", () => source.close());
  }
}
