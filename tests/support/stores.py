"""What tests ask of a store that was written: its levels as another library reads them, and its bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts
from numpy.typing import NDArray

TENSORSTORE_METHODS = {"nearest": "stride"}  # all others have one name


def read_level(path: Path, number: int, version: str = "0.5") -> NDArray[Any]:
    """One level, read by tensorstore."""
    driver = "zarr3" if version in ("0.5", "0.6") else "zarr"
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path / str(number))}}
    return np.asarray(ts.open(spec, read=True).result().read().result())


def downsample(array: NDArray[Any], factors: tuple[int, ...], method: str) -> NDArray[Any]:
    """The next level, as tensorstore makes it."""
    name = TENSORSTORE_METHODS.get(method, method)
    reduced: Any = ts.downsample(ts.array(array), list(factors), name)  # type: ignore[call-overload]  # any method's name
    return np.asarray(reduced.read().result())


def digests(path: Path) -> dict[str, str]:
    """Every file's digest by its path below `path`."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def find_stores(*roots: Path) -> list[Path]:
    """The folders below that hold a document of Zarr, and none of those within them."""
    found = []
    for root in roots:
        for folder, below, files in os.walk(root):
            if {"zarr.json", ".zgroup", ".zattrs", ".zarray"} & set(files):
                found.append(Path(folder))
                below.clear()
    return found
