"""Sizes of pixels from a TIFF's resolution tags, for files without better ones."""

from __future__ import annotations

import tifffile

from pyramid.readers.tiff.units import Description, positive

MICROMETERS = {2: 25_400.0, 3: 10_000.0}  # by ResolutionUnit: the inch, the centimeter
PRINTERS_DPI = (72.0, 96.0, 300.0)  # for print or display: programs write them if they do not know the size
PRINTERS_SHARE = 0.005  # tolerance of those, as 300 dpi are rounded to 118 pixels per centimeter
# The sizes of a pixel that are accepted, from a hundredth of a nanometer (finer than any microscope) to a centimeter.
MIN_UM, MAX_UM = 1e-5, 1e4


def measure_by_tags(found: Description, page: tifffile.TiffPage) -> None:
    """Note the size of a pixel in y and x from a page's resolution tags.

    If the tags cannot be a microscope's, a notice says so.

    Parameters
    ----------
    found
        What is known already; a size in y or x in it is kept, and the tags are not read.
    page
        The page whose tags are read.
    """
    per_unit = [pixels_per_unit(page, code) for code in (283, 282)]
    unit = page.tags.valueof(296)
    micrometers = MICROMETERS.get(2 if unit is None else int(unit) if isinstance(unit, int) else 0)
    given = all(code in page.tags for code in (282, 283))
    if micrometers is None or not given or {"y", "x"} & set(found.scale):
        return
    unit_name = "an inch" if micrometers == MICROMETERS[2] else "a centimeter"
    sizes = [micrometers / pixels if pixels else 0.0 for pixels in per_unit]
    dpi = [MICROMETERS[2] / size if size else 0.0 for size in sizes]
    if all(any(abs(n - usual) <= PRINTERS_SHARE * usual for usual in PRINTERS_DPI) for n in dpi):
        found.notices.append(
            f"its resolution tags say {dpi[1]:.4g} dpi, which is a printer's or a screen's and not a microscope's: "
            "they are not taken as the size of a pixel; give --scale and --units"
        )
        return
    if not all(MIN_UM <= size < MAX_UM for size in sizes):
        x, y = (_fraction(page, code) for code in (282, 283))
        found.notices.append(
            f"its resolution tags say {x} and {y} pixels {unit_name} in x and y, which cannot be a microscope's: "
            "they are not taken as the size of a pixel; give --scale and --units"
        )
        return
    for axis, size in zip("yx", sizes, strict=True):
        found.measure(axis, size, "micrometer", f"the resolution tag of {axis}")


def pixels_per_unit(page: tifffile.TiffPage, code: int) -> float | None:
    """Return the value of a resolution tag; None unless it is finite and above 0."""
    fraction = page.tags.valueof(code)
    if isinstance(fraction, tuple) and len(fraction) == 2:
        return positive(fraction[0] / fraction[1]) if fraction[1] else None
    return positive(fraction)


def _fraction(page: tifffile.TiffPage, code: int) -> str:
    fraction = page.tags.valueof(code)
    return "/".join(map(str, fraction)) if isinstance(fraction, tuple) else str(fraction)
