"""Memory of decoded chunks, which goes from one that is dropped to the next.

malloc keeps what is freed, in pieces between small blocks that live on: 50 clients at once took twice the bound of the
cache. Memory that is mapped anew for each chunk is given back, but to touch it first takes longer than to decode. So
chunks have the memory of this module, and what malloc keeps of the rest is given back now and then.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Shape

# Arrays below this size come from malloc: a mapping is whole pages.
LEAST_BYTES = 2**16
# Memory of each size that waits for another chunk, at most.
MAX_FREE_BYTES = 2**25
# Bytes of chunks after which malloc gives back what it keeps: 5 ms then, and some 30 MB between.
GIVE_BACK_BYTES = 2**25
# The option of glibc's mallopt for the number of arenas.
_ARENA_MAX = -8


def _from_libc(name: str) -> Callable[..., object] | None:
    """Return a function of glibc; None where malloc is another."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def share_one_arena() -> None:
    """Let all threads take blocks from one arena of malloc.

    What one frees then serves the others. It changes the whole process: it is for a process that is a server only.
    """
    mallopt = _from_libc("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


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
        self._trim, self._read_bytes = _from_libc("malloc_trim"), 0

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

    def note_read(self, size: int) -> None:
        """Count bytes of a chunk that was read; after many malloc gives memory back."""
        self._read_bytes += size
        if self._trim is not None and self._read_bytes >= GIVE_BACK_BYTES:
            self._read_bytes = 0
            self._trim(0)

    def _give_back(self, size: int, memory: mmap.mmap) -> None:
        """Keep memory for the next array of its size, unless enough waits."""
        free = self._free[size]
        if (len(free) + 1) * size <= max(MAX_FREE_BYTES, 2 * size):
            free.append(memory)
