// Plates as a grid of wells, other collections as a list, with thumbnails.

import { make } from "./elements.js";
import { address } from "./server.js";

// Members that are shown at most, and up to which they have thumbnails.
const MOST = 5000;
const MOST_PICTURES = 400;

/** Return the members of a collection; `open` is called with the path of the one that is chosen. */
export function members(found, query, open) {
  const paths = found.paths.slice(0, MOST);
  const pictured = paths.length <= MOST_PICTURES;
  const button = (path, name) => {
    const picture = pictured
      ? make("img", { alt: "", loading: "lazy", src: address("thumbnail", { ...query, path: join(query.path, path) }) })
      : null;
    const made = make("button", { type: "button" }, picture, name);
    made.addEventListener("click", () => open(join(query.path, path)));
    return made;
  };
  const grid = found.type === "plate" ? plate(found, button) : null;
  const list = make("ul", {}, ...paths.map((path) => make("li", {}, button(path, path))));
  const box = make("div", { className: "members" }, make("h2", {}, found.name), grid || list);
  if (found.paths.length > MOST) box.append(make("p", {}, `${found.paths.length - MOST} more`));
  return box;
}

function join(...parts) {
  return parts.filter(Boolean).join("/");
}

function plate(found, button) {
  const placed = found.wells.length && found.wells.every((well) => well.row !== null && well.column !== null);
  if (!placed || found.rows.length * found.columns.length > MOST) return null;
  const wells = new Map(found.wells.map((well) => [`${well.row}/${well.column}`, well]));
  const head = make("tr", {}, make("td"), ...found.columns.map((name) => make("th", { scope: "col" }, name)));
  const lines = found.rows.map((name, line) => {
    const cells = found.columns.map((_, column) => {
      const well = wells.get(`${line}/${column}`);
      return make("td", {}, well ? button(well.path, well.path) : "");
    });
    return make("tr", {}, make("th", { scope: "row" }, name), ...cells);
  });
  return make("table", {}, make("caption", {}, `${found.wells.length} wells`), head, ...lines);
}
