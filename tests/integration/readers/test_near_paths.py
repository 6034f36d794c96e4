"""Paths that nearly name an array in a file: the error has the path that is meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import xarray
import zarr

from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source

PIXELS = np.arange(70, dtype="u2").reshape(7, 10)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/x"] = PIXELS
    np.savez(tmp_path / "a.npz", x=PIXELS)
    zarr.create_group(tmp_path / "a.zarr").create_array("g/x", data=PIXELS)
    tifffile.imwrite(tmp_path / "a.tif", PIXELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("start", ["", "file://"])
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *((f"a.h5{mark}g/x", "a.h5::g/x") for mark in (":/", ":", "/", "#", "#/", " :/")),
        *((f"a.npz{mark}x", "a.npz::x") for mark in (":", "/", "#")),
        *((f"a.zarr{mark}g/x", "a.zarr::g/x") for mark in (":/", ":", "#")),
    ],
)
def test_the_error_has_the_path_that_is_meant(given: str, meant: str, start: str, folder: Path) -> None:
    source: Any = f"{start}{folder}{os.sep}{given}" if start else given
    with pytest.raises(SourceError, match="does not exist; an array in it is named after two colons: ") as raised:
        open_source(source, Options())
    offered = str(raised.value).partition("two colons: ")[2]
    assert offered == str(folder / meant)
    assert open_source(offered, Options()).spec.shape == PIXELS.shape


def test_a_file_without_paths_in_it_is_no_folder(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"a.tif is a file, and not a folder: give only that"):
        open_source(folder / "a.tif" / "0", Options())


def test_a_dataset_of_xarray_is_answered_with_its_variables() -> None:
    dataset = xarray.Dataset({"raw": (("y", "x"), PIXELS), "mask": (("y", "x"), PIXELS)})
    with pytest.raises(SourceError, match=r"give one of its variables: dataset\['raw'\], dataset\['mask'\]"):
        open_source(dataset, Options())
