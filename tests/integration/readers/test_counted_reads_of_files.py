"""Bytes that are fetched for a corner of each kind of file that is not a TIFF, against those that hold the corner."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import pyramid
from pyramid.options.convert import make_options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.integration.readers.test_counted_reads import CHUNKS, fetched_bytes
from tests.support.hdf5 import write_bdv, write_imaris
from tests.support.paths import ROOT
from tests.support.servers.web import WebServer, ranged
from tests.support.vendors.czi import Tile, write_czi
from tests.support.vendors.lif import Image, write_lif
from tests.support.vendors.nd2 import depth_loop, write_nd2

PIXELS = np.random.default_rng(3).integers(0, 2**16, (8, 512, 768), "u2")  # noise, which no codec makes smaller
CORNER, TAKEN = "z=3:5,y=:128,x=:100", (slice(3, 5), slice(0, 128), slice(0, 100))
# What the table of sources names, and the ending of such a file here.
ENDINGS = {
    **{"TIFF": "tif", "CZI": "czi", "LIF": "lif", "ND2": "nd2", "HDF5": "h5", "Imaris": "ims", "BigDataViewer": "h5"},
    **{"npy": "npy", "npz": "npz", "NIfTI": "nii", "NRRD": "nrrd", "MRC": "mrc"},
    **{"N5": "n5", "Zarr": "zarr", "ozx": "ozx"},
}
SMALL_BYTES = 2**14  # of heads and indexes, for a chunk that is read; whole gaps of that size are read too


@dataclass(frozen=True)
class Kind:
    """A kind of file: its writer into a folder, its name with a path in it, and the pixels that are read at once."""

    name: str
    write: Callable[[Path], object]
    chunk: tuple[int, int, int]


def czi(folder: Path, name: str, compression: int) -> None:
    corners = [(z, y, x) for z in range(8) for y in range(0, 512, 128) for x in range(0, 768, 128)]
    write_czi(
        folder / name,
        [
            Tile(PIXELS[z, y : y + 128, x : x + 128], {"Z": z, "M": m}, y, x, compression)
            for m, (z, y, x) in enumerate(corners)
        ],
    )


def nd2(folder: Path, name: str, lossless: bool) -> None:
    write_nd2(folder / name, PIXELS[..., None], [depth_loop(8, 1.0)], lossless=lossless)


def hdf5(folder: Path, name: str, **options: Any) -> None:
    with h5py.File(folder / name, "w") as file:
        file.create_dataset("raw", data=PIXELS, **options)


def bdv(folder: Path) -> None:
    folder.mkdir()
    write_bdv(folder, PIXELS[None, None], chunks=(2, 64, 64))


def mrc(folder: Path) -> None:
    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(PIXELS)


def zarr(name: str, **options: Any) -> Callable[[Path], object]:
    chunks = {"z": 1, "y": 128, "x": 128}
    return lambda folder: pyramid.convert(PIXELS, folder / name, axes="zyx", chunks=chunks, levels=1, **options)


ROWS = (1, 1, 768)
KINDS = (
    Kind("a.czi", lambda folder: czi(folder, "a.czi", 0), (1, 1, 128)),
    Kind("zstd.czi", lambda folder: czi(folder, "zstd.czi", 5), (1, 128, 128)),
    Kind("lzw.czi", lambda folder: czi(folder, "lzw.czi", 2), (1, 128, 128)),
    Kind("a.lif", lambda folder: write_lif(folder / "a.lif", [Image("a", PIXELS, "ZYX")]), ROWS),
    Kind("a.nd2", lambda folder: nd2(folder, "a.nd2", lossless=False), ROWS),
    Kind("zlib.nd2", lambda folder: nd2(folder, "zlib.nd2", lossless=True), (1, 512, 768)),
    Kind("a.h5::raw", lambda folder: hdf5(folder, "a.h5"), ROWS),
    Kind("c.h5", lambda folder: hdf5(folder, "c.h5", chunks=(1, 128, 128), compression="gzip"), (1, 128, 128)),
    Kind("z.h5", lambda folder: hdf5(folder, "z.h5", chunks=(2, 128, 128), **hdf5plugin.Zstd()), (2, 128, 128)),
    Kind("a.ims", lambda folder: write_imaris(folder / "a.ims", [PIXELS[None, None]], {}), (16, 16, 16)),
    Kind("bdv/a.h5", lambda folder: bdv(folder / "bdv"), (2, 64, 64)),
    Kind("a.npy", lambda folder: np.save(folder / "a.npy", PIXELS), ROWS),
    Kind("a.npz::raw", lambda folder: np.savez(folder / "a.npz", raw=PIXELS), ROWS),
    Kind("a.nii", lambda folder: nibabel.save(nibabel.Nifti1Image(PIXELS.T, np.eye(4)), folder / "a.nii"), ROWS),
    Kind("a.nrrd", lambda folder: nrrd.write(str(folder / "a.nrrd"), PIXELS.T, {"encoding": "raw"}), ROWS),
    Kind("a.mrc", mrc, ROWS),
    Kind("a.n5", zarr("a.n5"), (1, 128, 128)),
    Kind("a.ome.zarr", zarr("a.ome.zarr", shards="none"), (1, 128, 128)),
    Kind("a.ozx", zarr("a.ozx", shards={"z": 8, "y": 512, "x": 768}), (1, 128, 128)),
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server of one image in every kind of file."""
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        kind.write(folder)
    with ranged(folder) as server:
        yield server


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_only_what_holds_a_corner_is_fetched(kind: Kind, web: WebServer) -> None:
    source = open_source(web.url(kind.name), make_options({"select": CORNER}))
    web.log.clear()
    found = read(source)
    np.testing.assert_array_equal(found.reshape(found.shape[-3:]), PIXELS[TAKEN])
    chunks = [-(-part.stop // n) - part.start // n for part, n in zip(TAKEN, kind.chunk, strict=True)]
    needed_bytes = int(np.prod(chunks) * np.prod(kind.chunk) * PIXELS.itemsize)
    assert fetched_bytes(web) <= 1.1 * needed_bytes + SMALL_BYTES * len(web.log.requests)
    assert fetched_bytes(web) < PIXELS.nbytes


def test_of_many_files_only_those_of_the_selection_are_read(tmp_path: Path) -> None:
    for z, plane in enumerate(PIXELS.repeat(16, 0)):
        tifffile.imwrite(tmp_path / f"a_z{z:03}.tif", plane[:64, :64])
    source = open_source(tmp_path, make_options({"select": "z=48:64:2"}))
    for z in range(128):
        if not (48 <= z < 64 and z % 2 == 0):
            (tmp_path / f"a_z{z:03}.tif").write_bytes(b"")
    np.testing.assert_array_equal(read(source), PIXELS.repeat(16, 0)[48:64:2, :64, :64])


def test_an_object_with_indices_is_asked_for_the_selection_alone() -> None:
    asked: list[Any] = []

    class Volume:
        shape, dtype, chunks = PIXELS.shape, PIXELS.dtype, (1, 128, 128)

        def __getitem__(self, index: Any) -> NDArray[Any]:
            part: NDArray[Any] = PIXELS[index]
            asked.append(part.size)
            return part

    source = open_source(Volume(), make_options({"select": CORNER}))
    np.testing.assert_array_equal(read(source), PIXELS[TAKEN])
    assert sum(asked) <= 1.1 * PIXELS[TAKEN].size


def test_each_kind_of_source_is_counted() -> None:
    files = {kind.name.partition("::")[0] for kind in KINDS} | set(CHUNKS)
    counted = {file.rpartition(".")[2] for file in files}
    rows = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8").partition("\n\n")[2].partition("\n\n")[0]
    documented = {ending for ending in ENDINGS if re.search(rf"\b{ending}\b", rows, re.IGNORECASE)}
    assert documented == set(ENDINGS)
    assert counted == set(ENDINGS.values())
