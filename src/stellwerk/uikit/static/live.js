// Live parts: <div data-live="/address"> follows server-sent events of that address.
//   event "fragment": HTML (made by our own templates) that replaces the content
//   event "line":     text appended to the element's [data-live-lines]
//   event "reload":   the page has changed as a whole
//   event "done":     nothing more will come
export function followLive(improve) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const source = new EventSource(element.dataset.live);
    source.addEventListener("fragment", (event) => {
      element.innerHTML = event.data;
      improve(element);
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
