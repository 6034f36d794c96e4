"""The glyphs of the package are those of DejaVu Sans, as another program draws them."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pyramid.previewing.text import draw_text, text_width

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


@pytest.mark.parametrize(
    "text",
    ["50 µm", "anti-\N{GREEK SMALL LETTER ALPHA}-tubulin <b>", "Łódź, Привет", "z 3: 1.5 \N{MULTIPLICATION SIGN} 10²"],
)
def test_text_is_that_of_the_font(text: str) -> None:
    font = ImageFont.truetype(str(FONT), 32)
    assert abs(text_width(text, 32) - font.getlength(text)) <= 2
    found = draw_text(text, 32)
    sheet = Image.new("L", (found.shape[1], found.shape[0]))
    ImageDraw.Draw(sheet).text((0, 0), text, fill=255, font=font)
    expected = np.asarray(sheet) / 255
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
