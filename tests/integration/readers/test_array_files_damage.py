"""Files that are cut, or have bytes changed: each gives pixels, or a sentence; never another error, never a warning."""

from __future__ import annotations

import random
from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest

from pyramid.errors import PyramidError
from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from tests.support.hdf5 import write_bdv, write_imaris

PIXELS = np.random.default_rng(1).integers(0, 100, (2, 2, 5, 33, 21)).astype("u2")
VOLUME = PIXELS[0, 0]
NAMES = ["a.h5", "latest.h5", "a.ims", "bdv.h5", "a.xml", "a.npz", "packed.npz", "a.nii", "a.nii.gz", "a.nrrd", "a.mrc"]
HEAD_BYTES = 4000  # where most of what is parsed is
TRIES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_imaris(folder / "a.ims", [PIXELS, PIXELS[..., ::2, ::2]], {"Image": {"Unit": "um"}})
    write_bdv(folder, PIXELS)
    (folder / "a.h5").rename(folder / "bdv.h5")
    for name, version in {"a.h5": "earliest", "latest.h5": "latest"}.items():
        with h5py.File(folder / name, "w", libver=version) as file:
            file.create_dataset("raw", data=VOLUME, chunks=(2, 16, 8), compression="gzip", shuffle=True)
            file["raw"].attrs["element_size_um"] = [1, 2, 3]
    np.savez(folder / "a.npz", image=VOLUME)
    np.savez_compressed(folder / "packed.npz", image=VOLUME)
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(VOLUME, np.eye(4)), folder / name)
    nrrd.write(str(folder / "a.nrrd"), VOLUME)
    with mrcfile.new(folder / "a.mrc") as mrc:
        mrc.set_data(VOLUME)
    return folder


def damaged(data: bytes, number: int, chance: random.Random) -> bytes:
    if number % 4 == 0:
        return data[: chance.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place = chance.randrange(min(len(data), HEAD_BYTES if number % 2 else len(data)))
        changed[place] = chance.choice([0, 255, chance.randrange(256), changed[place] ^ 1 << chance.randrange(8)])
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_gives_pixels_or_a_sentence(name: str, folder: Path, tmp_path: Path) -> None:
    data, chance = (folder / name).read_bytes(), random.Random(7)
    refusals = []
    for number in range(TRIES):
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(damaged(data, number, chance))
        try:
            source = open_source(path, Options(series=0))
            shape = tuple(min(n, 64) for n in source.spec.shape)
            source.read(Box((0,) * len(shape), shape), np.empty(shape, source.spec.dtype))
        except PyramidError as error:
            refusals.append(str(error))
        path.unlink()
    assert refusals
    assert not any("\n" in text for text in refusals)
