"""The length of a scale bar: a round number, a quarter of the picture at most."""

from __future__ import annotations

import math

from pyramid.ngff.lengths import to_micrometers
from pyramid.previewing.figure import ScaleBar

# Shortest bar: a shorter one looks like a speck.
MIN_PX = 8
# The share of the picture's width that a bar takes at most.
SHARE = 4
# The units of bars, with the micrometers in each, the longest first.
_UNITS = (("m", 1e6), ("mm", 1e3), ("µm", 1.0), ("nm", 1e-3), ("pm", 1e-6))


def choose_bar(pixel_size: float | None, unit: str | None, width_px: int) -> ScaleBar | None:
    """Return the longest bar of 1, 2 or 5 times a power of ten that is short enough.

    Parameters
    ----------
    pixel_size
        Width of a pixel, in `unit`; None if it is not known.
    unit
        UDUNITS name of a length; None if it is not known.
    width_px
        Width of the picture.

    Returns
    -------
    ScaleBar or None
        None if the width of a pixel is not known as a length, or no bar would be seen.

    Examples
    --------
    >>> choose_bar(0.5, "micrometer", 1000)
    ScaleBar(text='100 µm', length_px=200)
    >>> choose_bar(4, "nanometer", 512)
    ScaleBar(text='500 nm', length_px=125)
    """
    size_um = None if pixel_size is None else to_micrometers(pixel_size, unit)
    if size_um is None or not (math.isfinite(size_um) and size_um > 0):
        return None
    most_um = size_um * width_px / SHARE
    name, in_um = next((pair for pair in _UNITS if most_um >= pair[1]), _UNITS[-1])
    most = most_um / in_um
    power = math.floor(math.log10(most)) if most > 0 else 0
    steps = [step * 10.0**exponent for exponent in (power - 1, power) for step in (1, 2, 5)]
    length = max((step for step in steps if step <= most * (1 + 1e-9)), default=0.0)
    length_px = round(length * in_um / size_um)
    if length_px < MIN_PX:
        return None
    return ScaleBar(f"{length:,.0f} {name}" if length >= 1 else f"{length:g} {name}", length_px)
