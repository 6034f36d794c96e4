"""The stages of a block, and the time of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Box
    from pyramid.writing.block_writer import BlockWriter


class StageTimes(NamedTuple):
    """Seconds of each stage, summed over workers.

    Parameters
    ----------
    read_s, reduce_s, encode_s
        Reading and decoding what the block is made from, making its levels, and encoding their chunks.
    wait_s
        Waiting until written bytes make room for others, and for the last writes of a block.
    write_s
        Writing or sending objects, in threads of their own. It overlaps with the other stages.
    """

    read_s: float = 0.0
    reduce_s: float = 0.0
    encode_s: float = 0.0
    wait_s: float = 0.0
    write_s: float = 0.0

    def joined(self, other: StageTimes) -> StageTimes:
        """Return the sums of two.

        Examples
        --------
        >>> StageTimes(read_s=1).joined(StageTimes(read_s=2, write_s=3)).read_s
        3
        """
        return StageTimes(*(a + b for a, b in zip(self, other, strict=True)))


class BlockClock:
    """Measures the stages of one block by a few clock readings a slab and part."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()
        self._read_s = self._add_s = self._loop_s = 0.0

    def reading(self, read: Callable[[Box, NDArray[Any]], None]) -> Callable[[Box, NDArray[Any]], None]:
        """Return `read`, whose time is counted."""

        def timed(box: Box, out: NDArray[Any]) -> None:
            began_s = time.perf_counter()
            read(box, out)
            self._read_s += time.perf_counter() - began_s

        return timed

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Count the time of the context as that of encoding."""
        began_s = time.perf_counter()
        yield
        self._add_s += time.perf_counter() - began_s

    def stop(self) -> None:
        """End the stages that the block's own thread works in."""
        self._loop_s = time.perf_counter() - self._began_s

    def times(self, writer: BlockWriter) -> StageTimes:
        """Return the times, once the block is stored."""
        queue = writer.queue
        encode_s = max(0.0, self._add_s - queue.encoder_wait_s)
        reduce_s = max(0.0, self._loop_s - self._read_s - self._add_s)
        return StageTimes(self._read_s, reduce_s, encode_s, queue.encoder_wait_s + queue.end_wait_s, queue.write_s)
