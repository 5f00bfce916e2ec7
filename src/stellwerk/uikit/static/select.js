// Choosing rows: <form data-select> with checkboxes, [data-select-all], [data-select-act] and [data-select-says].
// A click with shift held chooses all rows since the last click.
export function chooseRows() {
  for (const form of document.querySelectorAll("form[data-select]")) {
    const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
    const all = form.querySelector("[data-select-all]");
    const act = form.querySelector("[data-select-act]");
    const says = form.querySelector("[data-select-says]");
    const before = says.textContent;
    let last = null;
    const tell = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      act.disabled = chosen < 2;
      says.textContent = chosen ? `${chosen} selected` : before;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
      for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
    };
    for (const box of boxes) {
      box.addEventListener("click", (event) => {
        if (event.shiftKey && last) {
          const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
          for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
        }
        last = box;
      });
    }
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
    });
    form.addEventListener("change", tell);
    tell();
    // Going back restores the ticks after the script ran.
    addEventListener("pageshow", tell);
  }
}
