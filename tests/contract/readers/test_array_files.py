from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import tensorstore
import xarray
from numpy.typing import NDArray

from pyramid.model import Source
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import SourceContract
from tests.support.hdf5 import write_bdv, write_imaris


def pixels(shape: tuple[int, ...], dtype: str = "uint16") -> NDArray[Any]:
    return np.random.default_rng(len(shape)).integers(0, 120, shape).astype(dtype)


HDF5 = {
    "one run": {},
    "chunks": {"chunks": (2, 16, 8)},
    "gzip and shuffle": {"chunks": (2, 16, 8), "compression": "gzip", "shuffle": True},
    "all checked": {"chunks": (3, 33, 5), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"chunks": (1, 7, 21), "compression": "lzf"},
    "by the library": {"chunks": (2, 16, 8), "scaleoffset": 0},
    "blosc": {"chunks": (2, 16, 8), **hdf5plugin.Blosc("zstd", 5, 2)},
    "blosc2": {"chunks": (2, 16, 8), **hdf5plugin.Blosc2()},
    "bitshuffle": {"chunks": (2, 16, 7), **hdf5plugin.Bitshuffle()},
    "bitshuffle and zstd": {"chunks": (2, 16, 7), **hdf5plugin.Bitshuffle(cname="zstd")},
    "bitshuffle only": {"chunks": (2, 16, 8), **hdf5plugin.Bitshuffle(cname="none")},
    "lz4": {"chunks": (2, 16, 8), **hdf5plugin.LZ4(64)},
    "zstd": {"chunks": (2, 16, 8), **hdf5plugin.Zstd()},
}


@pytest.mark.parametrize("dtype", ["<u2", ">f4"])
@pytest.mark.parametrize("options", HDF5.values(), ids=HDF5.keys())
class TestHdf5(SourceContract):
    @pytest.fixture
    def expected(self, options: dict[str, Any], dtype: str, tmp_path: Path) -> NDArray[Any]:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("raw", data=pixels((5, 33, 21)).astype(dtype), **options)
        with h5py.File(tmp_path / "a.h5") as file:
            stored: NDArray[Any] = file["raw"][...]
        return stored.astype(stored.dtype.newbyteorder("="))

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        return open_source(tmp_path / "a.h5::/raw", Options())


class TestVirtualHdf5(SourceContract):
    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        return pixels((2, 5, 33, 21))

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        layout = h5py.VirtualLayout(expected.shape, "u2")
        for number, part in enumerate(expected):
            with h5py.File(tmp_path / f"{number}.h5", "w") as file:
                file["raw"] = part
            layout[number] = h5py.VirtualSource(f"{number}.h5", "raw", part.shape)
        with h5py.File(tmp_path / "all.h5", "w") as file:
            file.create_virtual_dataset("all", layout)
        return open_source(tmp_path / "all.h5", Options())


class TestSparseHdf5(SourceContract):
    """Chunks that were never written, and a block of the user's before the file."""

    @pytest.fixture
    def expected(self, tmp_path: Path) -> NDArray[Any]:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("a", (9, 33, 21), "i2", chunks=(1, 8, 8), fillvalue=-7)[3, 5:9] = 1
        with h5py.File(tmp_path / "a.h5") as file:
            return np.asarray(file["a"])

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        return open_source(tmp_path / "a.h5", Options())


class TestHdf5OfMatlab(SourceContract):
    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        return pixels((3, 33, 21))

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
            stored = file.create_dataset("a", data=expected.transpose(0, 2, 1), chunks=(1, 8, 8))
            stored.attrs["MATLAB_class"] = np.bytes_("uint16")
        return open_source(tmp_path / "a.mat", Options())


class TestImaris(SourceContract):
    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        return pixels((3, 2, 5, 33, 21))

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        write_imaris(tmp_path / "a.ims", [expected, expected[..., ::2, ::2]], {"Image": {"Unit": "um"}})
        return open_source(tmp_path / "a.ims", Options())


@pytest.mark.parametrize("name", ["a.xml", "a.h5"])
@pytest.mark.parametrize("legacy", [False, True])
class TestBigDataViewer(SourceContract):
    @pytest.fixture
    def all_pixels(self) -> NDArray[Any]:
        return pixels((3, 2, 5, 33, 21)) * np.uint16(500)

    @pytest.fixture
    def expected(self, all_pixels: NDArray[Any]) -> NDArray[Any]:
        return all_pixels[:, 1]

    @pytest.fixture
    def source(self, all_pixels: NDArray[Any], name: str, legacy: bool, tmp_path: Path) -> Source:
        write_bdv(tmp_path, all_pixels, legacy=legacy)
        return open_source(tmp_path / name, Options(series=1))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
class TestNpz(SourceContract):
    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        return pixels((5, 33, 21))

    @pytest.fixture
    def source(self, expected: NDArray[Any], save: Any, order: Any, tmp_path: Path) -> Source:
        save(tmp_path / "a.npz", other=np.zeros(3), image=np.asarray(expected, order=order))
        return open_source(tmp_path / "a.npz::image", Options())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.img"])
class TestNifti(SourceContract):
    @pytest.fixture
    def expected(self, name: str, tmp_path: Path) -> NDArray[Any]:
        stored = pixels((21, 33, 5, 4), ">i2")
        kind = nibabel.Nifti1Pair if name == "a.img" else nibabel.Nifti1Image
        nibabel.save(kind(stored, np.diag([2, 3, 4, 1])), tmp_path / name)
        again: NDArray[Any] = np.asarray(nibabel.load(tmp_path / name).dataobj)
        return again.T.astype("i2")

    @pytest.fixture
    def source(self, expected: NDArray[Any], name: str, tmp_path: Path) -> Source:
        return open_source((tmp_path / name).with_suffix(".hdr") if name == "a.img" else tmp_path / name, Options())


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
class TestNrrd(SourceContract):
    @pytest.fixture
    def expected(self, name: str, encoding: str, tmp_path: Path) -> NDArray[Any]:
        nrrd.write(str(tmp_path / name), pixels((21, 33, 5), ">u4"), {"encoding": encoding, "endian": "big"})
        return np.asarray(nrrd.read(str(tmp_path / name))[0]).T.astype("u4")

    @pytest.fixture
    def source(self, expected: NDArray[Any], name: str, tmp_path: Path) -> Source:
        return open_source(tmp_path / name, Options())


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f2"])
@pytest.mark.parametrize("compression", [None, "gzip", "bzip2"])
class TestMrc(SourceContract):
    @pytest.fixture
    def expected(self, dtype: str, compression: Any, tmp_path: Path) -> NDArray[Any]:
        path = tmp_path / ("a.mrc" + {None: "", "gzip": ".gz", "bzip2": ".bz2"}[compression])
        with mrcfile.new(path, compression=compression) as file:
            file.set_data(pixels((5, 33, 21), dtype))
            file.set_volume()
        return np.array(mrcfile.read(path))

    @pytest.fixture
    def source(self, expected: NDArray[Any], tmp_path: Path) -> Source:
        return open_source(next(tmp_path.glob("a.mrc*")), Options())


class Volume:
    """An object as of a library that nobody knows."""

    chunks = (1, 16, 8)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, index: Any) -> NDArray[Any]:
        part: NDArray[Any] = self.array[index]
        return part


class LazyVariable:
    """What makes an array of xarray that is not read yet."""

    def __new__(cls, array: NDArray[Any]) -> Any:
        lazy = xarray.core.indexing.LazilyIndexedArray(xarray.core.indexing.NumpyIndexingAdapter(array))
        return xarray.DataArray(xarray.Variable(("z", "y", "x"), lazy))


@pytest.mark.parametrize("kind", [Volume, tensorstore.array, LazyVariable], ids=["own", "tensorstore", "xarray"])
class TestArrayLike(SourceContract):
    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        return pixels((5, 33, 21))

    @pytest.fixture
    def source(self, expected: NDArray[Any], kind: Any) -> Source:
        return open_source(kind(expected), Options())
