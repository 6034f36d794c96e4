"""The target while it is written: objects in any order, and the metadata last.

A `Sink` is what a task carries: URL, options and what each level's arrays look like, no handle. The process that
writes opens its store from that, with no request. Each object is encoded by `pyramid.encode` and put whole by
`pyramid.writers`; levels are read back through zarr-python's arrays, built from their metadata alone.
"""

from __future__ import annotations

import functools
import json
import math
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.buffer.cpu import NDBuffer
from zarr.core.sync import sync
from zarr.storage import MemoryStore, StorePath

from pyramid.block import Buffers
from pyramid.errors import DamageError, StorageError
from pyramid.model import Box, Shape
from pyramid.outbox import Outbox
from pyramid.planning import outbox_bytes
from pyramid.stores import Objects, locate, open_objects, open_store, public_options, side_by_side
from pyramid.writers import Writer, open_writer
from pyramid.writing import StoredLevel, Writing, told

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.core.metadata import ArrayV3Metadata

ZARRS = "zarrs.ZarrsCodecPipeline"
ZARR_PYTHON = "zarr.core.codec_pipeline.BatchedCodecPipeline"

# What a target's group says of itself until it is committed.
IN_PROGRESS = {"pyramid": {"state": "in progress"}}

# Reads of one block that are under way over the network; in each, zarr-python asks for ten chunks at once.
READS = 4

# zarr's configuration is one for the process: it is changed by one thread at a time.
_configuring = threading.Lock()


@dataclass(frozen=True)
class Sink:
    """A target that blocks are written to.

    Parameters
    ----------
    url
        Where it is.
    storage_options
        What its store is opened with; those that are secret do not pickle.
    levels
        The arrays, level 0 first.
    zarr_format
        2 or 3.
    """

    url: str
    storage_options: Mapping[str, Any] | None = field(repr=False)
    levels: tuple[StoredLevel, ...]
    zarr_format: int = 3

    def writing(self, buffers: Buffers) -> Writing:
        """What the parts of one block are written through, as a context: at its end they are stored."""
        item_bytes = (np.dtype(level.encoding.dtype).itemsize for level in self.levels)
        planned = max(outbox_bytes(math.prod(one.unit) * n) for one, n in zip(self.levels, item_bytes, strict=True))
        most = [level.encoding.most_bytes(level.unit) for level in self.levels]
        whole, piece = (max(sizes) for sizes in zip(*most, strict=True))
        outbox = Outbox(buffers, self._writer.outbox_bytes(planned, piece, whole), self._writer.lanes)
        return Writing(self.url, self.levels, self._writer, outbox)

    def read(self, level: int, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box` of a level that is written."""
        with told(self.url, f"level {level}, block at {box.start}", "read back"):
            reader = self._readers[level]
            if locate(self.url).is_local:
                reader.get_basic_selection(box.slices, out=NDBuffer.from_numpy_array(out))
                return

            def fill(axis: int, within: slice) -> None:
                there = slice(box.start[axis] + within.start, box.start[axis] + within.stop)
                before, after = box.slices[:axis], box.slices[axis + 1 :]
                out[(slice(None),) * axis + (within,)] = np.asarray(reader[(*before, there, *after)])

            axis, cuts = _cuts(box, self.levels[level].unit)
            for _ in side_by_side(functools.partial(fill, axis), cuts, READS):
                pass

    def commit(self, attributes: Mapping[str, Any]) -> None:
        """Write the metadata that makes the target an OME-Zarr: the last thing that is written."""
        with told(self.url, "metadata"):
            self._writer.finish()
            objects = open_objects(self.url, self.storage_options)
            before = group_documents(self.zarr_format, IN_PROGRESS)
            for key, body in group_documents(self.zarr_format, attributes).items():
                if key != ".zgroup":  # which is there, and says nothing of attributes
                    _put_surely(objects, key, body, before[key])

    @functools.cached_property
    def _store(self) -> Store:
        return open_store(self.url, self.storage_options, read_only=False, unchanging=True)

    @functools.cached_property
    def _writer(self) -> Writer:
        return open_writer(self.url, self.storage_options)

    @functools.cached_property
    def _readers(self) -> tuple[zarr.Array[Any], ...]:
        # Over the network zarr-python makes one request a chunk where zarrs makes two.
        pipeline = ZARRS if locate(self.url).is_local else ZARR_PYTHON
        return tuple(
            open_array(json.loads(level.metadata), StorePath(self._store, str(number)), pipeline)
            for number, level in enumerate(self.levels)
        )

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**state, "storage_options": public_options(self.url, self.storage_options)}


def _put_surely(objects: Objects, key: str, body: bytes, before: bytes) -> None:
    """Put what makes a target whole, in place of what says that it is not.

    Where no attempt was answered, one may have been heard, which is then seen. What arrived damaged does not stay: it
    might be taken for what it should have been.
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


def group_documents(zarr_format: int, attributes: Mapping[str, Any]) -> dict[str, bytes]:
    """The objects of a group by key, as zarr makes them."""
    made: dict[str, Any] = {}
    form: Literal[2, 3] = 2 if zarr_format == 2 else 3
    zarr.create_group(MemoryStore(made), zarr_format=form, attributes=dict(attributes))
    return {key: body.to_bytes() for key, body in made.items()}


def _cuts(box: Box, unit: Shape) -> tuple[int, list[slice]]:
    """The axis on which a box has the most units, and some pieces of it there, which share no unit.

    Examples
    --------
    >>> _cuts(Box((0, 100), (64, 500)), (64, 100))
    (1, [slice(0, 200, None), slice(200, 400, None), slice(400, 500, None)])
    """
    first = [a // u for a, u in zip(box.start, unit, strict=True)]
    counts = [-(-(a + n) // u) - f for a, n, u, f in zip(box.start, box.shape, unit, first, strict=True)]
    axis = counts.index(max(counts))
    step = -(-counts[axis] // READS) * unit[axis]
    edges = range(first[axis] * unit[axis], box.start[axis] + box.shape[axis], step)
    starts = [max(edge - box.start[axis], 0) for edge in edges]
    return axis, [slice(a, b) for a, b in zip(starts, [*starts[1:], box.shape[axis]], strict=True)]


def open_array(metadata: Mapping[str, Any], path: StorePath, pipeline: str) -> zarr.Array[Any]:
    """An array from its metadata alone, without a request to the store.

    Parameters
    ----------
    metadata
        What ``zarr.json`` or ``.zarray`` holds.
    path
        Where its chunks lie.
    pipeline
        The codec pipeline that it reads with, one thread a call.
    """
    settings = {
        "codec_pipeline.path": pipeline,
        "codec_pipeline.chunk_concurrent_minimum": 1,
        "threading.max_workers": 1,
    }
    with _configuring, warnings.catch_warnings():
        # zarr sizes the pool that all its calls share when it is first used: that must not be under these settings.
        sync(_nothing())
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="zarrs")
        with zarr.config.set(settings):
            # A dictionary is as good as what it is said to be, in either format.
            return zarr.Array(zarr.AsyncArray(cast("ArrayV3Metadata", metadata), path))


async def _nothing() -> None:
    """What starts zarr's threads and does no more."""
