"""Memory of decoded chunks, which goes from one that is dropped to the next.

malloc keeps what is freed in an arena for each thread, where small blocks hold the large ones: 50 clients at once took
twice the bound of the cache. Memory that is mapped anew for each chunk is given back, but to touch it first takes
longer than to decode. So chunks have the memory of this module, and malloc maps other large blocks in a process that is
only a server.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
import weakref
from collections import defaultdict, deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Shape

# Arrays below this size come from malloc: a mapping is whole pages.
LEAST_BYTES = 2**16
# Memory of each size that waits for another chunk, at most.
MAX_FREE_BYTES = 2**25
# The option of glibc's mallopt, and the size from which blocks are mapped: no larger than the bytes of a chunk.
_MMAP_THRESHOLD, MAPPED_BYTES = -3, 2**18


def give_back_large_blocks() -> None:
    """Let malloc give large blocks back to the system when they are freed.

    It changes the whole process, and blocks of compressed chunks and tiles take a little longer: it is for a process
    that is a server only. Nothing is done where malloc is not that of glibc.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, MAPPED_BYTES)


class ChunkMemory:
    """Arrays whose memory is used again when nothing refers to them any more.

    Any thread may ask for one.

    Examples
    --------
    >>> memory = ChunkMemory()
    >>> chunk = memory.array((512, 512), np.dtype("uint16"))
    >>> address, part = chunk.ctypes.data, chunk[2:4]
    >>> del chunk
    >>> memory.array((512, 512), np.dtype("uint16")).ctypes.data == address  # a part of it is in use
    False
    >>> del part
    >>> memory.array((512, 512), np.dtype("uint16")).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._free: defaultdict[int, deque[mmap.mmap]] = defaultdict(deque)

    def array(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array with pixels of any value."""
        size = math.prod(shape) * dtype.itemsize
        if size < LEAST_BYTES:
            return np.empty(shape, dtype)
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # NumPy keeps this array alive as long as any view of it, as what is below it is a mapping.
        array: NDArray[Any] = np.frombuffer(memory, dtype)
        weakref.finalize(array, self._give_back, size, memory).atexit = False
        return array.reshape(shape)

    def _give_back(self, size: int, memory: mmap.mmap) -> None:
        """Keep memory for the next array of its size, unless enough waits."""
        free = self._free[size]
        if (len(free) + 1) * size <= max(MAX_FREE_BYTES, 2 * size):
            free.append(memory)
