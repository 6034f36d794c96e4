"""HDF5 files as Imaris and BigDataViewer lay them out, by the public descriptions of their formats."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

VIEW_SETUP = (
    "<ViewSetup><id>{number}</id><name>set {number}</name><size>{size}</size><voxelSize><unit>{unit}</unit>"
    "<size>0.5 0.5 2.0</size></voxelSize><attributes><channel>{number}</channel></attributes></ViewSetup>"
)
REGISTRATION = (
    '<ViewRegistration timepoint="{time}" setup="{number}"><ViewTransform type="affine"><affine>1 0 0 4 0 1 0 0 0 0 1 0'
    '</affine></ViewTransform><ViewTransform type="affine"><affine>{affine}</affine></ViewTransform></ViewRegistration>'
)


def letters(value: object) -> NDArray[Any]:
    """A text as Imaris stores it: an array of single letters."""
    return np.array([letter.encode() for letter in str(value)], "S1")


def write_imaris(path: Path, levels: list[NDArray[Any]], about: Mapping[str, Mapping[str, object]]) -> None:
    """Write levels of (t, c, z, y, x), padded to whole chunks, with the attributes of groups of ``DataSetInfo``."""
    with h5py.File(path, "w") as file:
        for number, level in enumerate(levels):
            for t, c in itertools.product(range(level.shape[0]), range(level.shape[1])):
                group = file.create_group(f"DataSet/ResolutionLevel {number}/TimePoint {t}/Channel {c}")
                padded = np.full([-(-n // 16) * 16 for n in level.shape[2:]], 999, level.dtype)
                padded[tuple(map(slice, level.shape[2:]))] = level[t, c]
                group.create_dataset("Data", data=padded, chunks=(16, 16, 16), compression="gzip")
                for axis, size in zip("ZYX", level.shape[2:], strict=True):
                    group.attrs[f"ImageSize{axis}"] = letters(size)
        for name, values in about.items():
            group = file.require_group(f"DataSetInfo/{name}")
            for key, value in values.items():
                group.attrs[key] = letters(value)


def write_bdv(
    folder: Path,
    pixels: NDArray[Any],
    *,
    legacy: bool = False,
    affine: str = "0.5 0 0 1 0 0.5 0 2 0 0 2 3",
    missing: tuple[int, int] | None = None,
    unit: str = "µm",
    chunks: tuple[int, int, int] = (2, 8, 8),
) -> Path:
    """Write (t, setup, z, y, x) of uint16 as ``a.h5`` and ``a.xml``, with a level of every second pixel in y and x."""
    times, setups = pixels.shape[:2]
    with h5py.File(folder / "a.h5", "w") as file:
        for number in range(setups):
            group = file.create_group(f"s{number:02d}")
            group["resolutions"] = np.array([[1, 1, 1], [2, 2, 1]], float)
            if not legacy:
                group.attrs["dataType"] = "uint16"
            for time in range(times):
                if (time, number) == missing:
                    continue
                for level, step in enumerate((1, 2)):
                    part = pixels[time, number, :, ::step, ::step].copy()
                    stored = part.view("int16") if legacy else part
                    place = f"t{time:05d}/s{number:02d}/{level}/cells"
                    file.create_dataset(place, data=stored, chunks=chunks, compression="gzip")
    views = list(itertools.product(range(times), range(setups)))
    size = " ".join(map(str, pixels.shape[:1:-1]))
    missing_view = f'<MissingView timepoint="{missing[0]}" setup="{missing[1]}"/>' if missing else ""
    (folder / "a.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><SpimData version="0.2"><SequenceDescription>'
        '<ImageLoader format="bdv.hdf5"><hdf5 type="relative">a.h5</hdf5></ImageLoader><ViewSetups>'
        + "".join(VIEW_SETUP.format(number=n, size=size, unit=unit) for n in range(setups))
        + '<Attributes name="channel"><Channel><id>0</id><name>DAPI</name></Channel></Attributes></ViewSetups>'
        + f'<Timepoints type="pattern"><integerpattern>0-{times - 1}</integerpattern></Timepoints>'
        + f"<MissingViews>{missing_view}</MissingViews></SequenceDescription><ViewRegistrations>"
        + "".join(REGISTRATION.format(time=t, number=n, affine=affine) for t, n in views)
        + "</ViewRegistrations></SpimData>",
        encoding="utf-8",
    )
    return folder / "a.xml"
