"""The colours of label values in ``image-label``."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.ngff.metadata import Rgba

# Colours that are read at most: more values than any image has colours for.
MAX_COLORS = 100_000


def read_label_colors(image_label: object) -> dict[int, Rgba]:
    """Return the colour of each value that has one; what is odd is left out.

    Examples
    --------
    >>> read_label_colors({"colors": [{"label-value": 7, "rgba": [255, 0, 9, 255]}, {"label-value": "x"}]})
    {7: (255, 0, 9, 255)}
    """
    rows = image_label.get("colors") if isinstance(image_label, Mapping) else None
    found: dict[int, Rgba] = {}
    for row in rows[:MAX_COLORS] if isinstance(rows, list) else ():
        value, rgba = (row.get("label-value"), row.get("rgba")) if isinstance(row, Mapping) else (None, None)
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**64:
            continue
        if isinstance(rgba, list) and len(rgba) == 4 and all(type(part) is int and 0 <= part <= 255 for part in rgba):
            found[value] = (rgba[0], rgba[1], rgba[2], rgba[3])
    return found
