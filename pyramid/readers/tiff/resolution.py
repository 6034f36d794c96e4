"""Sizes of pixels from a TIFF's resolution tags, for files without better ones."""

from __future__ import annotations

import tifffile

from pyramid.readers.tiff.description import Description, positive

INCH, CENTIMETER = 2, 3  # the numbers of the units in the ResolutionUnit tag
MICROMETERS = {INCH: 25_400.0, CENTIMETER: 10_000.0}  # of each unit
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
    unit = resolution_unit(page, INCH)
    micrometers = MICROMETERS.get(unit)
    given = all(code in page.tags for code in (282, 283))
    if micrometers is None or not given or {"y", "x"} & set(found.scale):
        return
    sizes = [micrometers / pixels if pixels else 0.0 for pixels in pixels_per_unit(page)]
    dpi = [MICROMETERS[INCH] / size if size else 0.0 for size in sizes]
    if all(any(abs(n - usual) <= PRINTERS_SHARE * usual for usual in PRINTERS_DPI) for n in dpi):
        doubt = f"{dpi[1]:.4g} dpi, which is a printer's or a screen's and not a microscope's"
    elif not all(MIN_UM <= size < MAX_UM for size in sizes):
        x, y = (_fraction(page, code) for code in (282, 283))
        each = "an inch" if unit == INCH else "a centimeter"
        doubt = f"{x} and {y} pixels {each} in x and y, which cannot be a microscope's"
    else:
        for axis, size in zip("yx", sizes, strict=True):
            found.measure(axis, size, "micrometer", f"the resolution tag of {axis}")
        return
    found.notices.append(
        f"its resolution tags say {doubt}: they are not taken as the size of a pixel; give scale=... and units=..."
    )


def resolution_unit(page: tifffile.TiffPage, default: int) -> int:
    """Return the number of a page's ResolutionUnit; 0 if it is not a number."""
    unit = page.tags.valueof(296, default)
    return int(unit) if isinstance(unit, int) else 0


def pixels_per_unit(page: tifffile.TiffPage) -> tuple[float | None, float | None]:
    """Return the resolution tags of y and x; None for any that is not above 0."""
    y, x = (_per_unit(page.tags.valueof(code)) for code in (283, 282))
    return y, x


def _per_unit(fraction: object) -> float | None:
    if isinstance(fraction, tuple) and len(fraction) == 2:
        return positive(fraction[0] / fraction[1]) if fraction[1] else None
    return positive(fraction)


def _fraction(page: tifffile.TiffPage, code: int) -> str:
    fraction = page.tags.valueof(code)
    return "/".join(map(str, fraction)) if isinstance(fraction, tuple) else str(fraction)
