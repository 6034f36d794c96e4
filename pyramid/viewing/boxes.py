"""Boxes of a level, read from its store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader
from pyramid.image.level import ImageLevel
from pyramid.model import Box
from pyramid.viewing.memory import ChunkMemory
from pyramid.viewing.tails import KeptTails


def box_reader(level: ImageLevel, memory: ChunkMemory) -> Callable[[Box], NDArray[Any]]:
    """Return a function that reads a box of a level into memory.

    Selections, and levels whose codecs only zarr has, are read by their own means.
    """
    reader = level.address.reader() if type(level) is ImageLevel else None
    if reader is None:
        return lambda box: np.asarray(level.read(box.slices))
    if reader.stored.shards:
        reader = ArrayReader(reader.objects, KeptTails(reader.parts), reader.stored)
    return lambda box: _read(reader, box, memory)


def _read(reader: ArrayReader, box: Box, memory: ChunkMemory) -> NDArray[Any]:
    out = memory.array(box.shape, reader.stored.dtype.to_numpy())
    reader.read(box, out)
    return out
