"""Attributes of others: carried from sources, added by option, and never in the place of OME-Zarr's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray
import zarr

import pyramid
from pyramid.errors import OptionError

PIXELS = np.arange(30 * 40, dtype="uint16").reshape(30, 40)
FOREIGN: dict[str, Any] = {"lab": "B3", "stain": {"name": "HE", "at": [1, 2.5, None]}}


def attributes_of(path: Path) -> dict[str, Any]:
    return zarr.open_group(path, mode="r", use_consolidated=False).attrs.asdict()


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
@pytest.mark.parametrize("to", ["0.4", "0.5", "0.6"])
def test_those_of_an_ome_zarr_are_carried(tmp_path: Path, version: str, to: str) -> None:
    first = pyramid.convert(PIXELS, tmp_path / "a.ome.zarr", ome_zarr_version=version, attributes=FOREIGN)
    assert first.name == "image"
    pyramid.convert(tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr", ome_zarr_version=to)
    found = attributes_of(tmp_path / "b.ome.zarr")
    assert {key: found[key] for key in FOREIGN} == FOREIGN
    assert ("ome" in found) == (to != "0.4")
    pyramid.download(str(tmp_path / "b.ome.zarr"), tmp_path / "c.ome.zarr")
    assert attributes_of(tmp_path / "c.ome.zarr") == found
    if to != "0.6":
        pyramid.upgrade(tmp_path / "c.ome.zarr", to="0.6")
        assert {key: attributes_of(tmp_path / "c.ome.zarr")[key] for key in FOREIGN} == FOREIGN


def sources(folder: Path) -> dict[str, object]:
    """An array with FOREIGN as its attributes, by library."""
    array = zarr.create_array(folder / "a.zarr", data=PIXELS, attributes=FOREIGN)
    with h5py.File(folder / "a.h5", "w") as file:
        file["a"] = PIXELS
        file["a"].attrs["lab"] = "B3"
        file["a"].attrs["numbers"] = np.arange(3)
    labelled = xarray.DataArray(PIXELS, dims=("y", "x"), attrs={**FOREIGN, "at": object()})
    return {"path": folder / "a.zarr", "array": array, "hdf5": f"{folder}/a.h5::/a", "xarray": labelled}


@pytest.mark.parametrize("kind", ["path", "array", "hdf5", "xarray"])
def test_those_of_an_array_become_those_of_the_group(tmp_path: Path, kind: str) -> None:
    pyramid.convert(sources(tmp_path)[kind], tmp_path / "b.ome.zarr")
    found = attributes_of(tmp_path / "b.ome.zarr")
    assert found["lab"] == "B3"
    assert found["numbers"] == [0, 1, 2] if kind == "hdf5" else found["stain"] == FOREIGN["stain"]


def test_what_cannot_be_carried_is_named(tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match="and not at"):
        pyramid.convert(sources(tmp_path)["xarray"], tmp_path / "b.ome.zarr")
    long = {"long": "x" * 2**21, "labels": ["nuclei"]}
    array = zarr.create_array(tmp_path / "l.zarr", data=PIXELS, attributes={**FOREIGN, **long})
    with pytest.warns(pyramid.PyramidWarning, match="attribute long of the array, attribute labels of the array"):
        pyramid.convert(array, tmp_path / "c.ome.zarr")
    assert attributes_of(tmp_path / "c.ome.zarr")["lab"] == "B3"


def test_those_of_a_file_are_added_and_beat_the_source(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps({"lab": "B4", "run": 7}))
    source: Any = sources(tmp_path)["path"]
    pyramid.convert(source, tmp_path / "b.ome.zarr", attributes=tmp_path / "f.json")
    found = attributes_of(tmp_path / "b.ome.zarr")
    assert (found["lab"], found["run"], found["stain"]) == ("B4", 7, FOREIGN["stain"])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"ome": {}}, "'ome' is a key of OME-Zarr"),
        ('{"multiscales": []}', "'multiscales' is a key of OME-Zarr"),
        ({"a": float("nan")}, "cannot be written as JSON"),
        ({"a": object()}, "cannot be written as JSON"),
        ("missing.json", "cannot be read"),
        ("[1]", "not a mapping"),
        ("{", "not JSON"),
        ({"a": "x" * 2**21}, "at most"),
    ],
)
def test_others_are_refused_before_anything_is_written(tmp_path: Path, value: Any, sentence: str) -> None:
    with pytest.raises(OptionError, match=f"^attributes: .*{sentence}"):
        pyramid.convert(PIXELS, tmp_path / "b.ome.zarr", attributes=value)
    assert not (tmp_path / "b.ome.zarr").exists()
