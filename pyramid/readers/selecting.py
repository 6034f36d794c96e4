"""A source that gives a selection of the pixels of another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from pyramid.decoding.strided import MAX_BUFFER_BYTES, read_positions
from pyramid.model import Box, Channel, Shape, Source, SourceSpec, dask_array_of
from pyramid.ngff.channels import is_picture
from pyramid.options.selected import Positions, explain_uneven, resolve
from pyramid.options.selection import Selection
from pyramid.planning.passes import SOURCE_COPIES
from pyramid.readers.fingerprint import fingerprint

PICTURE_RANGE = (0.0, 255.0)  # of the values of a picture, which are shown as they are


@dataclass(frozen=True, slots=True, eq=False)
class SelectedSource:
    """The pixels of a source at some positions of its axes.

    Parameters
    ----------
    source
        The source, of any kind.
    spec
        The description of what is taken of it.
    positions
        What is taken of each axis.
    dask_array
        The pixels that are taken, if those of the source are a Dask array.
    """

    source: Source
    spec: SourceSpec
    positions: tuple[Positions, ...]
    dask_array: Any = None

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`, counted in positions that are taken.

        Raises
        ------
        SourceError
            As the source does.
        """
        if self.dask_array is not None:
            out[...] = self.dask_array[box.slices].compute(scheduler="synchronous")
            return
        wanted = [taken[part] for taken, part in zip(self.positions, box.slices, strict=True)]
        spec = self.source.spec
        read_positions(self.source.read, wanted, spec.inner_chunks or spec.chunks, spec.shape[-1], out)

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the source, with what is taken of it."""
        return {**fingerprint(self.source), "select": [_show(taken) for taken in self.positions]}


def select_source(source: Source, selection: Selection) -> SelectedSource:
    """Return a source that reads only what is selected.

    Raises
    ------
    OptionError
        If the selection names what the source does not have.
    """
    spec = source.spec
    found = resolve(selection, spec.axes, spec.shape, [channel.name for channel in spec.channels])
    positions, array = found.positions, dask_array_of(source)
    described = _place(spec, positions)
    if array is None:
        chunks = tuple(map(_chunk, positions, spec.chunks))
        read_bytes = spec.read_bytes + _more_bytes(spec, positions, chunks)
    else:
        array = _take(array, positions)
        chunks, read_bytes = tuple(int(max(edges)) for edges in array.chunks), spec.read_bytes
    described = replace(
        described,
        shape=tuple(map(len, positions)),
        chunks=chunks,
        chunk_starts=_chunk_starts(spec, positions, chunks) if array is None else (),
        inner_chunks=(),
        read_bytes=read_bytes,
        channels=_channels(spec, positions),
        notices=(*described.notices, *found.notices),
        edits=(*spec.edits, ("select", str(selection))),
    )
    return SelectedSource(source, described, positions, array)


def _take(array: Any, positions: tuple[Positions, ...]) -> Any:  # noqa: ANN401  (Dask is not typed)
    """Return what is taken of a Dask array, which takes one list at a time."""
    for axis, taken in enumerate(positions):
        index = slice(taken.start, taken.stop, taken.step) if isinstance(taken, range) else list(taken)
        array = array[(slice(None),) * axis + (index,)]
    return array


def _place(spec: SourceSpec, positions: tuple[Positions, ...]) -> SourceSpec:
    """Return a spec with the sizes, units and origins of what is taken.

    A size that is not known counts as 1, as it is written, so that what is taken stays in its place in the whole. An
    axis without even steps has none.
    """
    scale, skipped, origins, uneven = list(spec.scale), [0.0] * len(spec.axes), list(spec.translation), []
    for i, (axis, taken) in enumerate(zip(spec.axes, positions, strict=True)):
        if axis == "c":
            continue
        if not isinstance(taken, range):
            scale[i] = None
            uneven.append(axis)
        elif taken.step > 1:
            scale[i] = taken.step * (scale[i] or 1.0)
        skipped[i] = taken.start / taken.step if isinstance(taken, range) else 0.0
    return replace(
        spec,
        scale=tuple(scale),
        units=tuple(None if axis in uneven else unit for axis, unit in zip(spec.axes, spec.units, strict=True)),
        translation=tuple(
            0.0 if axis in uneven else origin for axis, origin in zip(spec.axes, origins, strict=bool(origins))
        ),
        skipped=tuple(skipped),
        notices=(*spec.notices, *map(explain_uneven, uneven)),
    )


def _show(taken: Positions) -> str:
    return f"{taken.start}:{taken.stop}:{taken.step}" if isinstance(taken, range) else str(list(taken))


def _channels(spec: SourceSpec, positions: tuple[Positions, ...]) -> tuple[Channel, ...]:
    if "c" not in spec.axes or not spec.channels:
        return spec.channels
    taken = positions[spec.axes.index("c")]
    if is_picture(spec.channels, spec.dtype) and len(taken) < len(spec.channels):
        # Colours of a picture are shown whole, and so is one of them.
        return tuple(replace(spec.channels[index], shown=PICTURE_RANGE) for index in taken)
    return tuple(spec.channels[index] for index in taken)


def _chunk(taken: Positions, chunk: int) -> int:
    """Return how many positions the source decodes at once.

    Examples
    --------
    >>> _chunk(range(10, 60), 64), _chunk(range(0, 500), 64), _chunk(range(0, 500, 4), 64), _chunk((2, 0), 3)
    (50, 64, 16, 2)
    """
    if max(taken) // chunk == min(taken) // chunk:
        return len(taken)
    return max(1, chunk // taken.step) if isinstance(taken, range) else 1


def _chunk_starts(spec: SourceSpec, positions: tuple[Positions, ...], chunks: Shape) -> Shape:
    """Return how many positions of the first chunk are left out; empty for none."""
    starts = tuple(
        taken.start % whole // taken.step % chunk if isinstance(taken, range) and len(taken) > chunk > 1 else 0
        for taken, whole, chunk in zip(positions, spec.chunks, chunks, strict=True)
    )
    return starts if any(starts) else ()


def _more_bytes(spec: SourceSpec, positions: tuple[Positions, ...], chunks: Shape) -> int:
    """Return the memory that reading takes besides that of the chunks in the new spec.

    It is that of the pixels between positions, and of the rest of each chunk.
    """
    decoded = spec.inner_chunks or spec.chunks
    chunk_bytes = math.prod(decoded) * spec.item_bytes
    counted_bytes = math.prod(map(min, decoded, chunks)) * spec.item_bytes
    ends = math.prod(
        max(taken) // chunk - min(taken) // chunk + 1 for taken, chunk in zip(positions, decoded, strict=True)
    )
    rest_bytes = SOURCE_COPIES * min(spec.chunks_at_once, ends) * (chunk_bytes - counted_bytes)
    if all(isinstance(taken, range) and taken.step == 1 for taken in positions):
        return rest_bytes
    spans_bytes = math.prod(max(taken) - min(taken) + 1 for taken in positions) * spec.item_bytes
    return rest_bytes + min(max(MAX_BUFFER_BYTES, chunk_bytes), spans_bytes)
