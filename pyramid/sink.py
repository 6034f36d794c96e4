"""The target while it is written: chunks in any order, and the metadata last.

A `Sink` is what a task carries: URL, options and the arrays' metadata, no handle. The process that writes builds its
arrays from that metadata, with no request to the store. Chunks go through zarr-python's array with the ``zarrs``
pipeline, one thread a call: tasks are what runs side by side, and a shard's inner chunks always lie in the same
order. The arrays that write are rounded up to whole write units, so that every chunk is written whole: a partial
one would be read and decoded first.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.array_spec import ArrayConfig
from zarr.core.sync import sync
from zarr.storage import StorePath

from pyramid.block import Part
from pyramid.errors import PyramidError, TargetError
from pyramid.model import Box, Shape
from pyramid.stores import locate, open_store

if TYPE_CHECKING:
    from zarr.core.metadata import ArrayV3Metadata

ZARRS = "zarrs.ZarrsCodecPipeline"
ZARR_PYTHON = "zarr.core.codec_pipeline.BatchedCodecPipeline"

# zarr's configuration is one for the process: it is changed by one thread at a time.
_configuring = threading.Lock()


@dataclass(frozen=True)
class StoredLevel:
    """One level's array: its metadata as JSON, and what is written at once."""

    metadata: str
    unit: Shape


@dataclass(frozen=True)
class Sink:
    """A target that blocks are written to.

    Parameters
    ----------
    url
        Where it is.
    storage_options
        What its store is opened with.
    levels
        The arrays, level 0 first.
    skip_empty
        Whether chunks that hold the fill value alone are left out.
    """

    url: str
    storage_options: Mapping[str, Any] | None = field(repr=False)
    levels: tuple[StoredLevel, ...]
    skip_empty: bool

    def write(self, part: Part) -> None:
        """Write one block's part of a level: whole chunks or shards, each replaced if it is there.

        Raises TargetError with the level, the place and the cause.
        """
        with told(self.url, f"level {part.level}, block at {part.box.start}"):
            self._writers[part.level][Box(part.box.start, part.array.shape).slices] = part.array

    def read(self, level: int, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box` of a level that is written."""
        with told(self.url, f"level {level}, block at {box.start}", "read back"):
            out[...] = np.asarray(self._readers[level][box.slices])

    def commit(self, attributes: Mapping[str, Any]) -> None:
        """Write the metadata that makes the target an OME-Zarr: the last thing that is written."""
        with told(self.url, "metadata"):
            group = zarr.open_group(self._store, mode="r+")
            group.attrs.put(dict(attributes))

    @cached_property
    def _store(self) -> zarr.abc.store.Store:
        return open_store(self.url, self.storage_options, read_only=False)

    @cached_property
    def _writers(self) -> tuple[zarr.Array[Any], ...]:
        return tuple(self._open(number, ZARRS, padded=True) for number in range(len(self.levels)))

    @cached_property
    def _readers(self) -> tuple[zarr.Array[Any], ...]:
        # Over the network zarr-python makes one request a chunk where zarrs makes two.
        pipeline = ZARRS if locate(self.url).is_local else ZARR_PYTHON
        return tuple(self._open(number, pipeline, padded=False) for number in range(len(self.levels)))

    def _open(self, number: int, pipeline: str, *, padded: bool) -> zarr.Array[Any]:
        level = self.levels[number]
        metadata = json.loads(level.metadata)
        if padded:
            metadata["shape"] = [-(-n // u) * u for n, u in zip(metadata["shape"], level.unit, strict=True)]
        path = StorePath(self._store, str(number))
        return open_array(metadata, path, pipeline, write_empty_chunks=not self.skip_empty)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def open_array(
    metadata: Mapping[str, Any], path: StorePath, pipeline: str, *, write_empty_chunks: bool
) -> zarr.Array[Any]:
    """An array from its metadata alone, without a request to the store.

    Parameters
    ----------
    metadata
        What ``zarr.json`` or ``.zarray`` holds.
    path
        Where its chunks lie.
    pipeline
        The codec pipeline that it reads and writes with, one thread a call.
    write_empty_chunks
        Whether a chunk that holds the fill value alone is stored.
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
            asynchronous: zarr.AsyncArray[Any] = zarr.AsyncArray(
                metadata=cast("ArrayV3Metadata", metadata),  # a dictionary of either format is as good
                store_path=path,
                config=ArrayConfig(order="C", write_empty_chunks=write_empty_chunks),
            )
        return zarr.Array(asynchronous)


async def _nothing() -> None:
    """What starts zarr's threads and does no more."""


@contextmanager
def told(url: str, place: str, what: str = "written") -> Iterator[None]:
    """Turn whatever a store raises into TargetError with the place."""
    try:
        yield
    except PyramidError:
        raise
    except Exception as error:
        cause = f"{error}" or type(error).__name__
        raise TargetError(f"{locate(url)}: {place} cannot be {what}: {cause}") from error
