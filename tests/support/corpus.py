"""Every real TIFF at hand, and what tifffile reads in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.support.paths import CORPUS, ROOT, TIFFS

SUFFIXES = {".tif", ".tiff", ".svs", ".btf", ".tf8"}
LETTERS = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}
READABLE_LEAST, DAMAGED_LEAST = 140, 5  # how many of each kind the repository itself holds


def tiffs() -> Iterator[Path]:
    """Every TIFF of the collections; of copies the first."""
    seen = set()
    for root in (TIFFS, ROOT / "pyramid" / "data", CORPUS):
        for path in sorted(root.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                key = (path.stat().st_size, path.read_bytes())
                if key not in seen:
                    seen.add(key)
                    yield path


def as_tifffile_reads(path: Path) -> NDArray[Any] | None:
    """The first image with axes in canonical order, None where tifffile cannot read it."""
    try:
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            array, axes, shape = series.asarray(), series.axes, series.shape
    except Exception:  # what it raises over broken files is its own affair
        return None
    if array.shape != shape:  # what it could not decode it gives as an empty array
        return None
    letters = [LETTERS.get(letter, "z") for letter in axes]
    order = sorted(range(len(axes)), key=lambda i: ("tczyx".index(letters[i]), i))
    canonical = array.transpose(order)
    ordered = [letters[i] for i in order]
    extents = [
        int(np.prod([n for n, letter in zip(canonical.shape, ordered, strict=True) if letter == axis], dtype=int))
        for axis in "tczyx"
        if axis in ordered
    ]
    return canonical.reshape(extents)
