"""N5 as tensorstore and z5py read and write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
import z5py
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader, stored_array
from pyramid.hierarchy.nodes import read_node
from pyramid.model import Box
from pyramid.stores import Readable, open_objects

# Compression as tensorstore writes it.
TENSORSTORE = [
    {"type": "raw"},
    {"type": "gzip", "level": 3},
    {"type": "gzip", "level": 3, "useZlib": True},
    {"type": "bzip2", "blockSize": 9},
    {"type": "xz", "preset": 1},
    {"type": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
    {"type": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 2},
]
# Compression as z5py writes it.
Z5PY = ["raw", "gzip", "bzip2", "xz", "lz4", "blosc"]
# Dtypes of N5.
DTYPES = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64"]


def by_tensorstore(dataset: Path) -> NDArray[Any]:
    """The pixels of a dataset in C order."""
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(dataset)}}
    return np.asarray(tensorstore.open(spec).result().read().result()).T


def by_z5py(dataset: Path) -> NDArray[Any]:
    """The pixels of a dataset in C order."""
    with z5py.File(str(dataset.parent), "r", use_zarr_format=False) as file:
        return np.asarray(file[dataset.name][...])


def by_us(dataset: Path) -> NDArray[Any]:
    """The pixels of a dataset, read by its document."""
    objects = Readable(open_objects(str(dataset), None))
    node = read_node(objects)
    assert node is not None
    stored = stored_array(node)
    assert stored is not None
    out = np.empty(stored.shape, stored.dtype.to_numpy().newbyteorder("="))
    ArrayReader(objects, objects, stored).read(Box((0,) * out.ndim, out.shape), out)
    return out


def write_tensorstore(
    dataset: Path, pixels: NDArray[Any], chunks: tuple[int, ...], compression: dict[str, Any]
) -> None:
    """Write a dataset."""
    spec = {
        "driver": "n5",
        "kvstore": {"driver": "file", "path": str(dataset)},
        "metadata": {
            "dimensions": list(pixels.shape[::-1]),
            "blockSize": list(chunks[::-1]),
            "dataType": pixels.dtype.name,
            "compression": compression,
        },
        "create": True,
    }
    tensorstore.open(spec).result().write(pixels.T).result()


def write_z5py(dataset: Path, pixels: NDArray[Any], chunks: tuple[int, ...], compression: str) -> None:
    """Write a dataset."""
    with z5py.File(str(dataset.parent), "a", use_zarr_format=False) as file:
        file.create_dataset(dataset.name, data=pixels, chunks=chunks, compression=compression)
