"""A picture in a terminal: by the terminal's own protocol, or made of characters."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from pyramid.previewing.preview import Preview
from pyramid.previewing.resampling import resample

# Bytes of base64 in one command of kitty, which takes no more.
KITTY_BYTES = 4096
# Steps of each colour in a sixel picture: 216 colours of the 256 that terminals have.
SIXEL_STEPS = 6
# Letters from dark to bright.
RAMP = " .:-=+*#%@"
# Height of a character, in its widths.
TALL = 2


def choose_protocol(environment: Mapping[str, str], *, is_terminal: bool) -> str:
    """Return how a terminal shows a picture, by what it says of itself.

    Returns
    -------
    str
        ``kitty``, ``iterm``, ``sixel``, ``blocks`` (half blocks in 24-bit colours) or ``ascii``.

    Examples
    --------
    >>> choose_protocol({"TERM": "xterm-kitty"}, is_terminal=True)
    'kitty'
    >>> choose_protocol({"TERM": "xterm-kitty"}, is_terminal=False)
    'ascii'
    >>> choose_protocol({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, is_terminal=True)
    'ascii'
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    multiplexed = term.startswith(("screen", "tmux"))  # which pass on no pictures
    if not is_terminal or term in ("", "dumb"):
        return "ascii"
    if not multiplexed and ("kitty" in term or term == "xterm-ghostty" or program == "ghostty"):
        return "kitty"
    if not multiplexed and program in ("iTerm.app", "WezTerm", "mintty"):
        return "iterm"
    if not multiplexed and ("sixel" in term or term in ("foot", "foot-extra", "mlterm")):
        return "sixel"
    in_colors = environment.get("COLORTERM") in ("truecolor", "24bit") and not environment.get("NO_COLOR")
    return "blocks" if in_colors else "ascii"


def show(preview: Preview, protocol: str, columns: int) -> str:
    """Return the text that shows a picture in a terminal, ending with a new line.

    Parameters
    ----------
    preview
        The picture.
    protocol
        One of those of `choose_protocol`.
    columns
        Width of the terminal in characters, for pictures that are made of them.
    """
    if protocol in ("blocks", "ascii"):
        return (_blocks if protocol == "blocks" else _ascii)(preview.pixels, columns)
    painters: Mapping[str, Callable[[Preview], str]] = {"kitty": _kitty, "iterm": _iterm, "sixel": _sixel}
    return painters[protocol](preview) + "\n"


def _kitty(preview: Preview) -> str:
    encoded = base64.b64encode(preview.encode("png")).decode()
    parts = [encoded[at : at + KITTY_BYTES] for at in range(0, len(encoded), KITTY_BYTES)]
    last = len(parts) - 1
    heads = [f"{'a=T,f=100,' if i == 0 else ''}m={int(i < last)}" for i in range(len(parts))]
    return "".join(f"\x1b_G{head};{part}\x1b\\" for head, part in zip(heads, parts, strict=True))


def _iterm(preview: Preview) -> str:
    return f"\x1b]1337;File=inline=1:{base64.b64encode(preview.encode('png')).decode()}\x07"


def _sixel(preview: Preview) -> str:
    """Return a picture in rows of six pixels, one colour after another."""
    steps = SIXEL_STEPS - 1
    places = np.array([SIXEL_STEPS**2, SIXEL_STEPS, 1])
    levels: NDArray[np.int_] = np.rint(preview.pixels / 255 * steps).astype(np.int_) @ places
    height, width = levels.shape
    palette = (
        f"#{color};2;{';'.join(str(color // SIXEL_STEPS**power % SIXEL_STEPS * 100 // steps) for power in (2, 1, 0))}"
        for color in np.unique(levels).tolist()
    )
    rows = "-".join(_sixel_row(levels[top : top + 6]) for top in range(0, height, 6))
    return f'\x1bP0;1;0q"1;1;{width};{height}{"".join(palette)}{rows}\x1b\\'


def _sixel_row(levels: NDArray[np.int_]) -> str:
    bits = 1 << np.arange(len(levels))
    return "$".join(f"#{color}{''.join(_runs(bits @ (levels == color) + 63))}" for color in np.unique(levels).tolist())


def _runs(letters: NDArray[np.int_]) -> Iterator[str]:
    """Yield letters, of which equal ones are counted."""
    edges = [0, *(np.flatnonzero(np.diff(letters)) + 1).tolist(), len(letters)]
    for start, stop in itertools.pairwise(edges):
        letter = chr(letters[start])
        yield letter * (stop - start) if stop - start < 4 else f"!{stop - start}{letter}"


def _fitted(pixels: NDArray[np.uint8], columns: int, tall: float) -> NDArray[np.float64]:
    """Return a picture that is `columns` wide at most.

    Its pixels are `tall` widths high.
    """
    height, width = pixels.shape[:2]
    wide = min(columns, width)
    shape = max(1, round(height * wide / width / tall)), wide
    return np.stack([resample(pixels[..., i], shape) for i in range(3)], -1).astype(np.float64)


def _blocks(pixels: NDArray[np.uint8], columns: int) -> str:
    """Return half blocks: the upper half is the letter, the lower its ground."""
    fitted = np.rint(_fitted(pixels, columns, 1)).astype(int)
    if len(fitted) % 2:
        fitted = np.concatenate([fitted, np.zeros_like(fitted[:1])])

    def cell(upper: NDArray[np.int_], lower: NDArray[np.int_]) -> str:
        return f"\x1b[38;2;{';'.join(map(str, upper))};48;2;{';'.join(map(str, lower))}m▀"

    rows = zip(fitted[::2], fitted[1::2], strict=True)
    return "".join("".join(map(cell, upper, lower)) + "\x1b[0m\n" for upper, lower in rows)


def _ascii(pixels: NDArray[np.uint8], columns: int) -> str:
    """Return letters from dark to bright."""
    bright = _fitted(pixels, columns, TALL) @ (0.299, 0.587, 0.114)
    letters = np.array(list(RAMP))[np.rint(bright / 255 * (len(RAMP) - 1)).astype(int).clip(0, len(RAMP) - 1)]
    return "".join("".join(row).rstrip() + "\n" for row in letters)
