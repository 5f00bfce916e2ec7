// Parts that come later: <tr data-fill="/address" hidden> shows the HTML of that address, made by our own templates.
export function fillParts(improve) {
  for (const part of document.querySelectorAll("[data-fill]")) {
    part.hidden = false;
    part.setAttribute("aria-busy", "true");
    fetch(part.dataset.fill, { headers: { accept: "text/html" } }).then(async (answer) => {
      if (answer.ok) {
        part.innerHTML = await answer.text();
        improve(part);
      } else {
        part.hidden = true;
      }
      part.removeAttribute("aria-busy");
    });
  }
}
