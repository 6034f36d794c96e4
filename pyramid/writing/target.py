"""The target while it is written: objects in any order, and the metadata last.

A task carries a `Target`: URL, options and the description of each level's array, but no open handle. The process that
writes opens the store from these without a request. `pyramid.writing.encode` encodes each object, and
`pyramid.writing.objects` writes it as a whole. `pyramid.writing.decode` reads levels back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.decoding import ArrayReader
from pyramid.errors import DamageError, SourceError, StorageError, explaining
from pyramid.hierarchy.documents import group_documents
from pyramid.model import Box, Source, StoreFormat
from pyramid.stores import Objects, open_objects, open_parts, public_options
from pyramid.writing.block_writer import BlockWriter
from pyramid.writing.decode import level_reader
from pyramid.writing.encode import StoredLevel
from pyramid.writing.errors import wrap_errors
from pyramid.writing.lease import Lease
from pyramid.writing.objects import ObjectWriter, open_writer
from pyramid.writing.write_queue import WriteQueue

# Held while readers are opened: threads that opened them at once would each keep whole objects of their own. A cached
# property has no lock from Python 3.12 on.
_opening = threading.Lock()


@dataclass(frozen=True)
class Target:
    """A target that blocks are written to.

    Parameters
    ----------
    url
        URL or path.
    storage_options
        Options for opening the store. Secret options do not pickle.
    levels
        Arrays of the levels, level 0 first.
    zarr_format
        The format of its group and arrays.
    digests
        Whether the digests of the objects are taken.
    base
        What reads a level 0 that is kept, where it is not stored as the other levels are; else None.
    """

    url: str
    storage_options: Mapping[str, Any] | None = field(repr=False)
    levels: tuple[StoredLevel, ...]
    zarr_format: StoreFormat = 3
    digests: bool = False
    base: Source | None = None

    def write_block(self, buffers: Buffers, queue_bytes: int) -> BlockWriter:
        """Return the writer of one block.

        It is a context manager. When it ends, the block is stored. Encoded bytes that wait to be written take at most
        `queue_bytes` of memory.
        """
        queue = WriteQueue(self.url, buffers, queue_bytes, self._writer.max_concurrent_writes)
        return BlockWriter(self.url, self.levels, self._writer, queue, digests=self.digests)

    def read(self, level: int, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`, from a level that is written or kept.

        Raises
        ------
        SourceError
            If it is a kept level with a reader of its own that cannot be read.
        TargetError
            If another cannot.
        """
        if level == 0 and self.base is not None:
            with explaining(SourceError, f"level 0 cannot be read at {box.start}"):
                self.base.read(box, out)
            return
        with wrap_errors(self.url, f"level {level}, block at {box.start}", "read back"):
            self._readers[level].read(box, out)

    def commit(self, attributes: Mapping[str, Any], lease: Lease, late: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Write the metadata that makes the target an image, as the last step.

        Parameters
        ----------
        attributes
            Those of the group.
        lease
            The claim on the target.
        late
            Documents that come before that of the group, by key.

        Returns
        -------
        mapping
            The documents that were written, by key.
        """
        with wrap_errors(self.url, "metadata"):
            self.finish_objects()
            objects = open_objects(self.url, self.storage_options)
            lease.end()
            lease.check()
            for key, body in late.items():
                objects.put(key, body)
            before = lease.documents()
            documents = group_documents(self.zarr_format, attributes)
            for key, body in documents.items():
                if key != ".zgroup":  # it exists already, and holds no attributes
                    _put_surely(objects, key, body, before[key])
            return {**late, **documents}

    def finish_objects(self) -> None:
        """Remove what workers left unfinished next to the objects."""
        self._writer.finish()

    @functools.cached_property
    def _writer(self) -> ObjectWriter:
        return open_writer(self.url, self.storage_options)

    @functools.cached_property
    def _readers(self) -> tuple[ArrayReader, ...]:
        with _opening:
            if "_readers" not in self.__dict__:
                objects = open_objects(self.url, self.storage_options)
                parts = open_parts(objects)
                self.__dict__["_readers"] = tuple(level_reader(objects, parts, level) for level in self.levels)
            found: tuple[ArrayReader, ...] = self.__dict__["_readers"]
            return found

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**state, "storage_options": public_options(self.url, self.storage_options)}


def _put_surely(objects: Objects, key: str, body: bytes, before: bytes) -> None:
    """Replace the document of an unfinished target by that of a complete one.

    If the store answered no attempt, an attempt may still have succeeded, so the document is read back. A damaged
    document is deleted, since it might be mistaken for a valid one.
    """
    try:
        objects.put(key, body)
    except StorageError as error:
        if error.permanent:
            raise
        with suppress(StorageError):
            there = None if isinstance(error, DamageError) else objects.get(key)
            if there == body:
                return
            if there != before:
                objects.delete(key)
        raise
