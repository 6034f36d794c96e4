"""Text as pixels, of glyphs that are part of the package.

``.ci/glyphs.py`` draws the sheet of glyphs. A letter that it lacks is shown as U+FFFD.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.previewing.resampling import resample

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_DOTS = "…"
# Height of a line, by the height of its font.
LINE = 1.25


@dataclass(frozen=True, slots=True)
class _Glyphs:
    """The sheet of glyphs, and where each is."""

    sheet: NDArray[np.uint8]
    places: dict[str, tuple[int, float]]
    size_px: int
    cell_px: tuple[int, int]
    before_px: int
    columns: int

    def find(self, letter: str) -> tuple[int, float]:
        """Return the number of a letter's cell, and the advance of its pen."""
        return self.places.get(letter) or self.places[_UNKNOWN]

    def cell(self, number: int) -> NDArray[np.uint8]:
        """Return the pixels of a cell."""
        (row, column), (height, width) = divmod(number, self.columns), self.cell_px
        return self.sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]


@functools.cache
def _glyphs() -> _Glyphs:
    folder = files("pyramid") / "data"
    facts: dict[str, Any] = json.loads((folder / "glyphs.json").read_text(encoding="utf-8"))
    sheet = imagecodecs.png_decode((folder / "glyphs.png").read_bytes())
    places = {letter: (i, facts["advances_px"][i]) for i, letter in enumerate(facts["letters"])}
    height, width = facts["cell_px"]
    return _Glyphs(sheet, places, facts["size_px"], (height, width), facts["before_px"], facts["columns"])


def text_width(text: str, size_px: int) -> int:
    """Return the width of a text in pixels, for a font of a height in pixels."""
    glyphs = _glyphs()
    return math.ceil(sum(glyphs.find(letter)[1] for letter in text) * size_px / glyphs.size_px)


def fit_text(text: str, size_px: int, width_px: int) -> str:
    """Cut a text that is wider than `width_px`, and end it with three dots.

    Returns an empty text where not even the dots fit.
    """
    if text_width(text, size_px) <= width_px:
        return text
    while text and text_width(text + _DOTS, size_px) > width_px:
        text = text[:-1]
    return text + _DOTS if text or text_width(_DOTS, size_px) <= width_px else ""


def draw_text(text: str, size_px: int) -> NDArray[np.float64]:
    """Draw a text.

    Returns
    -------
    numpy.ndarray
        (y, x): how much of each pixel is covered, from 0 to 1. It is a line high, and as wide as `text_width`.
    """
    glyphs = _glyphs()
    height, width = glyphs.cell_px
    pens = np.cumsum([0.0, *(glyphs.find(letter)[1] for letter in text)])
    line = np.zeros((height, math.ceil(pens[-1]) + width), np.uint8)
    for letter, pen in zip(text, pens, strict=False):
        part = line[:, round(pen) : round(pen) + width]
        np.maximum(part, glyphs.cell(glyphs.find(letter)[0]), out=part)
    line = line[:, glyphs.before_px :]
    shown = (math.ceil(height * size_px / glyphs.size_px), text_width(text, size_px))
    taken = line[:, : max(1, math.ceil(pens[-1]))]
    return resample(taken, (shown[0], max(1, shown[1]))) / 255
