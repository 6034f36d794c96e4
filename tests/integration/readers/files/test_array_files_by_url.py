"""HDF5, .npz, NIfTI, NRRD and MRC at URLs: the pixels of the same files on disk, by ranges."""

from __future__ import annotations

from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest

from pyramid.errors import SourceError
from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.hdf5 import write_bdv, write_imaris
from tests.support.servers.web import WebServer, ranged, rangeless

PIXELS = np.random.default_rng(5).integers(0, 4000, (2, 2, 6, 64, 48)).astype("u2")
VOLUME = np.random.default_rng(6).integers(0, 4000, (32, 512, 512)).astype("u2")
NAMES = {  # and the number of the image, where there are several
    "a.ims": None,
    "a.h5": 1,
    "big.h5": None,
    "a.npz": None,
    "packed.npz::image": None,
    "a.nii": None,
    "a.nii.gz": None,
    "a.nrrd": None,
    "a.mrc": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_imaris(folder / "a.ims", [PIXELS], {"Image": {"Unit": "um"}})
    write_bdv(folder, PIXELS)
    with h5py.File(folder / "big.h5", "w") as file:
        file.create_dataset("raw", data=VOLUME, chunks=(4, 128, 128), compression="gzip")
    np.savez(folder / "a.npz", image=VOLUME)
    np.savez_compressed(folder / "packed.npz", image=VOLUME, other=VOLUME[0])
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(VOLUME.T, np.eye(4)), folder / name)
    nrrd.write(str(folder / "a.nrrd"), VOLUME.T, {"encoding": "raw"})
    with mrcfile.new(folder / "a.mrc") as mrc:
        mrc.set_data(VOLUME)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_at_a_url_holds_the_pixels_that_it_does_on_disk(name: str, folder: Path) -> None:
    options = Options(series=NAMES[name])
    here = open_source(f"{folder}/{name}", options)
    for serving in (ranged, rangeless):
        with serving(folder) as web:
            there = open_source(web.url(name), options)
            assert (there.spec.axes, there.spec.scale, there.spec.chunks) == (
                here.spec.axes,
                here.spec.scale,
                here.spec.chunks,
            )
            np.testing.assert_array_equal(read(there), read(here))


@pytest.mark.parametrize("name", ["big.h5", "a.npz", "a.nii", "a.nrrd", "a.mrc"])
def test_only_the_bytes_of_a_corner_are_fetched(name: str, folder: Path) -> None:
    with ranged(folder) as web:
        source = open_source(web.url(name), Options())
        web.log.clear()
        box = Box((0,) * 3, (4, 64, 64))
        out = np.empty(box.shape, source.spec.dtype)
        source.read(box, out)
        assert _fetched_bytes(web) < VOLUME.nbytes // 4


def _fetched_bytes(web: WebServer) -> int:
    spans = [request.byte_range.removeprefix("bytes=").split("-") for request in web.log.requests if request.byte_range]
    return sum(int(last) - int(first) + 1 for first, last in spans)


def test_what_is_not_there_is_said(folder: Path) -> None:
    with ranged(folder) as web:
        for name, match in {
            "gone.h5": "gone.h5 does not exist",
            "big.h5::/wor": "holds 'raw'",
            "a.xml": "is not read from a URL|neither as Zarr",
            "a.npz::imag": "did you mean",
        }.items():
            with pytest.raises(SourceError, match=match):
                open_source(web.url(name), Options())
