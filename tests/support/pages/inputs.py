"""Files that pages name, small, each made when a command first asks for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

import pyramid
from tests.support.ome_xml import plate, write_images
from tests.support.paths import ROOT

_SIZES = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}
_SHAPE = (2, 24, 96, 96)  # c, z, y, x of the image that most pages speak of


def _pixels(*shape: int, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, 4000, shape).astype("uint16")


def _cells(path: Path) -> None:
    channels = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}, **_SIZES}
    tifffile.imwrite(path, _pixels(*_SHAPE), photometric="minisblack", metadata=channels)


def _plane(path: Path) -> None:
    tifffile.imwrite(path, _pixels(96, 96), photometric="minisblack")


def _movie(path: Path) -> None:
    times = {"axes": "TCZYX", "TimeIncrement": 30.0, "TimeIncrementUnit": "s", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, _pixels(12, 2, 3, 64, 64), photometric="minisblack", metadata={**times, **_SIZES})


def _nuclei(path: Path) -> None:
    labels = np.zeros(_SHAPE[1:], "uint16")
    labels[:, 10:40, 10:40], labels[:, 50:80, 50:80] = 1, 2
    tifffile.imwrite(path, labels, photometric="minisblack", metadata={"axes": "ZYX"})


def _stack(path: Path) -> None:
    np.save(path, _pixels(32, 64, 64))


def _series(path: Path) -> None:
    write_images(path, [_pixels(2, 64, 64, seed=seed) for seed in range(2)])


def _plate_tiff(path: Path) -> None:
    write_images(path, [_pixels(2, 64, 64, seed=seed) for seed in range(2)], plate({(0, 0): [0], (1, 1): [1]}))


def _slide(path: Path) -> None:
    shutil.copyfile(ROOT / "pyramid" / "data" / "slide.ome.tif", path)


def _folder(*names: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            _plane(path / name)

    return make


def _store(source: Callable[[Path], None], name: str = "a.ome.tif", **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        made = path.parent / f"{path.name}.source" / name
        made.parent.mkdir()
        source(made)
        pyramid.convert(made, path, min_size=32, **options)

    return make


def _packed(path: Path) -> None:
    store = path.with_name(f"{path.name}.ome.zarr")
    _store(_cells)(store)
    pyramid.pack(str(store), str(path))


def _text(text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return make


def _labelled(path: Path) -> None:
    _store(_cells)(path)
    nuclei = path.with_name("nuclei.tif")
    _nuclei(nuclei)
    pyramid.convert(nuclei, path, labels="nuclei")


def _wells(path: Path) -> None:
    _folder("w/a.tif", "w/b.tif")(path.parent)
    path.write_text("source,well\nw/a.tif,A01\nw/b.tif,B02\n", encoding="utf-8")


def _sums(path: Path) -> None:
    store = path.with_name("cells.ome.zarr")
    if not store.exists():
        _store(_cells)(store)
    pyramid.manifest(str(store), output=str(path))


# Makers by the name that pages use; a name of the same ending that is not here has no maker.
MAKERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("cells.ome.tif", "cells.tif", "light-sheet.ome.tif"), _cells),
    **dict.fromkeys(("a.tif", "b.tif", "a.ome.tif", "b.ome.tif", "day2/c.tif", "day2/d.tif"), _plane),
    **dict.fromkeys(("scans/a.tif", "scans/b.tif"), _plane),
    "movie.ome.tif": _movie,
    "nuclei.tif": _nuclei,
    "nuclei.csv": _text("value,color,class,area\n1,FF0000,nucleus,12.5\n2,00FF00,nucleus,9\n"),
    "slide.ome.tif": _slide,
    "scenes.ome.tif": _series,
    "plate.ome.tif": _plate_tiff,
    "stack.npy": _stack,
    "scans": _folder("a.tif", "day1/b.tif"),
    "day2": _folder("c.tif", "d.tif"),
    "frames": _folder(*(f"frame_{t:04}.tif" for t in range(6))),
    "exp": _folder(*(f"exp_{w}_f{f}_{c}.tif" for w in ("A01", "B02") for f in (1, 2) for c in ("DAPI", "GFP"))),
    "wells": _folder(*(f"{w}/s{f}_t{t}_DAPI.tif" for w in ("A/1", "B/2") for f in (1, 2) for t in (1, 2))),
    "run7": _folder(*(f"img_t{t:03}_{c}_z{z:02}.tif" for t in (1, 2) for c in ("DAPI", "GFP") for z in (1, 2))),
    "run8": _folder(*(f"t{t}/{c}/img_{z}.tif" for t in (1, 2) for c in ("DAPI", "GFP") for z in (1, 2))),
    "list.txt": _text("scans/a.tif\nscans/b.tif\n"),
    "list.csv": _text("source,target\nscans/a.tif,first\nscans/b.tif,second\n"),
    "pyramids/failed.csv": _text("source,target,exit_status,error\nscans/a.tif,day1/first,3,it is cut off\n"),
    "wells.csv": _wells,
    "cells.sha256": _sums,
    **dict.fromkeys(("cells.ome.zarr", "before.ome.zarr", "after.ome.zarr"), _store(_cells)),
    "labelled.ome.zarr": _labelled,
    "slide.ome.zarr": _store(_slide, "slide.ome.tif"),
    "plate.ome.zarr": _store(_plate_tiff),
    "old.ome.zarr": _store(_cells, ome_zarr_version="0.4"),
    **dict.fromkeys(("cells.ozx", "slide.ozx"), _packed),
    "attributes.json": _text(json.dumps({"lab": "B3"})),
}
# Inputs that need others next to them.
NEEDS = {
    "pyramids/failed.csv": ("scans/a.tif",),
    "list.txt": ("scans/a.tif", "scans/b.tif"),
    "list.csv": ("scans/a.tif", "scans/b.tif"),
}


class Inputs:
    """Inputs that are made once, and copied to each page that names them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def bring(self, name: str, folder: Path) -> None:
        """Put an input into the folder of a page, unless something of its name is there."""
        target = folder / name
        if target.exists():
            return
        for needed in NEEDS.get(name, ()):
            self.bring(needed, folder)
        made = self._folder / name.replace("/", "+") / Path(name).name
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            MAKERS[name](made)
        target.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir():
            shutil.copytree(made, target, symlinks=True)
        else:
            shutil.copyfile(made, target)
        if name == "wells.csv":
            shutil.copytree(made.parent / "w", folder / "w")
