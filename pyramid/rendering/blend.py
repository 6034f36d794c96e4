"""Planes of several channels, added up as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.ngff.metadata import OmeroChannel

# The brightest value of a picture.
_WHITE = 255
# Pixels that are added up at once, at most: what they need fits into a core's cache.
_SLAB_PX = 2**13


@dataclass(frozen=True)
class ChannelStyle:
    """The display of a channel: its colour, and the brightness of its values.

    Parameters
    ----------
    color
        Six hexadecimal digits: red, green and blue of the brightest pixel.
    window
        The value that is black, and the value from which on all is brightest.
    gamma
        Exponent of the brightness: below 1 lifts dark pixels, above 1 darkens them.
    inverted
        Whether the least value is shown brightest.
    """

    color: str
    window: tuple[float, float]
    gamma: float = 1.0
    inverted: bool = False


def style_of(channel: OmeroChannel) -> ChannelStyle:
    """Return the display of a channel by its settings.

    A channel without a window is shown from 0 to 255.
    """
    ends = (0.0, 255.0) if channel.window is None else (channel.window.start, channel.window.end)
    return ChannelStyle(channel.color, ends, inverted=channel.inverted)


def blend(planes: Sequence[NDArray[Any]], styles: Sequence[ChannelStyle]) -> NDArray[np.uint8]:
    """Add up planes, each scaled by its window and in its colour.

    Colours add up as light does, as in OMERO, napari and vizarr.

    Parameters
    ----------
    planes
        One array (y, x) for each channel, of one shape and of any real dtype or bool; at least one.
    styles
        How each is shown.

    Returns
    -------
    numpy.ndarray
        (y, x, 3), uint8, rounded to the nearest. NaN is black, also in an inverted channel.

    Raises
    ------
    ValueError
        If there are not as many styles as planes.

    Examples
    --------
    >>> import numpy as np
    >>> blend([np.array([[0, 2, 4, 9]])], [ChannelStyle("FF0080", (0, 4))])[0].tolist()
    [[0, 0, 0], [128, 0, 64], [255, 0, 128], [255, 0, 128]]
    >>> blend([np.array([[0, 9]])], [ChannelStyle("FFFFFF", (0, 4), inverted=True)])[0].tolist()
    [[255, 255, 255], [0, 0, 0]]
    """
    if len(planes) != len(styles):
        raise ValueError(f"{len(planes)} planes need as many styles, not {len(styles)}")
    height, width = planes[0].shape
    out = np.empty((height, width, 3), np.uint8)
    rows = max(1, _SLAB_PX // max(1, width))
    for y in range(0, height, rows):
        out[y : y + rows] = _add_up([plane[y : y + rows] for plane in planes], styles)
    return out


def _add_up(planes: Sequence[NDArray[Any]], styles: Sequence[ChannelStyle]) -> NDArray[np.uint8]:
    """Add up some rows of planes."""
    added: NDArray[np.float64] = np.zeros((3, *planes[0].shape))
    for plane, style in zip(planes, styles, strict=True):
        bright = brightness(plane, style)
        for i in range(3):
            part = int(style.color[2 * i : 2 * i + 2], 16)
            if part:
                added[i] += bright * part
    return np.moveaxis(np.rint(added.clip(0, _WHITE)).astype(np.uint8), 0, -1)


def brightness(plane: NDArray[Any], style: ChannelStyle) -> NDArray[np.float64]:
    """Scale a plane from 0 at the start of its window to 1 at the end.

    Parameters
    ----------
    plane
        Values (y, x), of any real dtype or bool.
    style
        The window, gamma, and whether the result is reversed; the colour is left out.

    Returns
    -------
    numpy.ndarray
        Of the plane's shape, float64, from 0 to 1; 0 for NaN.

    Examples
    --------
    >>> brightness(np.array([[1.0, np.nan, np.inf]]), ChannelStyle("FFFFFF", (0, 4), gamma=0.5)).tolist()
    [[0.5, 0.0, 1.0]]
    """
    start, end = style.window
    # Halves, for the span of two floats can be larger than any float.
    span = end / 2 - start / 2 or 1.0
    scaled = (plane.astype(np.float64).clip(start, end) / 2 - start / 2) / span
    if style.gamma != 1:
        scaled = scaled**style.gamma
    return np.nan_to_num(1.0 - scaled if style.inverted else scaled, nan=0.0)
