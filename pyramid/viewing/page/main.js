// The page: one pane for each source, moved together.

import { make, say } from "./elements.js";
import { readLink, writeLink } from "./link.js";
import { copy, Pane } from "./pane.js";
import { ask } from "./server.js";

const panes = [];
let leader = null;

/** Keep the view in the address. */
function changed() {
  writeLink(panes.map((pane) => pane.view()));
}

/** Move the other panes with one. */
function moved(pane) {
  if (leader) return;
  leader = pane;
  for (const other of panes) if (other !== pane) other.follow(pane);
  leader = null;
}

function theme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** Keep OpenSeadragon from adding a style element, which the policy of the page forbids; style.css has its rule. */
function markStyled() {
  const mark = document.createElementNS("urn:pyramid", "style");
  mark.setAttribute("data-openseadragon-mobile-css", "");
  document.head.append(mark);
}

async function begin() {
  markStyled();
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  theme(prefers.matches);
  prefers.addEventListener("change", () => theme(prefers.matches));
  document.getElementById("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme !== "dark"));
  document.getElementById("copy").addEventListener("click", () => copy(location.href));
  const sources = await ask("api/sources", {});
  const links = readLink();
  const list = document.getElementById("sources");
  for (const source of sources) {
    const link = links[source.number] || {};
    const number = sources.length > 1 ? `${source.number + 1}: ` : "";
    const pane = new Pane(source, link, { number, changed, moved });
    pane.initial = { x: Number(link.x), y: Number(link.y), zoom: Number(link.zoom) };
    panes.push(pane);
    list.append(make("li", {}, make("span", { title: source.url }, source.name)));
  }
  document.title = `${sources.map((source) => source.name).join(", ")} \u2013 pyramid view`;
  document.getElementById("panes").append(...panes.map((pane) => pane.element));
  await Promise.all(panes.map((pane) => pane.open(pane.state.path)));
  document.documentElement.dataset.ready = "true";
}

begin().catch((error) => say(error.message, true));
