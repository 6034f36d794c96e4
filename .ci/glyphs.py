"""Draw the glyphs that pictures are labelled with, into ``pyramid/data``.

They are those of DejaVu Sans, which Matplotlib has with it. Its licence is next to them.

    python .ci/glyphs.py
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
DATA = Path(__file__).parent.parent / "pyramid/data"
# Height of the font in pixels: larger than most text in a picture, which is shrunk from it.
SIZE_PX = 32
# Pixels of a cell before a glyph's origin, for those that begin before it.
BEFORE_PX = 4
COLUMNS = 32
# Letters of the languages that are written in Latin, Greek or Cyrillic, and signs of measures.
RANGES = ((0x20, 0x7E), (0xA0, 0x17F), (0x391, 0x3C9), (0x400, 0x45F))
SIGNS = (
    0x2010,
    0x2013,
    0x2014,
    0x2018,
    0x2019,
    0x201C,
    0x201D,
    0x2026,
    0x2022,
    0x2032,
    0x2033,
    0x20AC,
    0x2122,
    0x2113,
    0x3A9,
    0x2192,
    0x2194,
    0x2212,
    0x221A,
    0x221E,
    0x2248,
    0x2260,
    0x2264,
    0x2265,
    0xFFFD,
)


def main() -> None:
    """Write the sheet of glyphs and the facts about it."""
    font = ImageFont.truetype(str(FONTS / "DejaVuSans.ttf"), SIZE_PX)
    codes = [code for first, last in RANGES for code in range(first, last + 1)]
    letters = [letter for letter in [*map(chr, codes), *map(chr, SIGNS)] if letter.isprintable()]
    letters = list(dict.fromkeys(letters))
    ascent, descent = font.getmetrics()
    width = max(round(font.getlength(letter)) for letter in letters) + 2 * BEFORE_PX
    height = ascent + descent
    sheet = Image.new("L", (COLUMNS * width, -(-len(letters) // COLUMNS) * height))
    draw = ImageDraw.Draw(sheet)
    for number, letter in enumerate(letters):
        row, column = divmod(number, COLUMNS)
        draw.text((column * width + BEFORE_PX, row * height), letter, fill=255, font=font)
    # Sixteen levels of grey look the same, and the file is half as large.
    coarse = (np.asarray(sheet).astype(int) + 8) // 17 * 17
    Image.fromarray(coarse.astype(np.uint8)).save(DATA / "glyphs.png", optimize=True)
    facts = {
        "size_px": SIZE_PX,
        "cell_px": [height, width],
        "before_px": BEFORE_PX,
        "ascent_px": ascent,
        "columns": COLUMNS,
        "letters": "".join(letters),
        "advances_px": [round(font.getlength(letter), 2) for letter in letters],
    }
    (DATA / "glyphs.json").write_text(json.dumps(facts, indent=None) + "\n", encoding="utf-8")
    (DATA / "glyphs.LICENSE").write_text((FONTS / "LICENSE_DEJAVU").read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
