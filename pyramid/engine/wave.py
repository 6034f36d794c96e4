"""Blocks that are run together, and the graph that they are for a Dask scheduler.

Its graph is small, and gone when the wave is done, so that the memory of a run does not grow with its image.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.engine.receipt import Receipt
from pyramid.engine.task import BlockTask, do_block
from pyramid.model import Source
from pyramid.readers.dask import DaskSource

if TYPE_CHECKING:
    import dask.array as da  # only a source that is a Dask array has need of it

MAX_WAVE_TASKS = 10_000


@dataclass(frozen=True)
class Wave:
    """Some blocks of a pass, each of which gives a receipt.

    Parameters
    ----------
    task
        What is done with each.
    blocks
        Their indices in the pass.
    pixels
        A Dask array that hands their pixels over, its chunks the blocks; None where the task reads them.
    """

    task: BlockTask
    blocks: range
    pixels: da.Array | None = None

    def calls(self) -> Iterator[Callable[[], Receipt]]:
        """Yield for each block the call that does it, where the task reads the pixels."""
        for index in self.blocks:
            yield partial(do_block, index, self.task)

    def graph(self) -> tuple[Mapping[Any, Any], list[Any]]:
        """Return a Dask graph, and the keys in it whose values are the receipts."""
        if self.pixels is None:
            name = _new_name()
            graph = {(name, index): (do_block, index, self.task) for index in self.blocks}
            return graph, list(graph)
        import dask  # noqa: PLC0415  (only where the source is a Dask array)
        from dask.core import flatten  # noqa: PLC0415

        (made,) = dask.optimize(self.receipts(self.task))
        return dict(made.__dask_graph__()), list(flatten(made.__dask_keys__()))

    def receipts(self, task: object) -> da.Array:
        """Return the receipts as a Dask array, a chunk a block, where a Dask array hands the pixels over.

        Parameters
        ----------
        task
            The task, or a Dask object whose value it is.
        """
        assert self.pixels is not None
        return self.pixels.map_blocks(
            _do_handed,
            name=_new_name(),
            task=task,
            first=self.blocks.start // math.prod(self.pixels.numblocks[1:]),
            dtype=object,
            chunks=tuple((1,) * count for count in self.pixels.numblocks),
            meta=np.empty((0,) * self.pixels.ndim, object),
        )


def make_waves(task: BlockTask, source: Source) -> Iterator[Wave]:
    """Cut the blocks of a pass into waves."""
    if task.pass_.source is not None or not isinstance(source, DaskSource):
        for start in range(0, task.pass_.tasks, MAX_WAVE_TASKS):
            yield Wave(task, range(start, min(start + MAX_WAVE_TASKS, task.pass_.tasks)))
        return
    # Slabs of the array along its first axis, cut into blocks and otherwise left alone.
    grid, edge = task.pass_.grid, task.pass_.block
    row = int(np.prod(grid[1:], dtype=np.int64))
    rows = max(1, MAX_WAVE_TASKS // row)
    for first in range(0, grid[0], rows):
        last = min(first + rows, grid[0])
        slab = source.array[first * edge[0] : last * edge[0]].rechunk(edge)
        yield Wave(task, range(first * row, last * row), slab)


def _do_handed(pixels: NDArray[Any], task: BlockTask, first: int, block_id: tuple[int, ...]) -> Receipt:
    """Do the block whose pixels are handed over; the wave begins with row `first` of the pass."""
    index = int(np.ravel_multi_index((block_id[0] + first, *block_id[1:]), task.pass_.grid))
    return do_block(index, task, pixels)


def _new_name() -> str:
    """A name for a wave's keys. Dask would make one by hashing the task, and with it a source that is in memory."""
    return f"pyramid-{uuid.uuid4().hex}"
