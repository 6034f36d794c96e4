"""What NIfTI, NRRD and MRC say of sizes, origins and axes, and what is refused, each with a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest

from pyramid.errors import PyramidError
from pyramid.model import SourceSpec
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read

STORED = np.arange(5 * 6 * 7, dtype="i2").reshape(5, 6, 7)  # x, y, z as NIfTI and NRRD have them


def spec_of(path: Path, **options: Any) -> SourceSpec:
    return open_source(path, Options(**options)).spec


def refuse(source: object, match: str, **options: Any) -> None:
    with pytest.raises(PyramidError, match=match) as raised:
        open_source(source, Options(**options))
    assert "\n" not in str(raised.value)


def nifti(path: Path, affine: Any, stored: Any = STORED) -> Path:
    image = nibabel.Nifti1Image(stored, affine)
    image.header.set_xyzt_units("mm", "msec")
    nibabel.save(image, path)
    return path


def test_an_affine_along_the_axes_gives_sizes_and_origins(tmp_path: Path) -> None:
    spec = spec_of(nifti(tmp_path / "a.nii", [[-2, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]]))
    assert (spec.axes, spec.scale, spec.units) == ("zyx", (4, 3, 2), ("millimeter",) * 3)
    assert spec.translation == (30, 20, -10)
    assert "x to the left, y to the front, z to the top" in spec.notices[0]


def test_an_affine_that_swaps_dimensions_names_them_by_space(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", [[0, 2, 0, 1], [0, 0, 3, 2], [4, 0, 0, 3], [0, 0, 0, 1]])
    spec = spec_of(path)
    assert (spec.axes, spec.shape, spec.scale) == ("zyx", (5, 7, 6), (4, 3, 2))
    canonical = nibabel.as_closest_canonical(nibabel.load(path))  # x, y, z of space, by nibabel
    np.testing.assert_array_equal(read(open_source(path, Options())), np.asarray(canonical.dataobj).T)
    np.testing.assert_allclose(spec.translation[::-1], canonical.affine[:3, 3])


def test_an_oblique_affine_is_said_and_gives_sizes_only(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", [[2, 0.3, 0, 1], [-0.3, 2, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])
    spec = spec_of(path)
    sizes = nibabel.load(path).header.get_zooms()[::-1]
    np.testing.assert_allclose(np.array(spec.scale, float), sizes)
    assert spec.translation == ()
    assert "oblique" in spec.notices[0]


def test_times_colors_and_calibration_of_nifti(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6, 3), "f4"), np.eye(4))
    image.header["pixdim"][4] = 1.5
    image.header.set_xyzt_units("micron", "sec")
    nibabel.save(image, path)
    assert (spec_of(path).axes, spec_of(path).scale[0], spec_of(path).units[0]) == ("tzyx", 1.5, "second")
    assert spec_of(path, axes="czyx").scale[0] is None
    colors = np.zeros((4, 5, 6), [(name, "u1") for name in "RGB"])
    colors["G"] = np.arange(120).reshape(4, 5, 6)
    nibabel.save(nibabel.Nifti1Image(colors, np.eye(4)), path)
    np.testing.assert_array_equal(read(open_source(path, Options()))[1], colors["G"].T)
    scaled = nibabel.Nifti1Image(STORED, np.eye(4))
    scaled.header.set_slope_inter(0.5, 3)
    nibabel.save(scaled, path)
    assert "calibration 0.5 * value + 3" in spec_of(path).notices[-1]


def test_nrrd_gives_sizes_units_and_axes(tmp_path: Path) -> None:
    path = str(tmp_path / "a.nrrd")
    nrrd.write(
        path, STORED, {"spacings": [1, 2, 3], "units": ["um", "um", "parsnip"], "owner": "me", "encoding": "raw"}
    )
    spec = spec_of(Path(path))
    assert (spec.scale, spec.units) == ((3, 2, 1), (None, "micrometer", "micrometer"))
    assert [("parsnip" in text) or ("owner" in text) for text in spec.notices] == [True, True]
    about = {
        "kinds": ["RGB-color", "domain", "domain", "domain"],
        "space": "left-posterior-superior",
        "space directions": np.array([[np.nan] * 3, [2, 0, 0], [0, -3, 0], [0, 0, 4.0]]),
        "space origin": [10, 20, 30],
        "space units": ["mm", "mm", "mm"],
    }
    colors = np.random.default_rng(0).integers(0, 255, (3, 5, 6, 7)).astype("u1")
    nrrd.write(path, colors, {**about, "encoding": "raw"})
    spec = spec_of(Path(path))
    assert (spec.axes, spec.scale, spec.translation) == ("czyx", (None, 4, 3, 2), (0, 30, -20, 10))
    assert "left-posterior-superior: x forwards, y backwards" in spec.notices[-1]


def test_mrc_gives_sizes_in_angstroms_and_stacks_of_volumes(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(STORED)
        file.voxel_size = (1, 2, 3)
        file.header.origin = (10, 20, 30)
    spec = spec_of(tmp_path / "a.mrc")
    assert (spec.scale, spec.units, spec.translation) == ((3, 2, 1), ("angstrom",) * 3, (30, 20, 10))
    with mrcfile.new(tmp_path / "b.mrc") as file:
        file.set_data(np.stack([STORED, STORED + 1]))
        file.header.mapc, file.header.mapr = 2, 1  # rows along x, columns along y
    source = open_source(tmp_path / "b.mrc", Options())
    assert "stack of 2 volumes" in source.spec.notices[0]
    np.testing.assert_array_equal(read(source), np.stack([STORED, STORED + 1]).swapaxes(2, 3))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    whole = nifti(tmp_path / "a.nii", np.eye(4)).read_bytes()
    (tmp_path / "cut.nii").write_bytes(whole[:400])
    refuse(tmp_path / "cut.nii", "has 400 bytes, and its header says 772")
    nifti(tmp_path / "b.nii.gz", np.eye(4))
    (tmp_path / "cut.nii.gz").write_bytes((tmp_path / "b.nii.gz").read_bytes()[:-20])
    with pytest.raises(PyramidError, match="ends within its compressed data"):
        read(open_source(tmp_path / "cut.nii.gz", Options()))
    (tmp_path / "a.nrrd").write_bytes(b"hello")
    refuse(tmp_path / "a.nrrd", "though its name says so: it is text")
    nrrd.write(str(tmp_path / "text.nrrd"), STORED, {"encoding": "ascii"})
    refuse(tmp_path / "text.nrrd", "stores its pixels as 'ascii'; save it as raw or gzip")
    nrrd.write(str(tmp_path / "b.nhdr"), STORED)
    (tmp_path / "b.nhdr").write_text((tmp_path / "b.nhdr").read_text().replace("b.raw", "../b.raw"))
    refuse(tmp_path / "b.nhdr", "is not in its folder|which is missing|not in")
    refuse(f"{tmp_path}/a.nii::0", "not of a kind with paths in it")
    refuse(tmp_path / "a.nii", "image 2 was requested", series=2)
    (tmp_path / "c.map").write_bytes(bytes(2000))
    refuse(tmp_path / "c.map", "not of a kind that can be read")


def test_a_missing_library_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nifti(tmp_path / "a.nii", np.eye(4))
    monkeypatch.setitem(sys.modules, "nibabel", None)
    refuse(tmp_path / "a.nii", r"nibabel is needed to read it; install it with pip install 'ome-pyramid\[volumes\]'")
