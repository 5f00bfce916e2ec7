// Entry of every page: small modules that improve what already works without them.
import { mountCopyButtons } from "./copy.js";
import { keepTimesRelative } from "./time.js";
import { listenForKeys } from "./keys.js";
import { followLive } from "./live.js";
import { followClientLink } from "./client_links.js";

function improve(root) {
  mountCopyButtons(root);
  keepTimesRelative(root);
}

improve(document);
if (window.location.hash.startsWith("#/")) followClientLink();
listenForKeys();
followLive(improve);
if (document.querySelector("[data-chart]")) {
  import("./charts.js").then((charts) => charts.mountCharts(document));
}
const improveWithCharts = async (root) => {
  improve(root);
  if (root.querySelector("[data-chart]")) await (await import("./charts.js")).mountCharts(root);
};
if (document.querySelector("[data-refill]")) {
  import("./refill.js").then((refill) => refill.drawAnew(improveWithCharts));
}
if (document.querySelector("[data-poll]")) {
  import("./poll.js").then((poll) => poll.pollParts(improveWithCharts));
}
if (document.querySelector("[data-fill]")) {
  import("./fill.js").then((fill) => fill.fillParts(improve));
}
if (document.querySelector("[data-complete]")) {
  import("./complete.js").then((complete) => complete.completeNames());
}
if (document.querySelector("[data-select]")) {
  import("./select.js").then((select) => select.chooseRows());
}
