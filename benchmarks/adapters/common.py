"""What the adapters share: their command line, and a TIFF as a lazy Dask array.

Each adapter runs in its peer's environment, so that nothing here may import more than the standard library
before the peer's own imports; every one of its seconds counts as the peer's.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """What an adapter was asked for.

    Parameters
    ----------
    source, target
        Paths.
    axes
        Letters of the source's axes, as ``czyx`` or ``yxc``.
    chunks, shards
        Extents on each axis (of the target, channels first) where they are to be equal to others'; None for the
        peer's defaults. With chunks goes the codec: Blosc lz4, level 5, byte shuffle.
    levels
        How many levels, the first included; None for the peer's default.
    halve
        Axes that each level halves, where the peer can be told and levels are given.
    workers
        Threads, where the peer can be told.
    """

    source: str
    target: str
    axes: str
    chunks: tuple[int, ...] | None
    shards: tuple[int, ...] | None
    levels: int | None
    halve: str
    workers: int


def _extents(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in text.split(","))


def job() -> Job:
    """Parse the command line that all adapters have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--axes", required=True)
    parser.add_argument("--chunks", type=_extents)
    parser.add_argument("--shards", type=_extents)
    parser.add_argument("--levels", type=int)
    parser.add_argument("--halve", default="yx")
    parser.add_argument("--workers", type=int, default=2)
    return Job(**vars(parser.parse_args()))


def channels_first(array: Any, axes: str) -> tuple[Any, str]:
    """`array`, and its axes, with interleaved channels moved to the front."""
    import numpy as np

    if axes.endswith("c"):
        return np.moveaxis(array, -1, 0), "c" + axes[:-1]
    return array, axes


def open_zarr_view(source: str) -> Any:
    """Return the first series of a TIFF as tifffile's own Zarr array: a chunk a page, strip run or tile."""
    import tifffile
    import zarr

    return zarr.open_array(tifffile.imread(source, aszarr=True), mode="r")


def open_dask(source: str, axes: str) -> tuple[Any, str]:
    """Return the first series, Zarr array or computed image as a lazy Dask array, channels first, and its axes."""
    import dask.array as da

    if source.endswith(".json"):
        sys.path.append(str(Path(__file__).parents[2]))
        from benchmarks import computed

        return computed.read(Path(source)).as_dask(), axes
    if source.endswith(".zarr"):
        return da.from_zarr(source), axes
    return channels_first(da.from_zarr(open_zarr_view(source)), axes)


def level_shapes(shape: tuple[int, ...], axes: str, levels: int, halve: str) -> list[tuple[int, ...]]:
    """Shapes of `levels` levels, each of which halves the axes `halve`."""
    found = [shape]
    while len(found) < levels:
        found.append(tuple(max(1, n // 2) if a in halve else n for n, a in zip(found[-1], axes, strict=True)))
    return found
