// A bar of a round length, in the unit of the image.

const SHORT = { micrometer: "µm", nanometer: "nm", millimeter: "mm", centimeter: "cm", meter: "m", angstrom: "Å", picometer: "pm" };
// Pixels of the screen that the bar takes at most.
const MOST = 160;

/** Return the greatest of 1, 2 and 5 times a power of ten that is at most a number. */
export function roundDown(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [5, 2, 1].find((factor) => factor * power <= number * 1.000001) * power;
}

/** Show the bar for a zoom, in pixels of the screen for one of the image. */
export function showBar(element, image, zoom) {
  const known = image.scale && image.scale.x > 0;
  const size = known ? image.scale.x : 1;
  const unit = image.units.x ? SHORT[image.units.x] || image.units.x : known && size !== 1 ? "" : "px";
  const length = roundDown((MOST / zoom) * size);
  element.firstElementChild.style.width = `${(length / size) * zoom}px`;
  element.lastElementChild.textContent = `${Number(length.toPrecision(6))} ${unit}`;
}
