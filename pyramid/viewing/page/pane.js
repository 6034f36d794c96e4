// One source: an image to zoom and pan, or a collection to choose from.

import { members } from "./collection.js";
import { axisControl, channelControls, labelControl, metadataControl } from "./controls.js";
import { make, say } from "./elements.js";
import { levelFor, pixelRatio, tileSource } from "./levels.js";
import { applyChannels, channelsText } from "./link.js";
import { showBar } from "./scalebar.js";
import { address, ask } from "./server.js";

// Milliseconds in which changes are gathered, and after which an old picture goes even if the new one is not whole.
const GATHER_MS = 40;
const PATIENCE_MS = 4000;

/**
 * A source on the page. `number` tells it from others for screen readers; `changed` is called when its view has changed,
 * `moved` when it was panned or zoomed.
 */
export class Pane {
  constructor(source, link, { number, changed, moved }) {
    this.number = number;
    this.source = source;
    this.link = link;
    this.changed = changed;
    this.moved = moved;
    this.steps = {};
    this.state = { path: link.path || "", label: link.label || "", opacity: Number(link.opacity || 0.5) };
    this.element = make("section", { className: "pane", "aria-label": `${number}${source.name}` });
  }

  /** Show what is at a path of the source. */
  async open(path) {
    this.close();
    this.state.path = path;
    try {
      const found = await ask("api/image", this.query());
      if (found.type === "image") this.showImage(found);
      else this.showCollection(found);
      say(found.notices.join("; "));
    } catch (error) {
      this.element.replaceChildren(make("p", {}, error.message));
      say(error.message, true);
    }
    this.changed();
  }

  close() {
    if (this.viewer) this.viewer.destroy();
    Object.assign(this, { viewer: null, image: null, item: null, old: [], overlay: null, steps: {} });
  }

  query() {
    return { source: this.source.number, path: this.state.path };
  }

  /** Return what the address of a plane has. */
  place() {
    return { ...this.query(), t: this.state.t, z: this.state.z };
  }

  showCollection(found) {
    const open = (path) => this.open(path);
    const side = make("aside", { className: "side", "aria-label": `${this.number}About it` }, this.way(), metadataControl(this.query()));
    this.element.replaceChildren(members(found, this.query(), open), side);
  }

  /** Return links to the collections that hold this. */
  way() {
    if (!this.state.path) return null;
    const up = make("button", { type: "button" }, "Back to the collection");
    const parts = this.state.path.split("/");
    up.addEventListener("click", () => this.open(parts.length === 3 ? parts.slice(0, 2).join("/") : ""));
    return up;
  }

  showImage(image) {
    this.image = image;
    for (const channel of image.channels) channel.gamma = 1;
    const { link, state } = this;
    for (const axis of ["t", "z"]) {
      const given = link[axis] === undefined ? image.start[axis] : Number(link[axis]);
      state[axis] = Math.max(0, Math.min(given || 0, (image.extent[axis] || 1) - 1));
    }
    if (!image.labels.includes(state.label)) state.label = "";
    if (link.c !== undefined) applyChannels(image.channels, link.c);
    const view = make("div", { className: "view" });
    this.bar = make("div", { className: "bar" }, make("div"), make("span"));
    const stage = make("div", { className: "stage" }, view, this.bar, this.zoomButtons());
    this.values = make("p", { className: "values" });
    this.loads = make("p", {});
    this.element.replaceChildren(stage, this.side(image));
    this.begin(view);
    this.link = {};
  }

  side(image) {
    const changed = () => this.refresh();
    const extent = [...image.axes].map((axis) => `${axis} ${image.extent[axis]}`).join(", ");
    const command = make("button", { type: "button" }, "Copy convert command");
    command.addEventListener("click", () => this.copyCommand());
    return make(
      "aside",
      { className: "side", "aria-label": `${this.number}Controls of ${image.name}` },
      this.way(),
      make("h2", {}, image.name),
      make("p", {}, `${extent}; ${image.dtype}; OME-Zarr ${image.version}`),
      axisControl(this, "z", "z", changed),
      axisControl(this, "t", "t", changed),
      make("h3", {}, "Channels"),
      image.is_label ? null : channelControls(this, changed),
      labelControl(this, () => this.refreshLabels()),
      make("h3", {}, "Under the pointer"),
      this.values,
      this.loads,
      image.is_stored ? command : null,
      make("p", {}, make("a", { href: address("3d", this.query()), target: "_blank", rel: "noopener" }, "Show in 3D")),
      metadataControl(this.query()),
    );
  }

  zoomButtons() {
    const act = (name, text, does) => {
      const button = make("button", { type: "button", "aria-label": name, title: name }, text);
      button.addEventListener("click", does);
      return button;
    };
    return make(
      "div",
      { className: "zoom" },
      act("Zoom in", "+", () => this.viewer.viewport.zoomBy(2)),
      act("Zoom out", "\u2212", () => this.viewer.viewport.zoomBy(0.5)),
      act("Show the whole image", "\u2610", () => this.viewer.viewport.goHome()),
    );
  }

  begin(element) {
    this.viewer = OpenSeadragon({
      element,
      drawer: "canvas",
      showNavigationControl: false,
      imageSmoothingEnabled: false,
      imageLoaderLimit: 6,
      maxZoomPixelRatio: 64,
      minZoomImageRatio: 0.5,
      minPixelRatio: 0.67,
      visibilityRatio: 0.2,
      animationTime: 0.3,
      blendTime: 0,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    this.viewer.canvas.setAttribute("aria-label", `${this.image.name}; arrows move, plus and minus zoom`);
    this.viewer.canvas.setAttribute("role", "application");
    this.viewer.addHandler("viewport-change", () => this.onMove());
    this.viewer.addHandler("animation-finish", () => this.changed());
    this.viewer.addHandler("canvas-key", (event) => this.onKey(event));
    this.viewer.canvas.addEventListener("mousemove", (event) => this.onPointer(event));
    this.draw(true);
    this.refreshLabels();
  }

  /** Show the state anew, after the changes of a moment. */
  refresh() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.image) return;
      this.draw(false);
      this.refreshLabels();
      this.changed();
    }, GATHER_MS);
  }

  /** Add the picture below the one that is shown, which goes when the new one is whole. */
  draw(isFirst) {
    const { image, viewer } = this;
    const query = { ...this.place(), v: image.generation, c: channelsText(image.channels) };
    const route = image.is_label ? "label" : "tile";
    if (image.is_label) delete query.c;
    const success = ({ item }) => {
      if (viewer !== this.viewer) return;
      if (this.item) this.old.push(this.item);
      this.item = item;
      const clear = () => {
        if (item === this.item) for (const stale of this.old.splice(0)) viewer.world.removeItem(stale);
      };
      item.addHandler("fully-loaded-change", ({ fullyLoaded }) => fullyLoaded && clear());
      setTimeout(clear, PATIENCE_MS);
      if (isFirst) this.home();
    };
    viewer.addTiledImage({ tileSource: tileSource(image, route, query), index: 0, success });
  }

  /** Go to the place of the link, or show all. */
  home() {
    const { viewport } = this.viewer;
    const { x, y, zoom } = this.initial || {};
    if (!zoom) return viewport.goHome(true);
    const place = this.item.imageToViewportCoordinates(x, y * pixelRatio(this.image));
    viewport.zoomTo(this.item.imageToViewportZoom(zoom), null, true);
    return viewport.panTo(place, true);
  }

  /** Resolve when all that is in sight is loaded. */
  loaded() {
    return new Promise((done) => {
      const look = () => {
        if (!this.item || this.item.getFullyLoaded()) done();
        else setTimeout(look, 30);
      };
      setTimeout(look, GATHER_MS + 20);
    });
  }

  /** Show the label image that is chosen. */
  async refreshLabels() {
    const { state, viewer } = this;
    const wanted = state.label ? `${state.label} ${state.t} ${state.z}` : "";
    if (this.overlay && this.overlay.wanted === wanted) {
      if (this.overlay.item) this.overlay.item.setOpacity(state.opacity);
      return;
    }
    if (this.overlay && this.overlay.item) viewer.world.removeItem(this.overlay.item);
    const overlay = { wanted, path: [state.path, "labels", state.label].filter(Boolean).join("/") };
    this.overlay = overlay;
    if (!wanted) return this.changed();
    try {
      const image = await ask("api/image", { ...this.query(), path: overlay.path });
      if (this.overlay !== overlay) return undefined;
      overlay.image = image;
      const query = { ...this.place(), path: overlay.path, v: image.generation };
      const success = ({ item }) => {
        if (this.overlay === overlay) overlay.item = item;
        else viewer.world.removeItem(item);
      };
      viewer.addTiledImage({ tileSource: tileSource(image, "label", query), opacity: state.opacity, success });
    } catch (error) {
      say(error.message, true);
    }
    return this.changed();
  }

  zoom() {
    return this.item ? this.item.viewportToImageZoom(this.viewer.viewport.getZoom(true)) : 1;
  }

  onMove() {
    if (!this.item) return;
    const zoom = this.zoom();
    const smooth = zoom < 0.99;
    if (smooth !== this.smooth) this.viewer.drawer.setImageSmoothingEnabled(smooth);
    this.smooth = smooth;
    showBar(this.bar, this.image, zoom);
    this.showLoads(zoom);
    this.moved(this);
  }

  /** Show the level in sight, and what was loaded for this page so far. */
  showLoads(zoom) {
    const number = levelFor(this.image, zoom);
    const { chunks, shards } = this.image.levels[number];
    const tiles = performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/tile/"));
    const size = tiles.reduce((sum, entry) => sum + entry.transferSize, 0);
    const stored = `chunks ${chunks.join(" x ")}${shards ? `, shards ${shards.join(" x ")}` : ""}`;
    this.loads.textContent = `level ${number}: ${stored}; ${tiles.length} tiles, ${(size / 1e6).toFixed(1)} MB loaded`;
  }

  onKey(event) {
    const { key } = event.originalEvent;
    const step = { ",": ["z", -1], ".": ["z", 1], "[": ["t", -1], "]": ["t", 1] }[key];
    if (step && this.steps[step[0]]) this.steps[step[0]](step[1]);
    if (/^[1-9]$/.test(key)) {
      const box = this.element.querySelector(`input[data-channel="${Number(key) - 1}"]`);
      if (box) box.click();
    }
    // OpenSeadragon would turn and mirror the image with r and f.
    if (step || /^[1-9rf]$/i.test(key)) event.preventDefaultAction = true;
  }

  /** Return the pixel of level 0 at a place on the screen; null outside of the image. */
  pixelAt(point) {
    if (!this.item) return null;
    const place = this.item.viewerElementToImageCoordinates(point);
    const [x, y] = [Math.floor(place.x), Math.floor(place.y / pixelRatio(this.image))];
    return x >= 0 && y >= 0 && x < this.image.extent.x && y < this.image.extent.y ? { x, y } : null;
  }

  onPointer(event) {
    const box = this.viewer.element.getBoundingClientRect();
    const pixel = this.pixelAt(new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top));
    if (this.asked) this.asked.abort();
    clearTimeout(this.pointing);
    if (pixel) this.pointing = setTimeout(() => this.showValues(pixel), 80);
  }

  async showValues(pixel) {
    this.asked = new AbortController();
    const number = levelFor(this.image, this.zoom());
    const valuesOf = async (image, query) => {
      const { factors, shape } = image.levels[Math.min(number, image.levels.length - 1)];
      // A label image may be coarser than its image from its first level on.
      const step = (axis) => (factors[axis] * this.image.extent[axis]) / image.extent[axis];
      const at = (axis) => Math.min(Math.floor(pixel[axis] / step(axis)), shape[axis] - 1);
      const level = Math.min(number, image.levels.length - 1);
      return (await ask("api/values", { ...query, level, y: at("y"), x: at("x") }, this.asked.signal)).values;
    };
    try {
      const values = await valuesOf(this.image, this.place());
      const named = values.map((value, i) => `${this.image.channels[i].label}: ${value ?? "damaged"}`);
      if (this.overlay && this.overlay.image) {
        const query = { ...this.place(), path: this.overlay.path };
        named.push(`${this.state.label}: ${(await valuesOf(this.overlay.image, query))[0]}`);
      }
      this.values.textContent = `x ${pixel.x}, y ${pixel.y}, level ${number}: ${named.join(", ")}`;
    } catch (error) {
      if (error.name !== "AbortError") this.values.textContent = error.message;
    }
  }

  /** Return the part of level 0 that is in sight. */
  sight() {
    const bounds = this.item.viewportToImageRectangle(this.viewer.viewport.getBounds(true));
    const ratio = pixelRatio(this.image);
    const { x, y } = this.image.extent;
    const cut = (value, most) => Math.max(0, Math.min(Math.round(value), most));
    return {
      x: [cut(bounds.x, x), cut(bounds.x + bounds.width, x)],
      y: [cut(bounds.y / ratio, y), cut((bounds.y + bounds.height) / ratio, y)],
    };
  }

  async copyCommand() {
    const sight = this.sight();
    const parts = ["y", "x"].map((axis) => `${axis}=${sight[axis].join(":")}`);
    for (const axis of ["t", "z"]) if ((this.image.extent[axis] || 1) > 1) parts.push(`${axis}=${this.state[axis]}`);
    const shown = this.image.channels.flatMap((channel, index) => (channel.active ? [index] : []));
    if (shown.length && shown.length < (this.image.extent.c || 1)) parts.push(`c=${shown.join("|")}`);
    const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    const line = `pyramid convert ${quote(this.image.url)} part.ome.zarr --select ${quote(parts.join(","))}`;
    await copy(line);
  }

  /** Return the view as a link has it. */
  view() {
    const state = { path: this.state.path };
    if (!this.image || !this.item) return state;
    const center = this.item.viewportToImageCoordinates(this.viewer.viewport.getCenter(true));
    const round = (number) => Number(number.toPrecision(7));
    Object.assign(state, { x: round(center.x), y: round(center.y / pixelRatio(this.image)), zoom: round(this.zoom()) });
    Object.assign(state, { t: this.state.t, z: this.state.z, c: channelsText(this.image.channels) });
    if (this.state.label) Object.assign(state, { label: this.state.label, opacity: this.state.opacity });
    return state;
  }

  /** Go where another pane is. */
  follow(other) {
    if (!this.item || !other.item || this.following) return;
    this.following = true;
    this.viewer.viewport.zoomTo(other.viewer.viewport.getZoom(true), null, true);
    this.viewer.viewport.panTo(other.viewer.viewport.getCenter(true), true);
    this.following = false;
  }
}

/** Put a text into the clipboard, and show it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`copied: ${text}`);
  } catch {
    say(text);
  }
}
