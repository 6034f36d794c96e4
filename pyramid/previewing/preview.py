"""A picture that is made: shown in a notebook, or written to a file."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError, short_repr
from pyramid.hierarchy.output_file import OutputFile
from pyramid.previewing.figure import Figure
from pyramid.previewing.layout import Layout, arrange
from pyramid.previewing.raster import paint
from pyramid.previewing.svg import as_svg

# Effort of PNG, up to 9: a picture of 1024 pixels is 5 % larger than at the default, 6, and takes half the time.
PNG_LEVEL = 3
# Quality of JPEG and WebP, up to 100: at 90 no blocks are seen.
QUALITY = 90
# The beginnings of the files that a picture may replace.
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"<svg", b"<?xml")


def _as_png(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.png_encode(pixels, level=PNG_LEVEL))


def _as_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=QUALITY))


def _as_webp(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.webp_encode(pixels, level=QUALITY))


# How pixels are encoded, by the ending of a file.
_ENCODERS: Mapping[str, Callable[[NDArray[np.uint8]], bytes]] = {
    "png": _as_png,
    "jpg": _as_jpeg,
    "jpeg": _as_jpeg,
    "webp": _as_webp,
}


def format_of(path: str) -> str:
    """Return the format of a picture by its file's ending.

    It is ``png``, ``jpg``, ``jpeg``, ``webp`` or ``svg``.

    Raises
    ------
    OptionError
        For any other ending.
    """
    ending = PurePath(path).suffix.lower().lstrip(".")
    if ending != "svg" and ending not in _ENCODERS:
        raise OptionError(
            f"output: {short_repr(path)} does not end in .png, .jpg, .webp or .svg; give a name with such an ending"
        )
    return ending


def picture_file(path: str) -> OutputFile:
    """Return the file of a picture, which only replaces another picture."""
    return OutputFile("output", path, "a picture", lambda begin: not begin or begin.startswith(_BEGINNINGS))


@dataclass(frozen=True, eq=False, repr=False)
class Preview:
    """A picture of an image. A notebook shows it.

    Parameters
    ----------
    figure
        What it shows.
    notices
        A sentence for each part that could not be shown.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr")
    >>> image.preview().pixels.shape
    (300, 400, 3)
    """

    figure: Figure
    notices: tuple[str, ...] = ()

    @functools.cached_property
    def _layout(self) -> Layout:
        return arrange(self.figure)

    @functools.cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture as (y, x, 3) of uint8, with scale bar and legend."""
        return paint(self._layout)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._layout.width, self._layout.height

    def encode(self, form: str = "png") -> bytes:
        """Return the picture as a file of a format: ``png``, ``jpg``, ``webp`` or ``svg``.

        Raises
        ------
        OptionError
            For any other format.
        """
        form = format_of(f"picture.{form}")
        return as_svg(self._layout).encode() if form == "svg" else _ENCODERS[form](self.pixels)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, in the format of its ending.

        Raises
        ------
        OptionError
            If the ending is none of a picture.
        TargetError
            If it cannot be written, or would replace another kind of file.
        """
        name = os.fspath(path)
        form, file = format_of(name), picture_file(name)
        file.check(None, None)
        with file.replacing() as opened:
            opened.write(self.encode(form))

    def __repr__(self) -> str:
        """Return the size of the picture."""
        return f"<Preview of {self.size[0]} x {self.size[1]} pixels>"

    def _repr_png_(self) -> bytes:
        """Return the picture for a notebook."""
        return self.encode("png")
