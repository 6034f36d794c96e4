"""Pictures in a terminal, decoded again as the terminal would."""

from __future__ import annotations

import base64
import re

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.previewing import Figure, Panel, Preview
from pyramid.previewing.terminal import RAMP, choose_protocol, show

PIXELS = np.random.default_rng(7).integers(0, 6, (120, 200, 3)).astype(np.uint8) * 51  # colours that sixels have
MADE = Preview(Figure((Panel(PIXELS),)))


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, "blocks"),
        ({"TERM": "xterm"}, "ascii"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "ascii"),
        ({}, "ascii"),
    ],
)
def test_a_terminal_is_taken_at_its_word(environment: dict[str, str], protocol: str) -> None:
    assert choose_protocol(environment, is_terminal=True) == protocol
    assert choose_protocol(environment, is_terminal=False) == "ascii"


def test_kitty_and_iterm_get_the_png() -> None:
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown := show(MADE, "kitty", 80))
    assert [head for head, _ in parts] == ["a=T,f=100,m=1", *["m=1"] * (len(parts) - 2), "m=0"]
    assert max(len(part) for _, part in parts) <= 4096
    body = base64.b64decode("".join(part for _, part in parts))
    np.testing.assert_array_equal(imagecodecs.png_decode(body), PIXELS)
    assert re.sub(r"\x1b_G[^\x1b]*\x1b\\", "", shown) == "\n"
    found = re.fullmatch(r"\x1b\]1337;File=inline=1:(.*)\x07\n", show(MADE, "iterm", 80))
    assert found is not None
    assert base64.b64decode(found[1]) == body


def from_sixels(text: str) -> NDArray[np.int_]:
    """The percentages of red, green and blue in a sixel picture."""
    found = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)((?:#\d+;2;\d+;\d+;\d+)*)(.*)\x1b\\\n', text)
    assert found is not None
    width, height = int(found[1]), int(found[2])
    palette = {int(n): [int(r), int(g), int(b)] for n, r, g, b in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", found[3])}
    picture = np.full((-(-height // 6) * 6, width, 3), -1)
    for row, line in enumerate(found[4].split("-")):
        for layer in line.split("$"):
            number, letters = re.findall(r"^#(\d+)(.*)$", layer)[0]
            x = 0
            for count, letter in re.findall(r"(?:!(\d+))?([?-~])", letters):
                bits = ord(letter) - 63
                for y in range(6):
                    if bits >> y & 1:
                        picture[row * 6 + y, x : x + int(count or 1)] = palette[int(number)]
                x += int(count or 1)
            assert x == width
    return picture[:height]


def test_sixels_hold_the_picture() -> None:
    np.testing.assert_array_equal(from_sixels(show(MADE, "sixel", 80)), PIXELS.astype(int) // 51 * 20)


def test_blocks_hold_two_pixels_each() -> None:
    small = Preview(Figure((Panel(np.repeat(np.repeat(PIXELS[:3, :8], 20, 0), 20, 1)),)))
    lines = show(small, "blocks", 8).splitlines()
    pattern = r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m\u2580"
    cells = np.array([[list(map(int, cell)) for cell in re.findall(pattern, line)] for line in lines])
    assert cells.shape == (2, 8, 6)
    np.testing.assert_array_equal(cells[:, :, :3], PIXELS[[0, 2], :8])
    np.testing.assert_array_equal(cells[0, :, 3:], PIXELS[1, :8])
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_ascii_is_bright_where_the_picture_is() -> None:
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    grey = Preview(Figure((Panel(np.broadcast_to(ramp[None, :, None], (100, 200, 3))),)))
    lines = show(grey, "ascii", 40).splitlines()
    assert len(lines) == 10
    assert {len(line) for line in lines} == {40}
    places = [RAMP.index(letter) for letter in lines[0]]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(RAMP) - 1)
