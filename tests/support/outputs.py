"""One of each thing that this package writes, in a version of OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

import pyramid

VERSIONS = ("0.4", "0.5", "0.6")
KINDS = ("image", "labelled image", "collection", "plate")


def make_outputs(folder: Path, version: str) -> dict[str, Path]:
    """Make an image, one with labels that have colours, a collection and a plate with two acquisitions."""
    folder.mkdir(parents=True)
    paths = {kind: folder / f"{kind.replace(' ', '-')}.ome.zarr" for kind in KINDS}
    random = np.random.default_rng(5)
    pixels = random.integers(0, 4000, (2, 9, 96, 80)).astype("uint16")
    options: dict[str, Any] = {"ome_zarr_version": version, "min_size": 24, "progress": False}
    described: dict[str, Any] = {"scale": {"z": 0.5, "y": 0.25, "x": 0.25}, "channel_names": ["DAPI", "GFP"]}
    for kind in KINDS[:2]:
        pyramid.convert(pixels, paths[kind], axes="czyx", **described, **options)
    table = folder / "colors.csv"
    table.write_text("value,color,class\n1,FF0000,nucleus\n2,00FF0080,cell\n")
    labels = (pixels[0] // 2000 + 1).astype("uint16")
    shown: dict[str, Any] = {"labels": "nuclei", "label_colors": table, "progress": False}
    pyramid.convert(labels, paths["labelled image"], axes="zyx", ome_zarr_version=version, **shown)
    with tifffile.TiffWriter(folder / "scenes.ome.tif") as file:
        for number in range(2):
            file.write(pixels[number], metadata={"axes": "ZYX", "Name": f"scene {number}", "PhysicalSizeX": 0.5})
    pyramid.convert(folder / "scenes.ome.tif", paths["collection"], series="all", **options)
    rows = ["source,well,field,acquisition"]
    for number, place in enumerate(("B03,0,0", "B03,1,0", "B03,0,1", "C12,0,0")):
        tifffile.imwrite(folder / f"{number}.tif", pixels[0, number])
        rows.append(f"{folder / f'{number}.tif'},{place}")
    (folder / "list.csv").write_text("\n".join(rows))
    pyramid.convert(f"@{folder / 'list.csv'}", paths["plate"], **options)
    return paths
