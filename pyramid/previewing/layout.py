"""Where each part of a figure is drawn, in whole pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.previewing.figure import Figure, LegendEntry, Panel, ScaleBar
from pyramid.previewing.text import LINE, fit_text, text_width
from pyramid.tables import clean_cell

# Colours: light text on a dark ground, on which fluorescence is seen best.
GROUND, INK, EMPTY = "101010", "F0F0F0", "303030"
# Heights of the font: the least that is read easily, and the most; between them the share of a panel's width.
MIN_FONT_PX, MAX_FONT_PX, FONT_SHARE = 11, 24, 36
# Least width of a picture: a legend can be read below an image of a few pixels.
MIN_WIDTH_PX = 160
# The ground of a scale bar lets half of the pixels through.
BAR_OPACITY = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Pixels (y, x, 3) of uint8, at a left and a top."""

    left: int
    top: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled rectangle."""

    left: int
    top: int
    width: int
    height: int
    color: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text, by its left and the top of its line."""

    left: int
    top: int
    text: str
    size_px: int


Item: TypeAlias = Pixels | Rectangle | Text


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A picture: its size, and the items on it, those in front last."""

    width: int
    height: int
    items: tuple[Item, ...]


def arrange(figure: Figure) -> Layout:
    """Return where everything of a figure is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> layout = arrange(Figure((Panel(np.zeros((200, 300, 3), np.uint8)),)))
    >>> (layout.width, layout.height)
    (300, 200)
    """
    sizes = [panel.pixels.shape[:2] for panel in figure.panels if panel is not None and panel.pixels is not None]
    cell = (max((h for h, _ in sizes), default=1), max((w for _, w in sizes), default=MIN_WIDTH_PX))
    font = max(MIN_FONT_PX, min(MAX_FONT_PX, cell[1] // FONT_SHARE))
    line = math.ceil(font * LINE)
    captions = line if any(panel is not None and panel.caption for panel in figure.panels) else 0
    gap = max(2, font // 3) if len(figure.panels) > 1 else 0
    rows = -(-len(figure.panels) // figure.columns)
    width = max(MIN_WIDTH_PX, figure.columns * (cell[1] + gap) - gap)
    items: list[Item] = []
    for number, panel in enumerate(figure.panels):
        row, column = divmod(number, figure.columns)
        place = (column * (cell[1] + gap), row * (cell[0] + captions + gap) + captions)
        items += _panel_items(panel, place, cell, font)
    height = rows * (cell[0] + captions + gap) - gap
    legend = list(_legend_items(figure.legend, (width, height), font))
    height = max([height, *(item.top + line + font // 3 for item in legend if isinstance(item, Text))])
    return Layout(width, height, (Rectangle(0, 0, width, height, GROUND), *items, *legend))


def _panel_items(panel: Panel | None, place: tuple[int, int], cell: tuple[int, int], font: int) -> Iterator[Item]:
    """Yield a panel, its caption above, and its scale bar."""
    if panel is None:
        return
    left, top = place
    if panel.caption:
        yield Text(left, top - math.ceil(font * LINE), fit_text(clean_cell(panel.caption), font, cell[1]), font)
    if panel.pixels is None:
        yield Rectangle(left, top, cell[1], cell[0], EMPTY)
        return
    yield Pixels(left, top, panel.pixels)
    if panel.bar is not None:
        height, width = panel.pixels.shape[:2]
        yield from _bar_items(panel.bar, (left + width, top + height), (width, height), font)


def _bar_items(bar: ScaleBar, corner: tuple[int, int], room: tuple[int, int], font: int) -> Iterator[Item]:
    """Yield a scale bar with its length above, in the lower right corner.

    It is left out of a picture in which it does not fit.
    """
    pad, thick, line = font // 2, max(2, font // 6), math.ceil(font * LINE)
    text = text_width(bar.text, font)
    width, height = max(text, bar.length_px) + 2 * pad, line + thick + pad
    if width > room[0] or height > room[1]:
        return
    left, top = corner[0] - width, corner[1] - height
    yield Rectangle(left, top, width, height, "000000", BAR_OPACITY)
    yield Text(left + (width - text) // 2, top, bar.text, font)
    yield Rectangle(left + (width - bar.length_px) // 2, top + line, bar.length_px, thick, "FFFFFF")


def _legend_items(legend: tuple[LegendEntry, ...], place: tuple[int, int], font: int) -> Iterator[Item]:
    """Yield a square and a name for each channel, in as many rows as they take."""
    width, top = place
    pad = max(2, font // 3)
    left, top = pad, top + pad
    for entry in legend:
        label = fit_text(clean_cell(entry.label), font, width - font - 3 * pad)
        taken = font + pad + text_width(label, font)
        if left > pad and left + taken + pad > width:
            left, top = pad, top + math.ceil(font * LINE)
        yield Rectangle(left, top + round(font * (LINE - 1) / 2), font, font, entry.color)
        yield Text(left + font + pad, top, label, font)
        left += taken + 3 * pad
