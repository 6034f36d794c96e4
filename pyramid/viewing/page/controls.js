// The controls next to an image: channels, planes, labels, metadata.

import { make, row, say, tree } from "./elements.js";
import { ask } from "./server.js";

/** Return the controls of the channels; `changed` is called after each change. */
export function channelControls(pane, changed) {
  return make("div", {}, ...pane.image.channels.map((channel, index) => oneChannel(pane, channel, index, changed)));
}

function oneChannel(pane, channel, index, changed) {
  const shown = make("input", { type: "checkbox", checked: channel.active });
  shown.dataset.channel = index;
  const color = make("input", { type: "color", value: `#${channel.color.toLowerCase()}` });
  const [low, high] = ["low", "high"].map((end) => make("input", { type: "number", step: "any", value: channel[end] }));
  const gamma = make("input", { type: "range", min: 0.2, max: 3, step: 0.05, value: channel.gamma });
  const inverted = make("input", { type: "checkbox", checked: channel.inverted });
  const auto = make("button", { type: "button" }, "Auto");
  auto.setAttribute("aria-label", `Auto contrast of ${channel.label}`);
  const bars = make("canvas", { className: "histogram", width: 256, height: 40, "aria-hidden": "true" });
  const update = () => {
    Object.assign(channel, { active: shown.checked, color: color.value.slice(1).toUpperCase() });
    Object.assign(channel, { gamma: Number(gamma.value), inverted: inverted.checked });
    const [from, to] = [Number(low.value), Number(high.value)];
    if (Number.isFinite(from) && Number.isFinite(to) && from <= to) Object.assign(channel, { low: from, high: to });
    changed();
  };
  for (const input of [shown, color, low, high, gamma, inverted]) input.addEventListener("input", update);
  const useHistogram = async (use) => {
    try {
      const found = await ask("api/histogram", { ...pane.place(), channel: index });
      use(found);
      if (found.notices.length) say(found.notices.join("; "), true);
    } catch (error) {
      say(error.message, true);
    }
  };
  const suggest = ({ suggested }) => {
    [low.value, high.value] = suggested;
    update();
  };
  auto.addEventListener("click", () => useHistogram(suggest));
  const more = make("details", {}, make("summary", {}, "Contrast"), bars);
  more.append(row("from", low), row("to", high), row("gamma", gamma), row("inverted", inverted), auto);
  more.addEventListener("toggle", () => more.open && useHistogram((found) => drawHistogram(bars, found, channel)));
  const name = make("label", {}, shown, ` ${channel.label}`);
  color.setAttribute("aria-label", `Colour of ${channel.label}`);
  return make("fieldset", {}, make("legend", {}, name, " ", color), more);
}

function drawHistogram(canvas, { low, high, counts }, channel) {
  const context = canvas.getContext("2d");
  const most = Math.log1p(Math.max(1, ...counts));
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#888";
  counts.forEach((count, i) => {
    const tall = (Math.log1p(count) / most) * canvas.height;
    context.fillRect((i / counts.length) * canvas.width, canvas.height - tall, canvas.width / counts.length, tall);
  });
  context.fillStyle = "#d22";
  for (const end of [channel.low, channel.high]) {
    context.fillRect(((end - low) / (high - low || 1)) * canvas.width - 1, 0, 2, canvas.height);
  }
}

/** Return a slider of an axis with a button that plays it; null where it has one plane. */
export function axisControl(pane, axis, name, changed) {
  const extent = pane.image.extent[axis] || 1;
  if (extent < 2) return null;
  const slider = make("input", { type: "range", min: 0, max: extent - 1, step: 1, value: pane.state[axis] });
  const read = make("output", {}, `${pane.state[axis]}`);
  const play = make("button", { type: "button", "aria-pressed": "false" }, "Play");
  play.setAttribute("aria-label", `Play ${name}`);
  const set = (value) => {
    pane.state[axis] = (value + extent) % extent;
    slider.value = pane.state[axis];
    read.textContent = `${pane.state[axis]} of 0 to ${extent - 1}`;
    changed();
  };
  slider.addEventListener("input", () => set(Number(slider.value)));
  play.addEventListener("click", () => {
    const on = play.getAttribute("aria-pressed") !== "true";
    play.setAttribute("aria-pressed", String(on));
    const step = async () => {
      if (play.getAttribute("aria-pressed") !== "true" || !play.isConnected) return;
      set(pane.state[axis] + 1);
      await Promise.all([pane.loaded(), new Promise((done) => setTimeout(done, 120))]);
      step();
    };
    if (on) step();
  });
  pane.steps[axis] = (by) => set(pane.state[axis] + by);
  read.textContent = `${pane.state[axis]} of 0 to ${extent - 1}`;
  return make("div", {}, row(name, slider), make("div", { className: "row" }, read, play));
}

/** Return the choice of a label image and its opacity; null where there is none. */
export function labelControl(pane, changed) {
  if (!pane.image.labels.length) return null;
  const choice = make("select", {}, make("option", { value: "" }, "none"));
  choice.append(...pane.image.labels.map((name) => make("option", { value: name }, name)));
  choice.value = pane.state.label;
  const opacity = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: pane.state.opacity });
  const update = () => {
    Object.assign(pane.state, { label: choice.value, opacity: Number(opacity.value) });
    changed();
  };
  for (const input of [choice, opacity]) input.addEventListener("input", update);
  return make("div", {}, make("h3", {}, "Labels"), row("shown", choice), row("opacity", opacity));
}

/** Return the metadata as a tree that is asked for when it is opened. */
export function metadataControl(query) {
  const list = make("ul");
  const details = make("details", { className: "tree" }, make("summary", {}, "Metadata"), list);
  details.addEventListener("toggle", async () => {
    if (!details.open || list.childElementCount) return;
    try {
      const found = await ask("api/metadata", query);
      list.append(...Object.entries(found).map(([name, value]) => tree(value, name)));
    } catch (error) {
      list.append(make("li", {}, error.message));
    }
  });
  return details;
}
