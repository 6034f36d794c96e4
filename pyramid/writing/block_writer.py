"""Write the parts of a block: begin each object, add its chunks, and end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyramid.block import Part
from pyramid.manifests.entry import Entry
from pyramid.model import Box, Shape
from pyramid.planning.encoding import max_object_bytes
from pyramid.writing.digested import DigestedObject
from pyramid.writing.encode import ObjectEncoder, StoredLevel
from pyramid.writing.errors import wrap_errors
from pyramid.writing.objects import ObjectWriter
from pyramid.writing.write_queue import WriteQueue

if TYPE_CHECKING:
    from types import TracebackType


class StoredCount(NamedTuple):
    """Number of objects of a level, and their size in bytes."""

    objects: int = 0
    stored_bytes: int = 0

    def joined(self, other: StoredCount) -> StoredCount:
        """Return the sums of two counts."""
        return StoredCount(self.objects + other.objects, self.stored_bytes + other.stored_bytes)


class BlockWriter:
    """Writes one block. It is a context manager.

    When the context ends, every object of the block is stored.

    Parameters
    ----------
    url
        URL of the target.
    levels
        Arrays of the target.
    writer, queue
        Writes the objects, and holds their bytes until then.
    digests
        Whether the digests of the objects are taken.

    Attributes
    ----------
    stored
        The objects that were encoded so far, by level. Those that are left out as empty do not count.
    entries
        Their keys, sizes and digests; empty unless digests are taken.
    """

    def __init__(
        self, url: str, levels: Sequence[StoredLevel], writer: ObjectWriter, queue: WriteQueue, *, digests: bool = False
    ) -> None:
        self._url = url
        self._levels = levels
        self._writer = writer
        self.queue = queue
        self.stored: dict[int, StoredCount] = {}
        self.entries: list[Entry] = []
        self._begun: dict[str, ObjectEncoder] = {}
        self._digested: dict[str, DigestedObject] | None = {} if digests else None

    def add(self, part: Part) -> None:
        """Write a part of a level, and replace existing objects.

        A part consists of whole chunks. The chunks of each object must come in C order.

        Raises
        ------
        TargetError
            If an object cannot be written, now or when the block ends. It says which object, and why.
        """
        stored = self._levels[part.level]
        for object_index in part.box.grid_positions(stored.level.object_shape):
            key = stored.key(object_index)
            with wrap_errors(self._url, f"object {key}"):
                start = stored.start(object_index)
                encoder = self._begun.pop(key, None) or self._begin(stored, key, start)
                self._begun[key] = encoder
                self._add_chunks(part, encoder, Box(start, stored.level.object_shape), stored.level.chunks)
                if encoder.finish_part():
                    del self._begun[key]
                    self._note_digest(key)
                    size = encoder.stored_bytes
                    self.stored[part.level] = self.stored.get(part.level, StoredCount()).joined(
                        StoredCount(int(size > 0), size)
                    )

    def _begin(self, stored: StoredLevel, key: str, start: Shape) -> ObjectEncoder:
        """Begin the object whose first pixel is at `start`."""
        max_bytes, _ = max_object_bytes(stored.level, np.dtype(stored.dtype).itemsize)
        destination = self._writer.begin(key, max_bytes, self.queue)
        if self._digested is not None:
            destination = self._digested[key] = DigestedObject(key, destination)
        return ObjectEncoder(stored, start, destination)

    def _note_digest(self, key: str) -> None:
        """Add the entry of an object that has all its bytes."""
        entry = None if self._digested is None else self._digested.pop(key).entry
        if entry is not None:
            self.entries.append(entry)

    def _add_chunks(self, part: Part, encoder: ObjectEncoder, object_box: Box, chunks: Shape) -> None:
        """Encode the chunks of a part that belong to one object."""
        shared = part.box.intersection(object_box)
        first = tuple((a - b) // c for a, b, c in zip(shared.start, object_box.start, chunks, strict=True))
        at = tuple(a - b for a, b in zip(shared.start, part.box.start, strict=True))
        whole = tuple(-(-n // c) * c for n, c in zip(shared.shape, chunks, strict=True))
        encoder.add(first, part.array[Box(at, whole).slices], self.queue.buffers)

    def __enter__(self) -> BlockWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for encoder in self._begun.values():
            encoder.discard()
        self.queue.__exit__(kind, error, trace)
        if kind is None and self._begun:
            raise AssertionError(f"a block ended before {', '.join(self._begun)}")
