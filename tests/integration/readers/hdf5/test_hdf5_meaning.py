"""What HDF5, Imaris and BigDataViewer say of their images, and what is refused, each with a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
from numpy.typing import NDArray

import pyramid
from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.model import Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.hdf5.source import Hdf5Source
from pyramid.testing.sources import read
from tests.support.hdf5 import letters, write_bdv, write_imaris

PIXELS = np.random.default_rng(3).integers(0, 60000, (3, 2, 4, 33, 21)).astype("u2")
VOLUME = PIXELS[0, 0]
ABOUT: dict[str, dict[str, object]] = {
    "Image": {"ExtMin0": 10, "ExtMax0": 20.5, "ExtMin1": 0, "ExtMax1": 16.5, "ExtMin2": -2, "ExtMax2": 6, "Unit": "um"},
    "Channel 0": {"Name": "DAPI", "Color": "0.000 0.500 1.000", "ColorRange": "0.000 900.000"},
    "Channel 1": {"Name": "GFP", "LSMEmissionWavelength": "509"},
    "TimeInfo": {f"TimePoint{n + 1}": f"2020-01-01 00:0{n}:00.000" for n in range(3)},
}


def write(path: Path, data: NDArray[Any] = VOLUME, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["raw"] = data
        file["raw"].attrs.update(attributes)
    return path


def opened(source: object, **options: Any) -> Hdf5Source:
    found = open_source(source, Options(**options))
    assert isinstance(found, Hdf5Source)
    return found


def refuse(source: object, match: str, **options: Any) -> None:
    with pytest.raises(PyramidError, match=match) as raised:
        open_source(source, Options(**options))
    assert "\n" not in str(raised.value)
    assert "; " in str(raised.value) or str(raised.value).endswith("?")


def tags(*axes: tuple[str, float]) -> str:
    return json.dumps({"axes": [{"key": key, "typeFlags": 2, "resolution": size} for key, size in axes]})


def test_sizes_come_from_the_conventions_of_other_programs(tmp_path: Path) -> None:
    spec = opened(write(tmp_path / "a.h5", element_size_um=[2, 0.5, 0.25])).spec
    assert (spec.scale, spec.units) == ((2, 0.5, 0.25), ("micrometer",) * 3)
    spec = opened(write(tmp_path / "b.h5", resolution=[40, 4, 4], offset=[80, 0, 8], units=["nm"] * 3)).spec
    assert (spec.scale, spec.units, spec.translation) == ((40, 4, 4), ("nanometer",) * 3, (80, 0, 8))
    spec = opened(write(tmp_path / "c.h5", axistags=tags(("x", 0.5), ("y", 0.25), ("c", 0)))).spec
    assert (spec.axes, spec.shape, spec.scale) == ("cyx", (21, 33, 4), (None, 0.25, 0.5))
    spec = opened(write(tmp_path / "d.h5", element_size_um=[2, 0.5], made="today")).spec
    assert spec.scale == (None, None, None)
    assert "element_size_um does not give one size" in spec.notices[0]
    assert json.loads(spec.attributes) == {"made": "today"}


def test_names_of_dimensions_are_taken_if_they_are_those_of_axes(tmp_path: Path) -> None:
    assert opened(write(tmp_path / "a.h5", DIMENSION_LABELS=["t", "y", "x"])).spec.axes == "tyx"
    assert opened(write(tmp_path / "b.h5", DIMENSION_LABELS=["phony", "dim", ""])).spec.axes == "zyx"
    assert (
        opened(write(tmp_path / "c.h5", axistags="{", DIMENSION_LABELS=["c", "y", "x"]), axes="zyx").spec.axes == "zyx"
    )


def test_a_path_leads_to_an_array_and_a_wrong_one_to_the_nearest_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["group/other"] = VOLUME[0]
        file["soft"] = h5py.SoftLink("/group/other")
        file["loop"] = h5py.SoftLink("/loop")
        file["words"] = "hello"
        file["table"] = np.zeros((4, 4), [("a", "i4"), ("b", "f4")])
        file["refs"] = np.full((2, 2), file["raw"].ref, h5py.ref_dtype)
    refuse(path, r"holds 2 arrays.*a\.h5::/raw \(4x33x21 uint16\); .*a\.h5::/group/other")
    for inside in ("/group/other", "group/other/", "soft", "group"):
        np.testing.assert_array_equal(read(opened(f"{path}::{inside}")), VOLUME[0])
    refuse(f"{path}::/rwa", r"nothing at '/rwa'; did you mean .*a\.h5::/raw\?")
    refuse(f"{path}::/group/nothing", "/group holds 'other'")
    refuse(f"{path}::/raw/0", "is an array and holds no '0'")
    refuse(f"{path}::/loop", "in a circle")
    refuse(f"{path}::/words", "holds text, not pixels")
    refuse(f"{path}::/table", "a compound of 'a', 'b'")
    refuse(f"{path}::/refs", "references to other objects")
    refuse(f"{path}::/raw", "image 3 was requested", series=3)


def test_a_file_that_has_the_mark_in_its_name_is_that_file(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(opened(write(tmp_path / "a::b.h5"))), VOLUME)


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    write(tmp_path / "secret.h5", VOLUME + 1)
    write(folder / "part.h5")
    (folder / "alias.h5").symlink_to(tmp_path / "secret.h5")
    layouts = {name: h5py.VirtualLayout(VOLUME.shape, "u2") for name in ("../secret.h5", "gone.h5")}
    with h5py.File(folder / "a.h5", "w") as file:
        for name, target in {
            "part": "part.h5",
            "moved": "/no/such/folder/part.h5",
            "up": "../secret.h5",
            "absolute": str(tmp_path / "secret.h5"),
            "alias": "alias.h5",
            "gone": "gone.h5",
        }.items():
            file[name] = h5py.ExternalLink(target, "/raw")
        for number, (name, layout) in enumerate(layouts.items()):
            layout[...] = h5py.VirtualSource(name, "raw", VOLUME.shape)
            file.create_virtual_dataset(f"virtual{number}", layout)
        file.create_dataset("outside", VOLUME.shape, "u2", external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)])
    for name in ("part", "moved"):
        np.testing.assert_array_equal(read(opened(f"{folder}/a.h5::{name}")), VOLUME)
    for name in ("up", "absolute", "alias", "virtual0"):
        refuse(f"{folder}/a.h5::{name}", "is not in the folder .*, and not read")
    for name in ("gone", "virtual1"):
        refuse(f"{folder}/a.h5::{name}", "which is missing")
    refuse(f"{folder}/a.h5::outside", "keeps its pixels in another file.*h5repack")


def test_a_filter_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=VOLUME, chunks=(1, 8, 8), **hdf5plugin.Blosc2())
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda number: number < 256)
    refuse(tmp_path / "a.h5", r"the HDF5 filter 32026 \(blosc2\), which is not installed; pip install hdf5plugin")


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    refuse(path, r"h5py is needed to read it; install it with pip install 'ome-pyramid\[hdf5\]'")


WRITER = """
import sys, h5py
with h5py.File(sys.argv[1], "a") as file:
    print("open", flush=True)
    sys.stdin.read()
    file["raw"][0] = 7
"""


def test_a_file_that_is_being_written_is_refused_and_one_that_was_read_can_be_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    source = opened(path)
    read(source)
    with h5py.File(path, "a"):
        refuse(path, "is open for writing in this program; close it first")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"open\n"  # the reader has left nothing of it open
    refuse(path, "is open for writing in another program")
    writer.communicate(b"")
    np.testing.assert_array_equal(read(opened(path))[0], 7)
    with pytest.raises(SourceError, match="has changed since it was opened"):
        read(source)


def test_what_is_not_hdf5_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"PK\x03\x04 not at all")
    refuse(tmp_path / "a.h5", "is not HDF5, though its name says so: it is a zip archive")
    write(tmp_path / "b.h5")
    (tmp_path / "b.h5").write_bytes((tmp_path / "b.h5").read_bytes()[:3000])
    refuse(tmp_path / "b.h5", "shorter than its own header says")
    refuse(tmp_path / "c.h5::/raw", "c.h5 does not exist")


def test_imaris_gives_sizes_origins_times_and_channels(tmp_path: Path) -> None:
    write_imaris(tmp_path / "a.ims", [PIXELS, PIXELS[..., ::2, ::2]], ABOUT)
    source = opened(tmp_path / "a.ims")
    spec = source.spec
    assert (spec.axes, spec.shape, spec.chunks) == ("tczyx", PIXELS.shape, (1, 1, 4, 16, 16))
    assert spec.scale == (60, None, 2, 0.5, 0.5)
    assert spec.units == ("second", None, *["micrometer"] * 3)
    assert spec.translation == (0, 0, -1, 0.25, 10.25)  # the centre of the first voxel, where extents are of its edge
    assert spec.channels == (Channel("DAPI", "0080FF", shown=(0, 900)), Channel("GFP", emission_nm=509))
    (level,) = source.levels
    assert level.spec.shape == (3, 2, 4, 17, 11)
    np.testing.assert_array_equal(read(level), PIXELS[..., ::2, ::2])
    refuse(tmp_path / "a.ims", "leave axes=", axes="czyx")
    refuse(tmp_path / "a.ims", "image 1 was requested", series=1)


def test_imaris_without_what_it_should_have_is_said_or_refused(tmp_path: Path) -> None:
    write_imaris(tmp_path / "a.ims", [PIXELS], {"Image": {"ExtMin0": 0, "ExtMax0": "nan"}, "TimeInfo": {}})
    spec = opened(tmp_path / "a.ims").spec
    assert (spec.scale, spec.translation) == ((None,) * 5, ())
    assert len(spec.notices) == 4
    with h5py.File(tmp_path / "a.ims", "a") as file:
        del file["DataSet/ResolutionLevel 0/TimePoint 1/Channel 1"]
        file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"].attrs["ImageSizeX"] = letters(5000)
    refuse(tmp_path / "a.ims", "lacks 1 of 6 volumes.*TimePoint 1/Channel 1/Data")


def test_bigdataviewer_gives_sizes_and_origins(tmp_path: Path) -> None:
    source = opened(write_bdv(tmp_path, PIXELS, legacy=True), series=1)
    spec = source.spec
    assert (spec.axes, spec.shape, spec.name) == ("tzyx", (3, 4, 33, 21), "a set 1")
    assert (spec.scale, spec.units[1:], spec.translation) == ((None, 2, 0.5, 0.5), ("micrometer",) * 3, (0, 3, 2, 5))
    (level,) = source.levels
    assert (level.spec.scale, level.spec.translation) == ((None, 2, 1, 1), (0, 3, 2.25, 5.25))
    np.testing.assert_array_equal(read(level), PIXELS[:, 1, :, ::2, ::2])


def test_registrations_of_bigstitcher_are_in_its_smallest_voxel_edge(tmp_path: Path) -> None:
    spec = opened(write_bdv(tmp_path, PIXELS[:, :1], affine="1 0 0 1 0 1 0 2 0 0 4 3")).spec
    assert (spec.scale, spec.translation) == ((None, 2, 0.5, 0.5), (0, 1.5, 1, 2.5))


def test_a_registration_that_turns_is_said(tmp_path: Path) -> None:
    spec = opened(write_bdv(tmp_path, PIXELS[:, :1], affine="0.5 0.1 0 1 0 0.5 0 2 0 0 2 3", unit="parsnip")).spec
    assert (spec.scale, spec.translation, spec.units) == ((None, 2, 0.5, 0.5), (), (None,) * 4)
    assert ["parsnip" in spec.notices[0], "turns, shears" in spec.notices[1]] == [True, True]


def test_setups_are_chosen_and_missing_views_refused(tmp_path: Path) -> None:
    xml = write_bdv(tmp_path, PIXELS, missing=(1, 1))
    refuse(xml, r"holds 2 setups.*series=N, or .* \(0: set 0, channel DAPI, 4x33x21; 1: set 1, channel 1")
    refuse(xml, "no setup 7; it has 2", series=7)
    refuse(xml, r"setup 1 lacks the time points 1 \(MissingViews\)", series=1)
    np.testing.assert_array_equal(read(opened(xml, series=0)), PIXELS[:, 0])
    xml.write_text(xml.read_text().replace("MissingView t", "Other t"))
    refuse(xml, "lacks 1 of 3 volumes.*/t00001/s01/0/cells", series=1)
    xml.write_text(xml.read_text().replace("a.h5", "../a.h5"))
    refuse(xml, "is not in the folder", series=1)
    xml.write_text(xml.read_text().replace("bdv.hdf5", "bdv.n5"))
    refuse(xml, "format 'bdv.n5'", series=1)
    xml.write_text(xml.read_text().replace("<SpimData", "<!DOCTYPE a [<!ENTITY b 'c'>]><SpimData"))
    refuse(xml, "defines a document type", series=1)
    xml.unlink()
    spec = opened(tmp_path / "a.h5", series=0).spec
    assert "XML of BigDataViewer of the same name is missing" in spec.notices[-1]


def test_a_dataset_of_h5py_is_read_by_its_file_or_as_it_is(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "a.h5", element_size_um=[2, 1, 1])) as file:
        assert opened(file["raw"]).spec.scale == (2, 1, 1)
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        file["raw"] = VOLUME
        np.testing.assert_array_equal(read(open_source(file["raw"], Options())), VOLUME)


def test_hdf5_converts(tmp_path: Path) -> None:
    write_imaris(tmp_path / "a.ims", [PIXELS], ABOUT)
    image = pyramid.convert(tmp_path / "a.ims", tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(image.levels[0].data.compute(), PIXELS)
    assert [channel.label for channel in image.channels] == ["DAPI", "GFP"]
    with pytest.raises(OptionError, match="image 2 was requested"):
        pyramid.plan(tmp_path / "a.ims", series=2)
