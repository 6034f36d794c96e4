"""Interleaved samples, such as RGB, copied to planes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from pyramid.reduce.kernels.loading import LazyCode

# Copies rows as `split_samples` in `pyramid.decoding.kernels`.
SplitSamples: TypeAlias = Callable[..., None]
# Most samples of a pixel that a kernel is compiled for, the sizes of their items in bytes, and the fewest of them that
# are worth its call.
MAX_SAMPLES, ITEM_SIZES, MIN_ITEMS = 4, (1, 2), 2**12
# Processor's time in NumPy, at 2.5 GB/s, after which the kernel is compiled, once on a machine: of one small slide.
COMPILING_PAYS_S = 0.15


class SampleSplitter(LazyCode[SplitSamples]):
    """The kernel for one size of items and number of samples."""

    def __init__(self, item_bytes: int, samples: int) -> None:
        super().__init__("pyramid.decoding.kernels:split_samples", COMPILING_PAYS_S)
        self.dtype = np.dtype(f"u{item_bytes}")
        self.lanes = (0,) * samples

    def prime(self, code: SplitSamples) -> None:
        """Copy one pixel."""
        pixel = np.zeros(len(self.lanes), self.dtype)
        code(pixel, 1, 1, 1, self.lanes, np.empty_like(pixel))


@functools.cache
def find_splitter(item_bytes: int, samples: int) -> SampleSplitter:
    """Return this process's kernel."""
    return SampleSplitter(item_bytes, samples)


def copy_samples(source: NDArray[Any], out: NDArray[Any]) -> None:
    """Copy pixels into an array of the same shape, whose samples may be in planes.

    Parameters
    ----------
    source
        (..., rows, width, samples).
    out
        As many pixels. Where a row of each sample is contiguous, and pixels of `source` are, a kernel copies them, five
        times as fast as NumPy.
    """
    if not _fits(source, out):
        out[...] = source
        return
    splitter = find_splitter(source.itemsize, source.shape[-1])
    if splitter.loaded is None:
        with splitter.replaced():
            out[...] = source
        return
    rows, width, samples = source.shape[-3:]
    row_step, _, sample_step = (stride // out.itemsize for stride in out.strides[-3:])
    span = (rows - 1) * row_step + (samples - 1) * sample_step + width
    for index in np.ndindex(source.shape[:-3]):
        flat = as_strided(out[index].view(splitter.dtype), (span,), (out.itemsize,))
        pixels = source[index].reshape(-1).view(splitter.dtype)
        splitter.loaded(pixels, width, row_step, sample_step, splitter.lanes, flat)


def _fits(source: NDArray[Any], out: NDArray[Any]) -> bool:
    """Return whether a kernel copies these pixels."""
    size = source.itemsize
    kinds = source.dtype == out.dtype and source.dtype.kind in "biuf" and size in ITEM_SIZES
    if not kinds or source.shape != out.shape or source.ndim < 3 or source.size < MIN_ITEMS:
        return False
    if not 1 < source.shape[-1] <= MAX_SAMPLES or not out.flags.writeable or np.may_share_memory(source, out):
        return False
    in_planes = out.strides[-2] == size and all(out.strides[axis] > 0 for axis in (-3, -1))
    whole_items = all(n % size == 0 for n in out.strides) and out.flags.aligned and source.flags.aligned
    return source.flags.c_contiguous and in_planes and whole_items
