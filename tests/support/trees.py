"""OME-Zarr trees of every kind, made by zarr-python and by hand: what tests serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

OLD_SHAPE = (1, 2, 3, 90, 70)
XML = b"<OME/>"


def write_json(path: Path, document: object) -> None:
    """Write a document and the folders on its way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def attributes_path(group: Path) -> Path:
    """Where a group's attributes are."""
    return group / ("zarr.json" if (group / "zarr.json").exists() else ".zattrs")


def group(path: Path, attributes: Mapping[str, Any], zarr_format: int) -> None:
    """A group, with attributes under ``ome`` in Zarr 3."""
    held = {"ome": {"version": "0.5", **attributes}} if zarr_format == 3 and attributes else dict(attributes)
    zarr.create_group(zarr.storage.LocalStore(path), zarr_format=zarr_format, attributes=held)  # type: ignore[arg-type]  # 2 or 3


def array(path: Path, pixels: NDArray[Any], **options: Any) -> None:
    """An array that holds `pixels`."""
    made = zarr.create_array(zarr.storage.LocalStore(path), shape=pixels.shape, dtype=pixels.dtype, **options)
    made[...] = pixels


def old_image(path: Path, levels: int = 3, pixels: NDArray[Any] | None = None) -> list[NDArray[Any]]:
    """An image in OME-Zarr 0.1: Zarr 2, chunk keys with points, no axes; its levels' pixels."""
    pixels = np.random.default_rng(0).integers(1, 255, OLD_SHAPE, "uint8") if pixels is None else pixels
    found = [pixels[..., :: 2**n, :: 2**n] for n in range(levels)]
    datasets = [{"path": str(n)} for n in range(levels)]
    group(path, {"multiscales": [{"version": "0.1", "datasets": datasets}]}, 2)
    for n, level in enumerate(found):
        array(path / str(n), level, chunks=(1, 1, 1, 32, 32), zarr_format=2)
        metadata = json.loads((path / str(n) / ".zarray").read_text())
        metadata.pop("dimension_separator")  # 0.1 is older than this key
        write_json(path / str(n) / ".zarray", metadata)
    return found


def image(path: Path, zarr_format: int, *, labels: bool = False, levels: int = 2, **options: Any) -> None:
    """An image of a few small levels."""
    pixels = np.random.default_rng(1).integers(1, 255, (40, 50), "uint8")
    axes = [{"name": name, "type": "space"} for name in "yx"]
    datasets = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [2.0**n, 2.0**n]}]}
        for n in range(levels)
    ]
    version = {} if zarr_format == 3 else {"version": "0.4"}
    group(path, {"multiscales": [{**version, "axes": axes, "datasets": datasets}]}, zarr_format)
    separator = {"name": "default" if zarr_format == 3 else "v2", "separator": "/"}
    options = {"chunks": (16, 16), "chunk_key_encoding": separator, **options}
    for n in range(levels):
        array(path / str(n), pixels[:: 2**n, :: 2**n], zarr_format=zarr_format, **options)
    if labels:
        group(path / "labels", {"labels": ["nuclei", "more/cells"]}, zarr_format)
        image(path / "labels/nuclei", zarr_format, levels=levels)
        image(path / "labels/more/cells", zarr_format, levels=levels)


def plate(path: Path, zarr_format: int) -> None:
    """A plate of three wells in two rows, with two fields each."""
    wells = [{"path": place} for place in ("A/1", "A/2", "B/1")]
    group(path, {"plate": {"wells": wells, "rows": [], "columns": []}}, zarr_format)
    for row in "AB":
        group(path / row, {}, zarr_format)
    for one in wells:
        well(path / one["path"], zarr_format)


def named_plate(path: Path, zarr_format: int) -> None:
    """A plate as `plate`, with its rows and columns, and the place of each well."""
    plate(path, zarr_format)
    document = json.loads(attributes_path(path).read_text())
    attributes = document["attributes"]["ome"] if zarr_format == 3 else document
    wells = [("A/1", 0, 0), ("A/2", 0, 1), ("B/1", 1, 0)]
    attributes["plate"] = {
        "rows": [{"name": "A"}, {"name": "B"}],
        "columns": [{"name": "1"}, {"name": "2"}],
        "wells": [{"path": place, "rowIndex": row, "columnIndex": column} for place, row, column in wells],
    }
    write_json(attributes_path(path), document)


def well(path: Path, zarr_format: int) -> None:
    """A well of two fields."""
    group(path, {"well": {"images": [{"path": "0"}, {"path": "1"}]}}, zarr_format)
    for field in "01":
        image(path / field, zarr_format)


def collection(path: Path, zarr_format: int, *, series: bool = True) -> None:
    """A collection of two images."""
    names = ["0", "1"]
    group(path, {"bioformats2raw.layout": 3}, zarr_format)
    group(path / "OME", {"series": names} if series else {}, zarr_format)
    (path / "OME/METADATA.ome.xml").write_bytes(XML)
    for name in names:
        image(path / name, zarr_format)
