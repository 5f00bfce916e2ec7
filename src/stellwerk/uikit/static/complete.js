// Completion of names: <input data-complete="/address"> offers the names of {"keys": [{"name", "runs"}]} at that
// address for the word before the caret; with data-complete-whole the name is the whole content.
const MOST = 10;
let count = 0;

function wordBefore(input) {
  const before = input.value.slice(0, input.selectionStart);
  if ("completeWhole" in input.dataset) return before;
  // Inside of a quoted value nothing is completed.
  if ((before.match(/'/g) ?? []).length % 2) return null;
  return before.match(/[\w.\-/:`"]*$/)[0];
}

// Names with other than word characters stand in backticks.
function written(name) {
  const [head, ...rest] = name.split(".");
  const key = rest.join(".");
  return !key || /^[\w.]+$/.test(key) ? name : `${head}.\`${key}\``;
}

function rank(name, word) {
  const low = name.toLowerCase();
  const key = low.slice(low.indexOf(".") + 1);
  if (low.startsWith(word) || key.startsWith(word)) return 0;
  return low.includes(word) ? 1 : 2;
}

class Completion {
  constructor(input) {
    this.input = input;
    this.keys = null;
    this.at = -1;
    this.list = document.createElement("ul");
    this.list.className = "completion";
    this.list.id = `completion-${count += 1}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Names");
    this.list.hidden = true;
    input.after(this.list);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list",
      "aria-expanded": "false", "aria-controls": this.list.id })) input.setAttribute(name, value);
    input.addEventListener("focus", () => this.load());
    input.addEventListener("input", () => this.offer(false));
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target.closest("li");
      if (option) this.take([...this.list.children].indexOf(option));
    });
    // Whoever was faster than this script stands in the field already.
    if (document.activeElement === input) this.load();
  }

  async load() {
    if (this.keys) return;
    this.keys = [];
    const answer = await fetch(this.input.dataset.complete, { headers: { accept: "application/json" } });
    if (answer.ok) this.keys = (await answer.json()).keys;
    if (document.activeElement === this.input && this.input.value) this.offer(false);
  }

  offer(asked) {
    const word = wordBefore(this.input)?.toLowerCase().replaceAll(/[`"]/g, "");
    const wanted = word || (asked && word === "");
    this.found = wanted ? this.keys.map((key) => [rank(key.name, word), key]).filter(([place]) => place < 2)
      .sort(([one], [other]) => one - other).slice(0, MOST).map(([, key]) => key) : [];
    if (this.found.length === 1 && this.found[0].name.toLowerCase() === word) this.found = [];
    this.list.replaceChildren(...this.found.map((key, place) => {
      const option = document.createElement("li");
      option.id = `${this.list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const name = document.createElement("span");
      name.textContent = key.name;
      option.append(name);
      if (key.runs) {
        const runs = document.createElement("span");
        runs.className = "faint";
        runs.textContent = `${key.runs} ${key.runs === 1 ? "run" : "runs"}`;
        option.append(runs);
      }
      return option;
    }));
    this.at = -1;
    this.input.removeAttribute("aria-activedescendant");
    this.list.hidden = !this.found.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  move(by) {
    const options = this.list.children;
    options[this.at]?.setAttribute("aria-selected", "false");
    this.at = (this.at + by + options.length) % options.length;
    options[this.at].setAttribute("aria-selected", "true");
    options[this.at].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", options[this.at].id);
  }

  key(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open) this.offer(true);
      if (this.list.hidden) return;
      this.move(event.key === "ArrowDown" ? 1 : this.at < 0 ? 0 : -1);
    } else if (open && event.key === "Escape") {
      this.close();
    } else if (open && (event.key === "Enter" || event.key === "Tab") && this.at >= 0) {
      this.take(this.at);
    } else {
      return;
    }
    event.preventDefault();
  }

  take(place) {
    const { input } = this;
    const whole = "completeWhole" in input.dataset;
    const name = whole ? this.found[place].name : `${written(this.found[place].name)} `;
    const start = input.selectionStart - wordBefore(input).length;
    input.setRangeText(name, start, input.selectionStart, "end");
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

export function completeNames() {
  for (const input of document.querySelectorAll("input[data-complete]")) new Completion(input);
}
