// Copy buttons: <button class="copy" data-copy="full text">. Hidden until they can work.
async function write(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function mountCopyButtons(root) {
  for (const button of root.querySelectorAll(".copy:not(.ready)")) {
    button.classList.add("ready");
    const label = button.getAttribute("aria-label");
    button.addEventListener("click", async () => {
      await write(button.dataset.copy);
      button.classList.add("done");
      button.setAttribute("aria-label", "Copied");
      setTimeout(() => {
        button.classList.remove("done");
        button.setAttribute("aria-label", label);
      }, 1500);
    });
  }
}
