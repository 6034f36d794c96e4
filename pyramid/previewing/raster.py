"""A layout as pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyramid.previewing.layout import INK, Item, Layout, Pixels, Rectangle
from pyramid.previewing.text import draw_text


def paint(layout: Layout) -> NDArray[np.uint8]:
    """Draw a layout.

    Returns
    -------
    numpy.ndarray
        (y, x, 3), uint8.
    """
    canvas = np.zeros((layout.height, layout.width, 3), np.uint8)
    for item in layout.items:
        _draw(item, canvas)
    return canvas


def _draw(item: Item, canvas: NDArray[np.uint8]) -> None:
    """Draw one item. What is beyond the canvas is left out."""
    if isinstance(item, Pixels):
        part = canvas[item.top : item.top + item.pixels.shape[0], item.left : item.left + item.pixels.shape[1]]
        part[...] = item.pixels[: part.shape[0], : part.shape[1]]
        return
    if isinstance(item, Rectangle):
        part = canvas[item.top : item.top + item.height, item.left : item.left + item.width]
        _mix(part, item.color, np.full(part.shape[:2], item.opacity))
    elif item.text:
        covered = draw_text(item.text, item.size_px)
        part = canvas[item.top : item.top + covered.shape[0], item.left : item.left + covered.shape[1]]
        _mix(part, INK, covered[: part.shape[0], : part.shape[1]])


def _mix(part: NDArray[np.uint8], color: str, covered: NDArray[np.float64]) -> None:
    """Cover pixels with a colour, each by its part."""
    ink = np.frombuffer(bytes.fromhex(color), np.uint8).astype(np.float64)
    part[...] = np.rint(part + (ink - part) * covered[..., np.newaxis])
