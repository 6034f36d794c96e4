"""Waves: blocks that are run together, and their graph for a Dask scheduler.

The graph of a wave is small and is dropped when the wave is done. So the memory of a run does not grow with the image.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.engine.receipt import Receipt
from pyramid.engine.task import BlockTask, do_block
from pyramid.model import Source, dask_array_of

if TYPE_CHECKING:
    import dask.array as da  # only needed if the source is a Dask array

# Most blocks of a wave. With 100 workers that is 100 turns, of which the last may leave workers idle: 1 % of the time.
# A graph of this many blocks takes 2 MB.
MAX_WAVE_TASKS = 10_000


@dataclass(frozen=True)
class Wave:
    """Some blocks of a pass that are run together; each gives a receipt.

    Parameters
    ----------
    task
        The work on each block.
    blocks
        Indices of the blocks in the pass, without those that an earlier run has done.
    pixels
        A Dask array that hands over the pixels, one chunk for each block. None if the task reads the pixels.
    first
        Index of the block whose pixels are the first chunk.
    """

    task: BlockTask
    blocks: Sequence[int]
    pixels: da.Array | None = None
    first: int = 0

    def graph(self) -> tuple[Mapping[Any, Any], list[Any]]:
        """Return a Dask graph, and those of its keys whose values are receipts."""
        if self.pixels is None:
            name = _new_name()
            graph = {(name, index): (do_block, index, self.task) for index in self.blocks}
            return graph, list(graph)
        import dask  # noqa: PLC0415  (only if the source is a Dask array)
        from dask.core import flatten  # noqa: PLC0415

        optimized = dask.optimize(*self.receipts(self.task))
        # All of them share one graph.
        return dict(optimized[0].__dask_graph__()), list(flatten([part.__dask_keys__() for part in optimized]))

    def receipts(self, task: object) -> list[Any]:
        """Return Dask objects whose values are the receipts.

        They are one array with a chunk for each block, or a delayed value for each if blocks are left out. Only for
        waves in which a Dask array hands over the pixels.

        Parameters
        ----------
        task
            The task, or a Dask object whose value is the task.
        """
        assert self.pixels is not None
        array = self.pixels.map_blocks(
            _do_with_pixels,
            name=_new_name(),
            task=task,
            first=self.first // math.prod(self.pixels.numblocks[1:]),
            dtype=object,
            chunks=tuple((1,) * count for count in self.pixels.numblocks),
            meta=np.empty((0,) * self.pixels.ndim, object),
        )
        if len(self.blocks) == self.pixels.npartitions:
            return [array]
        each = array.to_delayed().ravel()
        return [each[block - self.first] for block in self.blocks]


def make_waves(task: BlockTask, source: Source, done: bytearray | None = None) -> Iterator[Wave]:
    """Yield the waves of a pass in the order of its blocks, less those done."""
    for wave in _all_waves(task, source):
        if done is None or not any(done[block] for block in wave.blocks):
            yield wave
        elif left := [block for block in wave.blocks if not done[block]]:
            yield replace(wave, blocks=left)


def _all_waves(task: BlockTask, source: Source) -> Iterator[Wave]:
    array = dask_array_of(source)
    if task.pass_.source is not None or array is None:
        for start in range(0, task.pass_.tasks, MAX_WAVE_TASKS):
            yield Wave(task, range(start, min(start + MAX_WAVE_TASKS, task.pass_.tasks)))
        return
    # Slabs of the array along its first axis, so that each wave is a contiguous range of blocks.
    grid, edge = task.pass_.grid, task.pass_.block
    row = math.prod(grid[1:])
    rows = max(1, MAX_WAVE_TASKS // row)
    for first in range(0, grid[0], rows):
        last = min(first + rows, grid[0])
        slab = array[first * edge[0] : last * edge[0]].rechunk(edge)
        yield Wave(task, range(first * row, last * row), slab, first * row)


def _do_with_pixels(pixels: NDArray[Any], task: BlockTask, first: int, block_id: tuple[int, ...]) -> Receipt:
    """Do a block whose pixels are handed over.

    The wave begins with row `first` of the pass.
    """
    index = int(np.ravel_multi_index((block_id[0] + first, *block_id[1:]), task.pass_.grid))
    return do_block(index, task, pixels)


def _new_name() -> str:
    """Return a name for a wave's keys.

    Otherwise Dask would hash the task to make a name, and with it a source that is in memory.
    """
    return f"pyramid-{uuid.uuid4().hex}"
