// Charts: <div data-chart="ID"> draws the Vega-Lite spec in <script type="application/json" id="ID">.
// Colours in a spec are tokens ("@accent"); they follow the colour scheme. Without Vega the table stays open.
const TOKENS = ["paper", "surface", "ink", "ink-2", "ink-3", "line", "line-2", "accent", "clear", "caution", "stop",
  "way", "unset", "rail", "series-2", "series-3"];

function readTokens() {
  const probe = document.createElement("span");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  document.body.append(probe);
  const colours = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    colours[`@${token}`] = `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  }
  probe.remove();
  return colours;
}

function resolve(value, colours) {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.map((inner) => resolve(inner, colours));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner, colours)]));
  }
  return value;
}

function theme(colours, width) {
  const font = getComputedStyle(document.body).fontFamily;
  const text = { labelFont: font, titleFont: font, labelFontSize: 12, titleFontSize: 12, labelColor: colours["@ink-2"],
    titleColor: colours["@ink-2"], titleFontWeight: 400 };
  return {
    background: null, font, padding: 2,
    view: { stroke: null },
    axis: { ...text, domainColor: colours["@line-2"], tickColor: colours["@line-2"], gridColor: colours["@line"],
      tickSize: 4, labelLimit: Math.round(Math.min(260, width * 0.4)), labelPadding: 6, titlePadding: 8 },
    axisY: { domain: false, ticks: false }, axisX: { grid: false },
    legend: { ...text, symbolType: "square" }, text: { font, fontSize: 12, color: colours["@ink"] },
    bar: { color: colours["@accent"] }, line: { color: colours["@accent"], strokeWidth: 2 },
    rule: { color: colours["@ink-2"] }, point: { color: colours["@accent"], filled: true },
    range: { category: [colours["@accent"], colours["@series-2"], colours["@series-3"]] },
  };
}

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;

function tooltip(handler, event, item, value) {
  if (!value) { tip.hidden = true; return; }
  tip.replaceChildren(...Object.entries(value).map(([name, content]) => {
    const row = document.createElement("div");
    const left = document.createElement("span");
    const right = document.createElement("strong");
    left.textContent = name;
    right.textContent = content;
    row.append(left, right);
    return row;
  }));
  tip.hidden = false;
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${event.clientY + 14}px`;
}

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function tableAsCsv(table) {
  const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [...table.rows].map((row) => [...row.cells].map((item) => cell(item.textContent.trim())).join(",")).join("\n");
}

function tool(label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = label;
  button.addEventListener("click", act);
  return button;
}

async function draw(holder, colours) {
  const figure = holder.closest("figure");
  const spec = resolve(JSON.parse(document.getElementById(holder.dataset.chart).textContent), colours);
  // A faceted chart cannot take its width from the page by itself.
  if (spec.spec) spec.spec.width = Math.max(160, holder.clientWidth - 64);
  const { view } = await window.vegaEmbed(holder, { ...spec, config: { ...theme(colours, holder.clientWidth), ...spec.config } }, {
    ast: true, actions: false, defaultStyle: false, renderer: "svg", tooltip: (...parts) => tooltip(...parts) });
  const drawing = holder.querySelector("svg");
  // The drawing as a whole has the name; its parts stand in the table beside it.
  for (const part of drawing.querySelectorAll("*")) {
    for (const name of ["role", "aria-label", "aria-roledescription"]) part.removeAttribute(name);
  }
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", figure.querySelector("figcaption").textContent.trim());
  const tools = figure.querySelector(".chart-tools");
  const table = figure.querySelector("table");
  const name = holder.dataset.chart;
  tools.replaceChildren(
    tool("SVG", async () => download(`${name}.svg`, "image/svg+xml", await view.toSVG())),
    tool("CSV", () => download(`${name}.csv`, "text/csv", tableAsCsv(table))));
}

async function drawAll(root) {
  const colours = readTokens();
  for (const holder of root.querySelectorAll("[data-chart]")) await draw(holder, colours);
}

let following = false;
export async function mountCharts(root) {
  const holders = [...root.querySelectorAll("[data-chart]")];
  const source = document.querySelector("meta[name=vega]")?.content;
  if (!source || !holders.length) return;
  await import(source);
  document.body.append(tip);
  const shown = new Set(holders.filter((holder) => !holder.childElementCount));
  await drawAll(root);
  // Where a drawing stood before, its reader has chosen whether the table is open.
  for (const holder of shown) holder.closest("figure").querySelector("details").open = false;
  document.documentElement.dataset.charts = "drawn";
  if (following) return;
  following = true;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
}
