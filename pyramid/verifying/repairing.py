"""Objects written anew, from the level below or from the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import FILL_VALUE
from pyramid.concurrency.buffers import Buffers
from pyramid.model import Box, Shape
from pyramid.planning import Encoding, PlannedLevel
from pyramid.planning.encoding import max_object_bytes, write_queue_bytes
from pyramid.verifying.arrays import Level
from pyramid.verifying.judging import BadObject, Judge
from pyramid.writing.encode import ObjectEncoder, StoredLevel
from pyramid.writing.errors import wrap_errors
from pyramid.writing.objects import ObjectWriter
from pyramid.writing.stored_encoding import exact_encoding
from pyramid.writing.write_queue import WriteQueue


@dataclass(frozen=True)
class Repairer:
    """Writes the bad objects of an image.

    Parameters
    ----------
    url
        URL of the store, for errors.
    writer
        Writes objects whole or not at all.
    skip_empty
        Whether the writer of the store leaves out chunks that hold only zeros.
    """

    url: str
    writer: ObjectWriter
    skip_empty: bool

    def repair(self, judge: Judge) -> Iterator[str]:
        """Write the bad objects that can be rebuilt, and yield their keys.

        What cannot be rebuilt stays as it is, and its findings say why.
        """
        for number, level in sorted(judge.levels.items()):
            encoding = exact_encoding(level.node, level.facts, skip_empty=self.skip_empty)
            done = []
            for bad in list(judge.bad.get(number, {}).values()):
                if encoding is None:
                    self._explain(judge, bad, "its codecs cannot be written exactly here")
                    continue
                pixels = judge.right(level, level.object_box(bad.index))
                if pixels is None:
                    self._explain(judge, bad, _missing_basis(level))
                    continue
                self._write(level, bad.index, pixels, encoding)
                done.append(bad.index)
                yield level.key(bad.index)
            for index in done:
                del judge.bad[number][index]

    def _explain(self, judge: Judge, bad: BadObject, why: str) -> None:
        key = bad.level.key(bad.index)
        judge.findings[:] = [
            replace(one, message=f"{one.message}; it cannot be repaired: {why}") if one.key == key else one
            for one in judge.findings
        ]

    def _write(self, level: Level, index: Shape, pixels: NDArray[Any], encoding: Encoding) -> None:
        """Encode an object and put it in the place of the bad one."""
        planned = _planned(level)
        stored = StoredLevel(planned, level.dtype.name, "", encoding, is_n5=level.node.zarr_format == "n5")
        key, item_bytes = level.key(index), level.dtype.itemsize
        max_bytes, _ = max_object_bytes(planned, item_bytes)
        queue_bytes = write_queue_bytes([planned], item_bytes, whole_objects=self.writer.max_concurrent_writes > 1)
        buffers = Buffers(1)
        with wrap_errors(self.url, f"object {key}"):
            if encoding.skip_empty and not pixels.reshape(-1).view(np.uint8).any():
                level.objects.inner.delete(key)
                return
            with WriteQueue(self.url, buffers, queue_bytes, self.writer.max_concurrent_writes) as queue:
                encoder = ObjectEncoder(stored, stored.start(index), self.writer.begin(key, max_bytes, queue))
                for number, part in _chunks(Box((0,) * pixels.ndim, pixels.shape), planned.chunks):
                    chunk = np.full(planned.chunks, FILL_VALUE, pixels.dtype)
                    chunk[tuple(map(slice, part.shape))] = pixels[part.slices]
                    encoder.add(number, chunk, buffers)
                encoder.finish_part()


def _missing_basis(level: Level) -> str:
    if level.number == 0:
        return "level 0 can only be rebuilt from its source; give it"
    return (
        "the level below is damaged there too, or it is not known how the level is made of it; pyramid add-levels with "
        "rebuild=True makes the levels anew"
    )


def _planned(level: Level) -> PlannedLevel:
    ones = (1,) * len(level.shape)
    size = (1.0,) * len(level.shape)
    return PlannedLevel(level.shape, ones, ones, size, size, level.facts.chunks, level.facts.shards)


def _chunks(box: Box, chunks: Shape) -> Iterator[tuple[Shape, Box]]:
    """Yield index and region of each chunk of an object in C order, within its object."""
    for index in box.grid_positions(chunks):
        start = tuple(i * c for i, c in zip(index, chunks, strict=True))
        yield index, Box(start, chunks).intersection(box)
