"""Scale bars, text, layouts and their two painters."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET

import imagecodecs
import numpy as np
import pytest

from pyramid.errors import OptionError
from pyramid.previewing import Figure, LegendEntry, Panel, Preview, ScaleBar, choose_bar
from pyramid.previewing.layout import GROUND, MIN_WIDTH_PX, Item, Pixels, Rectangle, arrange
from pyramid.previewing.text import draw_text, fit_text, text_width

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script>&lt;\x1b[2J\u202e\ud800'
PIXELS = np.random.default_rng(5).integers(0, 255, (120, 200, 3), "uint8")


@pytest.mark.parametrize(
    ("size", "unit", "width", "bar"),
    [
        (0.5, "micrometer", 1000, ScaleBar("100 µm", 200)),
        (1.0, "nanometer", 1000, ScaleBar("200 nm", 200)),
        (0.1, "angstrom", 1000, ScaleBar("2 nm", 200)),
        (1.0, "millimeter", 10_000, ScaleBar("2 m", 2000)),
        (0.32, "micrometer", 500, ScaleBar("20 µm", 62)),
        (1e-9, "nanometer", 100, ScaleBar("2e-05 pm", 20)),
        (0.5, "pixel", 1000, None),
        (0.5, None, 1000, None),
        (None, "micrometer", 1000, None),
        (float("nan"), "micrometer", 1000, None),
        (-1.0, "micrometer", 1000, None),
        (5e-324, "yoctometer", 1000, None),
        (1e308, "parsec", 1000, None),
        (1.0, "micrometer", 8, None),
    ],
)
def test_a_scale_bar_is_a_round_number_or_none(
    size: float | None, unit: str | None, width: int, bar: ScaleBar | None
) -> None:
    assert choose_bar(size, unit, width) == bar


def test_text_is_as_wide_as_it_is_drawn_and_cut_where_it_does_not_fit() -> None:
    for text in ("DAPI", "50 µm", "Привет, αβγ", "\u4e2d"):
        drawn = draw_text(text, 14)
        assert drawn.shape[1] == text_width(text, 14)
        assert 0.5 < drawn.max() <= 1 + 1e-9
    assert fit_text("anti-tubulin", 12, 1000) == "anti-tubulin"
    short = fit_text("anti-tubulin", 12, 50)
    assert short.endswith("…")
    assert text_width(short, 12) <= 50
    assert fit_text("anti-tubulin", 12, 1) == ""


def test_letters_that_have_no_glyph_are_marked() -> None:
    np.testing.assert_array_equal(draw_text("\u4e2d", 20), draw_text("\ufffd", 20))


def extent(item: Item) -> tuple[int, int]:
    if isinstance(item, Pixels):
        return item.pixels.shape[0], item.pixels.shape[1]
    return (
        (item.height, item.width)
        if isinstance(item, Rectangle)
        else (item.size_px, text_width(item.text, item.size_px))
    )


def test_nothing_overlaps_in_a_sheet() -> None:
    panel = Panel(PIXELS, "a long caption that is not as wide as its panel would have to be for it")
    figure = Figure((panel, None, Panel(None, "missing"), panel), 3, (LegendEntry("DAPI", "0000FF"),) * 9)
    layout = arrange(figure)
    taken = np.zeros((layout.height, layout.width), int)
    for item in layout.items[1:]:
        height, width = extent(item)
        assert item.left >= 0
        assert item.top >= 0
        part = taken[item.top : item.top + height, item.left : item.left + width]
        assert part.shape == (height, width)
        part += 1
    assert taken.max() == 1


def test_the_bar_has_its_length_and_is_left_out_where_it_does_not_fit() -> None:
    layout = arrange(Figure((Panel(PIXELS, bar=ScaleBar("5 µm", 37)),)))
    assert [item.width for item in layout.items if isinstance(item, Rectangle)][-1] == 37
    found = Preview(Figure((Panel(np.zeros_like(PIXELS), bar=ScaleBar("5 µm", 37)),))).pixels
    white = (found == 255).all(-1)
    assert white.sum(1).max() == 37
    assert len(arrange(Figure((Panel(PIXELS[:9, :9], bar=ScaleBar("5 µm", 8)),))).items) == 2


def test_pixels_are_as_given_and_a_small_picture_has_a_ground() -> None:
    found = Preview(Figure((Panel(PIXELS),))).pixels
    np.testing.assert_array_equal(found, PIXELS)
    narrow = Preview(Figure((Panel(PIXELS[:, :20]),))).pixels
    assert narrow.shape == (120, MIN_WIDTH_PX, 3)
    np.testing.assert_array_equal(narrow[:, :20], PIXELS[:, :20])
    assert (narrow[:, 20:] == int(GROUND[:2], 16)).all()


def test_text_of_others_is_only_text_in_svg() -> None:
    figure = Figure((Panel(PIXELS, HOSTILE, ScaleBar("5 µm", 37)),), 1, (LegendEntry(HOSTILE, "00FF00"),))
    body = Preview(figure).encode("svg")
    assert b"<script" not in body
    root = ET.fromstring(body)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "rect", "image", "text"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in names if name.startswith("on")}
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[1] == "5 µm"
    assert str(texts[2]).startswith('"><script>alert(1)')
    (image,) = root.iter(f"{SVG}image")
    head, _, encoded = image.attrib["href"].partition(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(imagecodecs.png_decode(base64.b64decode(encoded)), PIXELS)


def test_each_format_holds_the_picture() -> None:
    made = Preview(Figure((Panel(np.broadcast_to(np.array([200, 90, 30], "uint8"), (64, 200, 3))),)))
    for form, decode, most in (
        ("png", imagecodecs.png_decode, 0),
        ("jpg", imagecodecs.jpeg8_decode, 4),
        ("jpeg", imagecodecs.jpeg8_decode, 4),
        ("webp", imagecodecs.webp_decode, 4),
    ):
        assert np.abs(decode(made.encode(form)).astype(int) - made.pixels).max() <= most, form
    assert made._repr_png_() == made.encode("png")
    assert repr(made) == "<Preview of 200 x 64 pixels>"
    with pytest.raises(OptionError, match=r"does not end in \.png.*; give a name"):
        made.encode("tiff")
