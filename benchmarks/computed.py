"""An image that is computed as it is read: a Dask array of a cheap formula, and its conversion by ome-pyramid.

    python -m benchmarks.computed SOURCE TARGET --workers 2 --report FILE    # any option of pyramid convert
    python -m benchmarks.computed SOURCE --plan                              # the plan, as JSON

SOURCE is a JSON file with the shape and the blocks: all that a computed image has.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPE = "uint16"
STEPS = (40503, 30011, 20219, 12289, 7919)  # odd numbers without a pattern, one an axis from the last


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed image of uint16.

    Parameters
    ----------
    axes
        Letters of its axes.
    shape, block
        Extents of the image, and of the blocks that it is computed in.
    """

    axes: str
    shape: tuple[int, ...]
    block: tuple[int, ...]

    @property
    def block_bytes(self) -> int:
        """Size of one block's pixels."""
        return math.prod(self.block) * np.dtype(DTYPE).itemsize

    def starts(self) -> Iterator[tuple[int, ...]]:
        """First pixel of each block, in C order."""
        return itertools.product(*(range(0, n, b) for n, b in zip(self.shape, self.block, strict=True)))

    def fill(self, start: tuple[int, ...], out: NDArray[np.uint8]) -> int:
        """Put the pixels of the block at `start` at the beginning of `out`; return how many bytes."""
        shape = tuple(min(b, n - a) for a, b, n in zip(start, self.block, self.shape, strict=True))
        size = math.prod(shape) * np.dtype(DTYPE).itemsize
        formula(start, out[:size].view(DTYPE).reshape(shape))
        return size

    def as_dask(self) -> Any:  # noqa: ANN401  (Dask is not typed)
        """Return the image as a Dask array, none of which is computed yet."""
        import dask.array as da  # noqa: PLC0415  (the floor computes without it)

        chunks = da.core.normalize_chunks(self.block, self.shape)
        return da.map_blocks(_block, chunks=chunks, dtype=DTYPE, meta=np.empty((0,) * len(self.shape), DTYPE))


def formula(start: tuple[int, ...], out: NDArray[np.uint16]) -> None:
    """Fill `out`, the block at `start`, with a background of 160 and 8 bits that look like noise."""
    out[...] = 0
    for axis, (first, extent) in enumerate(zip(start, out.shape, strict=True)):
        place = np.arange(first, first + extent, dtype=np.uint32) * STEPS[out.ndim - 1 - axis]
        out += place.astype(np.uint16).reshape(-1, *(1,) * (out.ndim - 1 - axis))
    out *= out >> 3 | 1
    out >>= 8
    out += 160


def _block(block_info: Any) -> NDArray[np.uint16]:  # noqa: ANN401  (as Dask gives it)
    places = block_info[None]["array-location"]
    out = np.empty(tuple(b - a for a, b in places), DTYPE)
    formula(tuple(a for a, _ in places), out)
    return out


def write(path: Path, image: Computed) -> None:
    """Write the description of `image`."""
    path.write_text(json.dumps(asdict(image)), encoding="utf-8")


def read(path: Path) -> Computed:
    """Return the image that a file describes."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return Computed(told["axes"], tuple(told["shape"]), tuple(told["block"]))


def main(arguments: list[str] | None = None) -> None:
    """Convert a computed image, or say what that would do; options are those of ``pyramid convert``."""
    import pyramid  # noqa: PLC0415  (peers read this module in environments without it)

    source, *rest = sys.argv[1:] if arguments is None else arguments
    planned = "--plan" in rest
    given = [item for item in rest if item != "--plan"]
    target = None if planned else given.pop(0)
    options: dict[str, Any] = {
        flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(given[::2], given[1::2], strict=True)
    }
    image = read(Path(source))
    options["axes"] = image.axes
    if target is None:
        print(json.dumps(pyramid.plan(image.as_dask(), **options).to_dict()))
    else:
        pyramid.convert(image.as_dask(), target, **options)


if __name__ == "__main__":
    main()
