"""Palettes: an image whose pixels are indices, read as the colours that they mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError
from pyramid.model import AXES, Box, Channel, Shape, Source, SourceSpec, own_levels_of
from pyramid.readers.axes import AxisOrder
from pyramid.readers.tiff.colors import PALETTE, PALETTE_NOTICE

_COLORS = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"))
BYTE = 257  # 255 of this make 65535: what programs multiply a color of 8 bits by, where they do not shift it


@dataclass(frozen=True, slots=True)
class PaletteSource:
    """An image whose indices are looked up in a palette.

    Parameters
    ----------
    source
        The image of indices.
    palette
        The values of red, green and blue by index.
    spec
        The image of colours.
    levels
        Its own smaller levels, which have the same palette.
    """

    source: Source
    palette: NDArray[Any] = field(repr=False, compare=False)
    spec: SourceSpec
    levels: tuple[PaletteSource, ...] = ()

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the colours of `box`.

        Raises
        ------
        SourceError
            If a part cannot be read.
        """
        c = self.spec.axes.index("c")
        inner = Box(_without(box.start, c), _without(box.shape, c))
        indices = np.empty(inner.shape, self.source.spec.dtype)
        self.source.read(inner, indices)
        for number in range(box.shape[c]):
            out[(slice(None),) * c + (number,)] = self.palette[box.start[c] + number][indices]

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the image of indices, and that it is expanded."""
        own: dict[str, Any] = getattr(self.source, "fingerprint", dict)()
        return {**own, "expand_palette": True}


def read_palette(series: tifffile.TiffPageSeries, order: AxisOrder) -> NDArray[Any]:
    """Return the palette of an image, in 8 bits if it holds no more.

    Raises
    ------
    OptionError
        If the image has none.
    SourceError
        If its pages have different ones, or one that does not fit its pixels.
    """
    page = series.keyframe
    table = page.colormap
    if table is None or int(page.photometric) != PALETTE or table.ndim != 2 or len(table) != len(_COLORS):
        raise OptionError("expand_palette: the image has no palette (its samples are not indices); leave it out")
    if "c" in order.axes:
        raise OptionError("expand_palette: the image has channels already; leave it out, and the indices are kept")
    if series.dtype.kind != "u" or table.shape[1] < 1 << int(page.bitspersample):
        raise SourceError(f"its palette of {table.shape[1]} colours does not fit pixels of {page.bitspersample} bits")
    for other in series:
        if other is None or other is page:
            continue
        own = other.aspage().colormap
        if own is None or not np.array_equal(own, table):
            raise SourceError(
                f"its pages have different palettes (page {other.index} another than page {page.index}): keep the "
                "indices, or convert the pages one by one"
            )
    return _in_bytes(table)


def expand(source: Source, palette: NDArray[Any]) -> PaletteSource:
    """Return an image of the colours that the indices of `source` mean."""
    spec = source.spec
    axes = "".join(axis for axis in AXES if axis in spec.axes or axis == "c")
    c = axes.index("c")
    colors = replace(
        spec,
        axes=axes,
        shape=_with(spec.shape, c, len(_COLORS)),
        dtype=palette.dtype.name,
        chunks=_with(spec.chunks, c, len(_COLORS)),
        scale=(*spec.scale[:c], None, *spec.scale[c:]),
        units=(*spec.units[:c], None, *spec.units[c:]),
        channels=_COLORS,
        translation=(*spec.translation[:c], 0.0, *spec.translation[c:]) if spec.translation else (),
        notices=tuple(notice for notice in spec.notices if notice != PALETTE_NOTICE),
    )
    return PaletteSource(source, palette, colors, tuple(expand(level, palette) for level in own_levels_of(source)))


def _in_bytes(table: NDArray[Any]) -> NDArray[Any]:
    """Return a palette in 8 bits, if its values of 16 bits are such values scaled.

    Examples
    --------
    >>> _in_bytes(np.array([[0, 65535], [257, 514], [0, 0]], "uint16")).tolist()
    [[0, 255], [1, 2], [0, 0]]
    >>> _in_bytes(np.array([[0, 65535], [1, 2], [300, 0]], "uint16")).dtype
    dtype('uint16')
    """
    if table.dtype.itemsize == 1 or int(table.max()) <= np.iinfo(np.uint8).max:
        return table.astype(np.uint8)  # some programs write 8 bits as they are
    if not (table % BYTE).any():
        return (table // BYTE).astype(np.uint8)
    return table.astype(np.uint16) if (table & 0xFF).any() else (table >> 8).astype(np.uint8)


def _with(values: Shape, index: int, value: int) -> Shape:
    return (*values[:index], value, *values[index:])


def _without(values: Shape, index: int) -> Shape:
    return (*values[:index], *values[index + 1 :])
