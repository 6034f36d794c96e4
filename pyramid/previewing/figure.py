"""The content of a picture: panels in a grid, and a legend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar whose length is known.

    Parameters
    ----------
    text
        Its length, as ``"50 µm"``.
    length_px
        Its length in pixels of the panel.
    """

    text: str
    length_px: int


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture of a figure.

    Parameters
    ----------
    pixels
        (y, x, 3), uint8; None if there is nothing to show.
    caption
        Text above it; empty for none.
    bar
        Its scale bar; None for none.
    """

    pixels: NDArray[np.uint8] | None
    caption: str = ""
    bar: ScaleBar | None = None


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A channel in the legend: its name, and its colour as six hexadecimal digits."""

    label: str
    color: str


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Panels in a grid, and a legend below it.

    Parameters
    ----------
    panels
        Row by row; None for a place that is empty.
    columns
        Number of panels in a row.
    legend
        The channels; empty for no legend.
    """

    panels: tuple[Panel | None, ...]
    columns: int = 1
    legend: tuple[LegendEntry, ...] = ()
