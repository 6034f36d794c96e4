// The levels of an image as tiles of OpenSeadragon, whose level 0 is the smallest.

import { address } from "./server.js";

// Pixels of its neighbours that a tile has, so that no seam shows between them.
const OVERLAP = 1;

/** Return the height of a pixel over its width, as far as it is known and plausible. */
export function pixelRatio(image) {
  const { scale, units } = image;
  if (!scale || units.y !== units.x || !(scale.y > 0) || !(scale.x > 0)) return 1;
  const ratio = scale.y / scale.x;
  return ratio > 1 / 20 && ratio < 20 ? ratio : 1;
}

/** Return the levels that differ in y and x, the largest first, each with its number. */
function usable(image) {
  const numbered = image.levels.map((level, number) => ({ ...level, number }));
  numbered.sort((a, b) => a.factors.x - b.factors.x || a.number - b.number);
  return numbered.filter((level, i) => i === 0 || level.factors.x > numbered[i - 1].factors.x * 1.01);
}

/**
 * Return a tile source.
 *
 * `route` is "tile" or "label", `query` what each tile's address has.
 */
export function tileSource(image, route, query) {
  const levels = usable(image);
  const largest = levels.length - 1;
  const side = image.tile;
  const ratio = pixelRatio(image);
  const { x: width, y: height } = image.extent;
  const at = (level) => levels[largest - level];
  const count = (level) =>
    new OpenSeadragon.Point(Math.ceil(at(level).shape.x / side), Math.ceil(at(level).shape.y / side));
  return {
    width,
    height: height * ratio,
    tileSize: side,
    tileOverlap: OVERLAP,
    minLevel: 0,
    maxLevel: largest,
    getLevelScale: (level) => 1 / at(level).factors.x,
    getNumTiles: count,
    getTileAtPoint(level, point) {
      const { factors } = at(level);
      const tiles = count(level);
      const column = Math.floor((point.x * width) / factors.x / side);
      const line = Math.floor((point.y * width) / ratio / factors.y / side);
      const within = (value, most) => Math.max(0, Math.min(value, most - 1));
      return new OpenSeadragon.Point(within(column, tiles.x), within(line, tiles.y));
    },
    getTileBounds(level, column, line, isSource) {
      const { factors, shape } = at(level);
      const [left, top] = [Math.max(0, column * side - OVERLAP), Math.max(0, line * side - OVERLAP)];
      const wide = Math.min((column + 1) * side + OVERLAP, shape.x) - left;
      const high = Math.min((line + 1) * side + OVERLAP, shape.y) - top;
      if (isSource) return new OpenSeadragon.Rect(0, 0, wide, high);
      const [sx, sy] = [factors.x / width, (factors.y * ratio) / width];
      return new OpenSeadragon.Rect(left * sx, top * sy, wide * sx, high * sy);
    },
    getTileUrl: (level, column, line) => address(`${route}/${at(level).number}/${line}/${column}.png`, { ...query, overlap: OVERLAP }),
    hasTransparency: () => route === "label",
  };
}

/** Return the number of the level that fits a zoom, in pixels of the screen for one of the image. */
export function levelFor(image, zoom) {
  const fitting = usable(image).filter((level) => level.factors.x * zoom <= 1.5);
  return fitting.length ? fitting[fitting.length - 1].number : usable(image)[0].number;
}
