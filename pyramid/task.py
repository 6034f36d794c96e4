"""One task: read a block, make its part of every level, write each part as soon as it is made."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers, Part, build_parts, empty_part
from pyramid.errors import PyramidError, StoppedError, StorageError, TargetError
from pyramid.model import Box, Source
from pyramid.planning import Pass, Plan
from pyramid.receipt import Receipt, measure
from pyramid.reduce import load_method
from pyramid.sink import Sink
from pyramid.stores import giving_up_when, take_retries

# What the system says of a target that no repetition mends.
_FINAL = frozenset(
    {
        *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EISDIR, errno.ENAMETOOLONG),
        *(errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS),
    }
)


@dataclass(frozen=True, slots=True)
class BlockTask:
    """What is done with each block of one pass; it pickles small and may be repeated at will.

    Parameters
    ----------
    plan, one
        The plan, and the pass of it.
    sink
        Where the levels are written.
    source
        Where the first pass reads; None where a Dask array hands the pixels over, and in later passes, which read
        from the sink.
    buffers
        The memory that it works in.
    """

    plan: Plan
    one: Pass
    sink: Sink
    source: Source | None
    buffers: Buffers

    def __call__(self, index: int, pixels: NDArray[Any] | None = None) -> Receipt:
        """Do block `index`.

        Raises what a repetition may mend; what it cannot is told by the receipt.
        """
        box = self.one.box(index)
        source_bytes = box.size_px * np.dtype(self.plan.spec.dtype).itemsize
        try:
            with giving_up_when(self.buffers.is_stopped):
                base = self._base(box, pixels)
            parts = build_parts(self.plan.levels, self.one, base, load_method(self.plan.method), self.buffers)
            with self.sink.outbox(self.buffers) as outbox:
                for part in parts:
                    self.sink.write(part, outbox)
        except PyramidError as error:
            if may_mend(error):
                raise
            return Receipt(index, source_bytes, failure=error)
        except MemoryError as error:
            raise StoppedError(
                f"block {index} at {box.start}: there is no memory left; give a smaller --memory"
            ) from error
        extremes = measure(base.pixels, box, self.plan.spec.axes) if self.one.source is None else ()
        return Receipt(index, source_bytes, extremes, requests_again=take_retries())

    def _base(self, box: Box, pixels: NDArray[Any] | None) -> Part:
        """The block as read, in this thread's memory."""
        dtype = np.dtype(self.plan.spec.dtype)
        if self.one.source is not None:
            base = Part(self.one.source, box, self.buffers.take(self.one.source, box.shape, dtype))
            self.sink.read(self.one.source, box, base.array)
            return base
        base = empty_part(self.plan.levels[0], 0, box, self.buffers, dtype)
        if pixels is not None:
            base.pixels[...] = pixels
        elif self.source is not None:
            self.source.read(box, base.pixels)
        return base


def may_mend(error: PyramidError) -> bool:
    """Whether doing the block again may go well: what the system or a store said, not what the source holds."""
    cause = error.__cause__
    if isinstance(cause, StorageError):  # whose requests were made again for as long as was wanted
        return False
    if isinstance(cause, OSError) and cause.errno in _FINAL:
        return False
    return isinstance(error, TargetError) or isinstance(cause, OSError)
