// Keys: / search, g and a letter to go (data-go), a letter to act (data-key), ? help.
function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog");
}

export function listenForKeys() {
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    const key = event.key;
    let target = null;
    if (going && Date.now() - going < 1200) {
      target = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      going = 0;
      target?.click();
    } else if (key === "g") {
      going = Date.now();
      return;
    } else if (key === "/") {
      target = document.querySelector("[data-search]");
      target?.focus();
    } else if (key === "?") {
      target = document.querySelector("#help");
      target?.showModal();
    } else {
      target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
      target?.focus();
      target?.scrollIntoView({ block: "nearest" });
    }
    if (target) event.preventDefault();
  });
}
