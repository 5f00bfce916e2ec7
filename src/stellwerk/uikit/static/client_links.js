// Links that tracking clients print, such as /#/experiments/1/runs/ID, lead to the page of that thing.
const WAYS = [
  [/^#\/experiments\/\d+\/runs\/([0-9a-zA-Z_-]+)/, (found) => `/runs/${found[1]}`],
  [/^#\/experiments\/(\d+)/, (found) => `/experiments/${found[1]}`],
  [/^#\/models\/([^/?]+)\/versions\/(\d+)/, (found) => `/models/${found[1]}/versions/${found[2]}`],
  [/^#\/models\/([^/?]+)/, (found) => `/models/${found[1]}`],
  [/^#\/(experiments|models)$/, (found) => `/${found[1]}`],
];

export function followClientLink() {
  for (const [form, place] of WAYS) {
    const found = form.exec(window.location.hash);
    if (found) {
      window.location.replace(place(found));
      return;
    }
  }
}
