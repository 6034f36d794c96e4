"""Print what other readers see in OME-Zarrs, as JSON; run in an environment that has them.

python readers.py STORE... [--write ARCHIVE]

For each store and reader that is a digest of the pixels of each level, or the error. ARCHIVE is written by ngff-zarr,
with the first store's pixels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ngff_zarr
import numpy as np
import ome_zarr.io
import ome_zarr.reader
import tensorstore
import zarr
from bioio_ome_zarr import Reader

DRIVERS = {2: "zarr", 3: "zarr3"}


def _root(path: Path) -> zarr.Group:
    store: Any = zarr.storage.ZipStore(path, mode="r") if path.suffix == ".ozx" else path
    return zarr.open_group(store, mode="r", use_consolidated=False)


def _paths(group: zarr.Group) -> list[str]:
    attributes: dict[str, Any] = group.attrs.asdict()
    return [level["path"] for level in attributes.get("ome", attributes)["multiscales"][0]["datasets"]]


def with_zarr(path: Path) -> Iterator[Any]:
    """Yield the levels as zarr-python reads them."""
    group = _root(path)
    yield from (group[name][...] for name in _paths(group))  # type: ignore[index]  # levels are arrays


def with_tensorstore(path: Path) -> Iterator[Any]:
    """Yield the levels as tensorstore reads them."""
    group = _root(path)
    for name in _paths(group):
        kvstore: Any = {"driver": "file", "path": f"{path}/{name}/"}
        if path.suffix == ".ozx":
            kvstore = {"driver": "zip", "base": {"driver": "file", "path": str(path)}, "path": f"{name}/"}
        spec = {"driver": DRIVERS[group.metadata.zarr_format], "kvstore": kvstore}
        yield tensorstore.open(spec).result().read().result()


def with_ome_zarr(path: Path) -> Iterator[Any]:
    """Yield the levels as ome-zarr-py reads them."""
    location = ome_zarr.io.parse_url(path)
    if location is None:
        raise ValueError("it finds no Zarr")
    nodes = [node for node in ome_zarr.reader.Reader(location)() if node.zarr.path == location.path]
    yield from nodes[0].data


def with_ngff_zarr(path: Path) -> Iterator[Any]:
    """Yield the levels as ngff-zarr reads them."""
    yield from (image.data for image in ngff_zarr.from_ngff_zarr(path).images)


def with_bioio(path: Path) -> Iterator[Any]:
    """Yield the levels as bioio-ome-zarr reads them."""
    reader = Reader(str(path))
    for level in reader.resolution_levels:
        reader.set_resolution_level(level)
        yield reader.get_image_dask_data(reader.dims.order)


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    "zarr": with_zarr,
    "tensorstore": with_tensorstore,
    "ome-zarr": with_ome_zarr,
    "ngff-zarr": with_ngff_zarr,
    "bioio-ome-zarr": with_bioio,
}


def digests(read: Callable[[Path], Iterator[Any]], path: Path) -> list[str] | str:
    """Return a digest of the pixels of each level, or why they are not read."""
    try:
        levels = [np.asarray(level) for level in read(path)]
    except Exception as error:  # a peer may raise anything
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    little = (level.astype(level.dtype.newbyteorder("<")) for level in levels)
    return [hashlib.sha256(level.tobytes()).hexdigest() for level in little]


def main() -> None:
    """Print what is seen in each store."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stores", nargs="+", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.write is not None:
        ngff_zarr.to_ngff_zarr(given.write, ngff_zarr.from_ngff_zarr(given.stores[0]), version="0.5")
    print(json.dumps([{name: digests(read, path) for name, read in READERS.items()} for path in given.stores]))


if __name__ == "__main__":
    main()
