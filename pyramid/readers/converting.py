"""A source that gives the pixels of another in another dtype, or rescaled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.pieces import aligned_pieces
from pyramid.errors import OptionError, SourceError
from pyramid.model import Box, Channel, Source, SourceSpec, dask_array_of
from pyramid.options.rescale import Rescale
from pyramid.planning.passes import SOURCE_COPIES
from pyramid.readers.fingerprint import fingerprint
from pyramid.readers.linear_map import Limits, LinearMap, value_range

# Bytes of the source's pixels in memory at once, besides those of one chunk.
PIECE_BYTES = 2**22
# The bits of whole numbers that each dtype of floats holds exactly.
_EXACT_BITS = {"float16": 11, "float32": 24, "float64": 53}
# The largest integers that pixels are rescaled to: the map to them is exact, and no display shows more.
MAX_RESCALED_BYTES = 2


@dataclass(frozen=True, slots=True)
class ValueMap:
    """The values of one dtype as those of another.

    Parameters
    ----------
    axes
        The axes of the pixels.
    after
        Name of the new dtype.
    limits
        For each channel, or for an image without channels, the values that become the least and the greatest. Empty if
        values stay as they are.
    """

    axes: str
    after: str
    limits: tuple[Limits, ...] = ()

    def convert(self, pixels: NDArray[Any], start: Sequence[int], out: NDArray[Any]) -> None:
        """Fill `out` with the converted pixels of a region that begins at `start`."""
        axis = self.axes.find("c")
        if not self.limits:
            with np.errstate(over="ignore"):  # what a narrower float does not hold is infinite, as the notice says
                out[...] = pixels.astype(out.dtype)
        elif axis < 0:
            LinearMap(pixels.dtype.name, self.after, self.limits[0]).apply(pixels, out)
        else:
            for index in range(pixels.shape[axis]):
                one: Any = (*(slice(None),) * axis, index, ...)
                limits = self.limits[start[axis] + index]
                LinearMap(pixels.dtype.name, self.after, limits).apply(pixels[one], out[one])

    def convert_block(self, pixels: NDArray[Any], block_info: Mapping[int, Any]) -> NDArray[Any]:
        """Return a converted chunk of a Dask array; `block_info` says where it is."""
        out: NDArray[Any] = np.empty(pixels.shape, self.after)
        self.convert(pixels, [start for start, _ in block_info[0]["array-location"]], out)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedSource:
    """The pixels of a source in another dtype.

    Parameters
    ----------
    source
        The source, of any kind.
    spec
        The description of the converted pixels.
    rescale
        The values that become the least and the greatest; None if values stay as they are.
    values
        The map of values; None as long as percentiles are not measured.
    dask_array
        The converted pixels, if those of the source are a Dask array.
    """

    source: Source
    spec: SourceSpec
    rescale: Rescale | None
    values: ValueMap | None = None
    dask_array: Any = None

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the converted pixels of `box`.

        Raises
        ------
        SourceError
            As the source does.
        """
        if self.values is None:
            raise SourceError("the percentiles of its pixels are not measured yet; convert measures them")
        spec = self.source.spec
        for piece in aligned_pieces(box, spec.inner_chunks or spec.chunks, PIECE_BYTES // spec.item_bytes):
            pixels: NDArray[Any] = np.empty(piece.shape, spec.dtype)
            self.source.read(piece, pixels)
            within = Box(tuple(a - b for a, b in zip(piece.start, box.start, strict=True)), piece.shape)
            self.values.convert(pixels, piece.start, out[within.slices])

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the source, with what is made of its values."""
        return {**fingerprint(self.source), "dtype": self.spec.dtype, "rescale": str(self.rescale)}

    def with_limits(self, limits: Sequence[Limits]) -> ConvertedSource:
        """Return the source with the map of its values; `limits` is empty to keep them."""
        values = ValueMap(self.spec.axes, self.spec.dtype, tuple(limits))
        spec, array = replace(self.spec, channels=_shown(self.source.spec, values)), dask_array_of(self.source)
        if array is not None:
            meta = np.empty((0,) * array.ndim, spec.dtype)
            array = array.map_blocks(values.convert_block, dtype=spec.dtype, meta=meta)
        return replace(self, spec=spec, values=values, dask_array=array)


def convert_source(source: Source, dtype: str | None, rescale: Rescale | None) -> Source:
    """Return a source that gives its pixels in another dtype.

    Raises
    ------
    OptionError
        If values would be lost, or the map would not be exact.
    """
    spec = source.spec
    if dtype is None:
        raise OptionError('rescale: the dtype to which values are rescaled is not given; add dtype="uint8"')
    if rescale is None and dtype == spec.dtype:
        return source
    _check(spec.dtype, dtype, rescale)
    notices = _notices(spec.dtype, dtype, rescale)
    edits = (("dtype", dtype), *([("rescale", str(rescale))] if rescale else []))
    wider = max(0, spec.item_bytes - np.dtype(dtype).itemsize)
    chunk_px = math.prod(spec.chunks)
    held_px = min(max(PIECE_BYTES // spec.item_bytes, chunk_px), math.prod(spec.shape))
    held_bytes = held_px * spec.item_bytes + SOURCE_COPIES * spec.chunks_at_once * chunk_px * wider
    changed = replace(
        spec,
        dtype=dtype,
        read_bytes=spec.read_bytes + held_bytes,
        notices=(*spec.notices, *notices),
        edits=(*spec.edits, *edits),
    )
    converted = ConvertedSource(source, changed, rescale)
    if rescale is None:
        return converted.with_limits(())
    channels = spec.shape[spec.axes.index("c")] if "c" in spec.axes else 1
    if not rescale.percent:
        return converted.with_limits(((rescale.low, rescale.high),) * channels)
    # A Dask array is handed over as a whole, so its dtype must be the new one before its values are known.
    return converted if dask_array_of(source) is None else converted.with_limits(((0, 1),) * channels)


def _check(before: str, after: str, rescale: Rescale | None) -> None:
    """Raise OptionError if a dtype does not hold the values of another."""
    kind, new = np.dtype(before), np.dtype(after)
    if rescale is None:
        if _keeps(kind, new) or (kind.kind == new.kind == "f"):
            return
        remedy = 'add rescale="min,max", or the two values that become its least and greatest, as rescale="100,4000"'
        if new.kind == "b":
            remedy = "compare the pixels with a threshold first"
        elif new.kind in "iu" and new.itemsize > MAX_RESCALED_BYTES:
            remedy = 'give a dtype that holds them, or uint16 and rescale="min,max"'
        raise OptionError(f"dtype: {after} does not hold the values of {before}; {remedy}")
    if new.kind == "b" or (new.kind in "iu" and new.itemsize > MAX_RESCALED_BYTES):
        raise OptionError(
            f"rescale: values are rescaled to integers of at most 16 bits or to floats, not to {after}; give "
            'dtype="uint16" or dtype="float32"'
        )
    if rescale.percent and (rescale.low, rescale.high) != (0, 100) and not is_counted(kind):
        raise OptionError(
            f"rescale: percentiles are counted of integers of at most 16 bits, and the pixels are {before}; give two "
            'values, as rescale="100,4000", or rescale="min,max"'
        )


def is_counted(kind: np.dtype[Any]) -> bool:
    """Return whether percentiles of a dtype are exact, as each value is counted."""
    return kind.kind in "biu" and kind.itemsize <= 2


def _keeps(before: np.dtype[Any], after: np.dtype[Any]) -> bool:
    """Return whether every value of a dtype has an equal one in another.

    Examples
    --------
    >>> _keeps(np.dtype("uint16"), np.dtype("float16")), _keeps(np.dtype("uint8"), np.dtype("float16"))
    (False, True)
    """
    if after.kind == "f" and before.kind in "iu":
        return 8 * before.itemsize - (before.kind == "i") <= _EXACT_BITS[after.name]
    return np.can_cast(before, after, "safe")


def _notices(before: str, after: str, rescale: Rescale | None) -> Iterator[str]:
    kind, new = np.dtype(before), np.dtype(after)
    if rescale is None:
        if not _keeps(kind, new):
            yield f"dtype: values are rounded to the nearest {after}, and those beyond its range become infinite"
        return
    least, greatest = value_range(after)
    what = (
        f"the percentiles {rescale} of each channel, for which all pixels are read once more,"
        if rescale.percent
        else f"the values {rescale.low!r} and {rescale.high!r}"
    )
    not_numbers = f", and NaN becomes {least}" if kind.kind == "f" and new.kind != "f" else ""
    yield f"rescale: {what} become {least} and {greatest}; values beyond are clipped{not_numbers}"


def _shown(spec: SourceSpec, values: ValueMap) -> tuple[Channel, ...]:
    """Return the channels with the display ranges of the new values.

    Rescaled values are shown whole if the source gives no range. Channels without a name get one where they could be
    taken for the colours of a picture, which are uint8.
    """
    if not values.limits:
        return spec.channels
    shown = []
    for i, (channel, limits) in enumerate(
        zip(spec.channels or (Channel(),) * len(values.limits), values.limits, strict=True)
    ):
        linear = LinearMap(spec.dtype, values.after, limits)
        start, end = map(linear.value, channel.shown or limits)
        if start >= end:
            start, end = map(float, value_range(values.after))
        name = channel.name or (f"Channel {i}" if values.after == "uint8" != spec.dtype else None)
        shown.append(replace(channel, name=name, shown=(start, end)))
    return tuple(shown)
