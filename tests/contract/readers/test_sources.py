from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from pyramid.model import Source
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import SourceContract


def pixels(shape: tuple[int, ...], dtype: str = "uint16") -> NDArray[Any]:
    """Values that differ from neighbour to neighbour on every axis, and fit any dtype."""
    values = np.random.default_rng(len(shape)).integers(0, 120, shape)
    return (values % 2 if dtype == "bool" else values).astype(dtype)


def canonical(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """`array` of `axes` in the order of tczyx and in native byte order."""
    ordered = array.transpose([axes.index(axis) for axis in "tczyx" if axis in axes])
    return ordered.astype(ordered.dtype.newbyteorder("="))


@dataclass
class Case:
    """An array, the axes that it is opened with, and what makes the source of it."""

    array: NDArray[Any]
    axes: str
    make: Callable[[NDArray[Any], Path], object]
    say_axes: bool = True

    def open(self, folder: Path) -> Source:
        return open_source(self.make(self.array, folder), Options(axes=self.axes if self.say_axes else None))


def npy(array: NDArray[Any], folder: Path) -> Path:
    np.save(folder / "a.npy", array)
    return folder / "a.npy"


ARRAYS = {
    "yx": Case(pixels((33, 21)), "yx", lambda a, _: a, say_axes=False),
    "five axes": Case(pixels((2, 3, 2, 9, 8), "uint8"), "tczyx", lambda a, _: a, say_axes=False),
    "rgb last": Case(pixels((9, 8, 3), "uint8"), "yxc", lambda a, _: a),
    "big endian": Case(pixels((4, 9, 8)).astype(">u2"), "zyx", lambda a, _: a),
    "strided": Case(pixels((8, 18, 16), "float32")[::2, ::-1, ::3], "zyx", lambda a, _: a),
    "npy": Case(pixels((4, 33, 21)), "zyx", npy, say_axes=False),
    "npy in Fortran's order": Case(np.asfortranarray(pixels((3, 33, 21))), "cyx", npy),
    "npy of the other byte order": Case(pixels((33, 21, 3)).astype(">f4"), "yxc", npy),
    "npy of float16": Case(pixels((5, 7), "float16"), "yx", npy),
    "npy of bool": Case(pixels((5, 7), "bool"), "yx", npy),
}
DASKS = {
    "regular": Case(pixels((4, 33, 21)), "zyx", lambda a, _: da.from_array(a, chunks=(2, 16, 8))),
    "ragged": Case(pixels((9, 10), "bool"), "yx", lambda a, _: da.from_array(a, chunks=((2, 7), (1, 5, 4)))),
    "rgb last": Case(pixels((9, 8, 3), "uint8"), "yxc", lambda a, _: da.from_array(a, chunks=(4, 4, 3))),
    "big endian": Case(pixels((9, 8)).astype(">i4"), "yx", lambda a, _: da.from_array(a, chunks=4)),
}


def zarr_array(array: NDArray[Any], folder: Path, **options: Any) -> Path:
    made = zarr.create_array(folder / "a.zarr", shape=array.shape, dtype=array.dtype, **options)
    made[...] = array
    return folder / "a.zarr"


def zarr_object(array: NDArray[Any], _: Path) -> object:
    made = zarr.create_array({}, shape=array.shape, chunks=(3, 5, 4), dtype=array.dtype, dimension_names="ZYX")
    made[...] = array
    return made


ZARRS = {
    "v2": Case(pixels((4, 33, 21)), "zyx", lambda a, f: zarr_array(a, f, chunks=(2, 16, 8), zarr_format=2)),
    "v2 big endian": Case(
        pixels((9, 8)).astype(">u2"), "yx", lambda a, f: zarr_array(a, f, chunks=(4, 4), zarr_format=2)
    ),
    "v3 sharded": Case(pixels((33, 21)), "yx", lambda a, f: zarr_array(a, f, chunks=(4, 4), shards=(16, 8))),
    "v3 of named dimensions": Case(
        pixels((9, 8, 3), "uint8"),
        "yxc",
        lambda a, f: zarr_array(a, f, chunks=(4, 4, 3), dimension_names=("y", "x", "c")),
        say_axes=False,
    ),
    "an open array": Case(pixels((4, 9, 8), "float64"), "zyx", zarr_object, say_axes=False),
}


class ReaderContract(SourceContract):
    """A contract whose case says how the source is made."""

    @pytest.fixture
    def source(self, case: Case, opened: dict[int, Source], tmp_path_factory: pytest.TempPathFactory) -> Source:
        if id(case) not in opened:
            opened[id(case)] = case.open(tmp_path_factory.mktemp("case"))
        return opened[id(case)]

    @pytest.fixture
    def expected(self, case: Case) -> NDArray[Any]:
        return canonical(case.array, case.axes)


@pytest.fixture(scope="module")
def opened() -> dict[int, Source]:
    """Sources by the identity of their case: each file is written once."""
    return {}


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return cast("Case", request.param)


def cases(table: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", table.values(), ids=table.keys(), indirect=True)


def files_of(array: NDArray[Any], folder: Path, axes: str, **options: Any) -> Path:
    """A folder with a TIFF for each index on `axes`, the first of the array, and what does not belong to it."""
    for index in np.ndindex(array.shape[: len(axes)]):
        parts = "_".join(f"{axis}{9 + 5 * i if axis == 'z' else i:02d}" for axis, i in zip(axes, index, strict=True))
        tifffile.imwrite(folder / f"img_{parts}.tif", array[index], **{"photometric": "minisblack", **options})
    (folder / "Thumbs.db").write_bytes(b"others")
    (folder / "._img.tif").write_bytes(b"others")
    return folder


FILES = {
    "planes by time": Case(pixels((12, 33, 21)), "tyx", lambda a, f: files_of(a, f, "t"), say_axes=False),
    "three axes in any order": Case(
        pixels((2, 3, 2, 33, 21)), "zctyx", lambda a, f: files_of(a, f, "zct", compression="zlib"), say_axes=False
    ),
    "a stack each": Case(pixels((3, 2, 5, 33, 21)), "tczyx", lambda a, f: files_of(a, f, "tc"), say_axes=False),
    "colours": Case(
        pixels((4, 33, 21, 3), "uint8"), "zyxc", lambda a, f: files_of(a, f, "z", photometric="rgb"), say_axes=False
    ),
    "tiles": Case(pixels((2, 50, 40)), "cyx", lambda a, f: files_of(a, f, "c", tile=(16, 32)), say_axes=False),
    "stacks whose axes are given": Case(pixels((2, 4, 33, 21)), "ctyx", lambda a, f: files_of(a, f, "c")),
}


@cases(FILES)
class TestFiles(ReaderContract):
    pass


@cases(ARRAYS)
class TestArrays(ReaderContract):
    pass


@cases(DASKS)
class TestDask(ReaderContract):
    pass


@cases(ZARRS)
class TestZarr(ReaderContract):
    pass


@dataclass
class Tiff:
    """What a TIFF is written with; `axes` are what the reader is to find."""

    shape: tuple[int, ...]
    axes: str
    dtype: str = "uint16"
    options: dict[str, Any] = field(default_factory=dict)
    suffix: str = ".tif"
    letters: str | None = None

    def case(self) -> Case:
        def write(array: NDArray[Any], folder: Path) -> Path:
            path = folder / f"a{self.suffix}"
            metadata = {"axes": self.letters} if self.letters else None
            options = {"metadata": metadata, "photometric": "minisblack"} | self.options
            tifffile.imwrite(path, array, **options)
            return path

        return Case(pixels(self.shape, self.dtype), self.axes, write, say_axes=False)


RGB = {"photometric": "rgb"}
TIFFS = {
    "one strip": Tiff((33, 21), "yx"),
    "one-row strips": Tiff((33, 21), "yx", options={"rowsperstrip": 1}),
    "compressed one-row strips": Tiff((33, 21), "yx", options={"rowsperstrip": 1, "compression": "lzw"}),
    "pages": Tiff((5, 33, 21), "zyx"),
    "pages of compressed strips": Tiff((5, 33, 21), "zyx", options={"rowsperstrip": 8, "compression": "zlib"}),
    "plain tiles": Tiff((50, 40), "yx", options={"tile": (16, 32)}),
    "tiles that are one run": Tiff((48, 32), "yx", options={"tile": (16, 32)}),
    "interleaved": Tiff((33, 21, 3), "yxc", "uint8", RGB),
    "interleaved tiles": Tiff((50, 40, 3), "yxc", "uint8", RGB | {"tile": (16, 16), "compression": "zstd"}),
    "interleaved pages": Tiff((4, 33, 21, 4), "zyxc", "uint8", RGB | {"extrasamples": ["unassalpha"]}),
    "planar": Tiff((3, 33, 21), "cyx", options=RGB | {"planarconfig": "separate"}),
    "planar tiles": Tiff((3, 50, 40), "cyx", options=RGB | {"planarconfig": "separate", "tile": (16, 32)}),
    "planar compressed pages": Tiff(
        (2, 3, 20, 24), "zcyx", options=RGB | {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 7}
    ),
    "big endian": Tiff((5, 33, 21), "zyx", options={"byteorder": ">"}),
    "big endian BigTIFF tiles": Tiff(
        (50, 40),
        "yx",
        "float32",
        {"byteorder": ">", "bigtiff": True, "tile": (16, 16), "predictor": True, "compression": "zlib"},
    ),
    "big endian of strips": Tiff((33, 21), "yx", "int32", {"byteorder": ">", "rowsperstrip": 5}),
    "volume tiles": Tiff(
        (20, 40, 36), "zyx", options={"tile": (16, 16, 16), "volumetric": True, "compression": "zlib"}
    ),
    "bilevel": Tiff((33, 21), "yx", "bool"),
    "ImageJ hyperstack": Tiff((3, 4, 2, 20, 18), "tzcyx", options={"imagej": True}),
    "OME-TIFF": Tiff((3, 2, 4, 20, 18), "tczyx", suffix=".ome.tif", letters="TCZYX"),
    "OME-TIFF in another order": Tiff((2, 4, 20, 18), "czyx", suffix=".ome.tif", letters="CZYX", options={"ome": True}),
    "shaped, time first": Tiff((4, 3, 20, 18), "tcyx", letters="TCYX"),
    "shaped, x before y": Tiff((4, 20, 18), "zyx", letters="ZYX", options={"compression": "zlib"}),
} | {
    f"{kind} of {dtype}": Tiff((20, 24), "yx", dtype, options)
    for dtype in ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
    for kind, options in {"plain": {}, "zlib tiles": {"tile": (16, 16), "compression": "zlib"}}.items()
}


@cases({name: tiff.case() for name, tiff in TIFFS.items()})
class TestTiff(ReaderContract):
    pass
