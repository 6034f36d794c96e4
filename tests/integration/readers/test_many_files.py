"""Many TIFFs as one image: names as programs write them, what is refused, and pixels against tifffile's own."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
import tifffile
from numpy.typing import NDArray

import pyramid
from pyramid.errors import OptionError, SourceError
from pyramid.model import Box, Source
from pyramid.options.convert import make_options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer

PLANE = (6, 9)


def write(folder: Path, names: Sequence[str], shape: tuple[int, ...] = PLANE, **options: Any) -> list[Path]:
    """Write a TIFF for each name, whose pixels are the number of its name in `names`."""
    paths = []
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.full(shape, number, "uint16"), **{"photometric": "minisblack", **options})
        paths.append(path)
    return paths


def opened(source: object, **options: Any) -> Source:
    return open_source(source, make_options(options))


def refused(source: object, **options: Any) -> str:
    with pytest.raises((SourceError, OptionError)) as caught:
        opened(source, **options)
    return str(caught.value)


def corner(source: Source) -> NDArray[Any]:
    """The first pixel of each plane."""
    return read(source)[..., 0, 0]


# Names as programs write them, in the order of their places; the axes, the extents before y and x, and the channels.
LAYOUTS: dict[str, tuple[list[str], str, tuple[int, ...], list[str | None]]] = {
    "letters": (
        [f"img_t{t:03d}_c{c}_z{z:02d}.tif" for t in (1, 2) for c in (1, 2) for z in (5, 6, 7)],
        "tczyx",
        (2, 2, 3),
        [],
    ),
    "no padding": ([f"t{t}.tif" for t in range(1, 13)], "tyx", (12,), []),
    "steps from zero": ([f"stack_z{z:03d}.tif" for z in range(0, 50, 10)], "zyx", (5,), []),
    "dyes": (
        [f"cells_{c}_z{z}.tif" for c in ("Cy3", "Cy5", "DAPI") for z in (0, 1)],
        "czyx",
        (3, 2),
        ["Cy3", "Cy5", "DAPI"],
    ),
    "folders": ([f"t{t:02d}/z{z:02d}.tif" for t in range(3) for z in range(2)], "tzyx", (3, 2), []),
    "letters in both": ([f"t{t:02d}/a_t{t:02d}_z{z}.TIF" for t in range(3) for z in range(2)], "tzyx", (3, 2), []),
    "MetaMorph": (
        [f"exp_w{c}_s1_t{t}.TIF" for t in (1, 2) for c in ("1Trans", "2FITC")],
        "tcyx",
        (2, 2),
        ["Trans", "FITC"],
    ),
    "Micro-Manager 1": (
        [f"img_{t:09d}_{c}_{z:03d}.tif" for t in range(2) for c in ("Ir", "Red-dye") for z in range(3)],
        "tczyx",
        (2, 2, 3),
        ["Ir", "Red-dye"],
    ),
    "Micro-Manager 2": (
        [
            f"img_channel{c:03d}_position000_time{t:09d}_z{z:03d}.tif"
            for t in range(2)
            for c in range(2)
            for z in range(2)
        ],
        "tczyx",
        (2, 2, 2),
        [],
    ),
    "Opera": (
        [f"r01c01f01p{z:02d}-ch{c}sk{t}fk1fl1.tiff" for t in (1, 2) for c in (1, 2) for z in (1, 2)],
        "tczyx",
        (2, 2, 2),
        [],
    ),
    "Leica": (
        [f"s_t{t:02d}_z{z:02d}_ch{c:02d}.tif" for t in (0, 1) for c in (0, 1) for z in (0, 1)],
        "tczyx",
        (2, 2, 2),
        [],
    ),
    "ImageXpress": ([f"Plate_A01_s2_w{c}.tif" for c in (1, 2, 3)], "cyx", (3,), []),
    "Incucyte": ([f"VID7_A1_1_{d:02d}d{h:02d}h00m.tif" for d in (0, 1) for h in (0, 6)], "tyx", (4,), []),
    "CellVoyager": (
        [f"P_A01_T{t:04d}F001L01A01Z{z:02d}C01.tif" for t in (1, 2) for z in (1, 2, 3)],
        "tzyx",
        (2, 3),
        [],
    ),
    "brackets and letters of other scripts": ([f"zé界[1]_{{x}}_z{z}.tif" for z in range(3)], "zyx", (3,), []),
}


@pytest.mark.parametrize(("names", "axes", "extents", "channels"), LAYOUTS.values(), ids=LAYOUTS)
def test_names_are_read_as_programs_write_them(
    names: list[str], axes: str, extents: tuple[int, ...], channels: list[str | None], tmp_path: Path
) -> None:
    write(tmp_path, names)
    source = opened(tmp_path)
    assert (source.spec.axes, source.spec.shape) == (axes, (*extents, *PLANE))
    np.testing.assert_array_equal(corner(source).ravel(), np.arange(len(names)))
    assert [channel.name for channel in source.spec.channels] == channels
    assert any("names of the files are read as" in notice for notice in source.spec.notices)


def test_pixels_are_those_of_tifffile(tmp_path: Path) -> None:
    names = [f"img_t{t}_z{z:02d}.tif" for t in (9, 10, 11) for z in (1, 2)]
    for number, name in enumerate(names):
        values = np.random.default_rng(number).integers(0, 65535, (40, 50), "uint16")
        tifffile.imwrite(tmp_path / name, values, compression="zlib", rowsperstrip=7)
    sequence = tifffile.TiffSequence(
        str(tmp_path / "*.tif"), pattern=r"_(t)(\d+)_(z)(\d+)", categories=None, axesorder=None
    )
    expected = sequence.asarray()  # by axes and numbers: t from 9 on, z from 1 on
    image = pyramid.convert(tmp_path, tmp_path.parent / "t.ome.zarr")
    np.testing.assert_array_equal(np.asarray(image.levels[0].data), expected[-3:, -2:])


@pytest.mark.parametrize(
    ("pattern", "names", "axes", "extents"),
    [
        ("img_{t:d}_{c}.tif", ["img_1_a.tif", "img_1_b.tif", "img_2_a.tif", "img_2_b.tif"], "tcyx", (2, 2)),
        ("{z:d}.tif", ["1.tif", "2.tif", "10.tif"], "zyx", None),
        ("{z}.tif", ["1.tif", "2.tif", "10.tif"], "zyx", (3,)),
        ("{c}/img_{z:d}.tif", ["B/img_1.tif", "B/img_2.tif", "G/img_1.tif", "G/img_2.tif"], "czyx", (2, 2)),
        ("*_{t:d}_*.tif", ["a_1_x7.tif", "b_2_y.tif"], "tyx", (2,)),
        ("{t:2d}{z:2d}.tif", ["0101.tif", "0102.tif", "0201.tif", "0202.tif"], "tzyx", (2, 2)),
        ("a{{b}}[{z:d}].tif", ["a{b}[1].tif", "a{b}[2].tif"], "zyx", (2,)),
        ("IMG_{z:d}.tif", ["img_1.TIF", "img_2.tif"], "zyx", (2,)),
        ("s1_z{z:d}.tif", ["s1_z1.tif", "s1_z2.tif", "s2_z1.tif", "s2_z2.tif"], "zyx", (2,)),
    ],
)
def test_a_pattern_reads_names(
    pattern: str, names: list[str], axes: str, extents: tuple[int, ...] | None, tmp_path: Path
) -> None:
    write(tmp_path, names)
    if extents is None:
        assert "7 of 10 files are missing: 3.tif, 4.tif, 5.tif" in refused(tmp_path, pattern=pattern)
        source = opened(tmp_path, pattern=pattern, fill_missing=True)
        assert corner(source).tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2]
        return
    source = opened(tmp_path, pattern=pattern)
    assert (source.spec.axes, source.spec.shape) == (axes, (*extents, *PLANE))
    count = int(np.prod(extents))
    np.testing.assert_array_equal(corner(source).ravel(), np.arange(count))
    left_out = [notice for notice in source.spec.notices if "not match the pattern" in notice]
    assert len(left_out) == (count < len(names))


def test_a_glob_takes_some_files(tmp_path: Path) -> None:
    write(tmp_path, [f"run{r}/z{z}.tif" for r in (1, 2) for z in range(3)])
    assert opened(tmp_path / "run2" / "*.tif").spec.shape == (3, *PLANE)
    assert opened(tmp_path / "run*" / "z[01].tif", pattern="run{t:d}/z{z:d}.tif").spec.shape == (2, 2, *PLANE)
    assert "does not exist" in refused(tmp_path / "run3*" / "*.tif")
    write(tmp_path / "run[7]", ["z1.tif", "z2.tif"])
    assert opened(tmp_path / "run[7]" / "z*.tif").spec.shape == (2, *PLANE)


def test_the_plan_shows_the_mapping(tmp_path: Path) -> None:
    write(tmp_path, [f"img_t{t:02d}_{c}.tif" for t in range(0, 40, 2) for c in ("DAPI", "GFP")])
    shown = str(pyramid.plan(tmp_path))
    for row in (
        "img_t{t:d}_{c}.tif",
        "t in the names  20 places: 0 to 38 by 2",
        "c in the names  2 places: DAPI, GFP",
        "40, from img_t00_DAPI.tif to img_t38_GFP.tif",
        "each other one is checked when it is read",
    ):
        assert row in shown


def test_what_is_missing_is_filled_and_said(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"t{t}_z{z}.tif" for t in range(2) for z in range(3)])
    paths[4].unlink()
    complaint = refused(tmp_path)
    assert "1 of 6 files are missing: t1_z1.tif" in complaint
    assert "fill_missing=True" in complaint
    source = opened(tmp_path, fill_missing=True)
    assert corner(source).tolist() == [[0, 1, 2], [3, 0, 5]]
    assert any("their pixels are 0" in notice for notice in source.spec.notices)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["p0.tif", "p1.tif"], 'say of what, as pattern="p{z:d}.tif"'),
        (["a.tif", "b.tif"], 'pattern="{c}.tif"'),
        (["t1.tif", "t01.tif", "t2.tif"], "are both for t"),
        (["a_1.tif", "b.tif"], "not made of the same parts"),
        (["A01_z1.tif", "A01_z2.tif", "B01_z1.tif", "B01_z2.tif"], "several sites (well A01, B01)"),
        (["s1_z1.tif", "s1_z2.tif", "s2_z1.tif", "s2_z2.tif"], 'with pattern="s1_z{z:d}.tif"'),
        (["x0_y0.tif", "x0_y1.tif", "x1_y0.tif", "x1_y1.tif"], "they are not stitched"),
        (["t20240101.tif", "t20240918.tif", "t20250302.tif"], "are not evenly spaced"),
        (["mouse1_z1.tif", "mouse1_z2.tif", "mouse2_z1.tif", "mouse2_z2.tif"], 'pattern="mouse{t:d}_z{z:d}.tif"'),
    ],
)
def test_names_that_do_not_say_it_are_a_question(names: list[str], complaint: str, tmp_path: Path) -> None:
    write(tmp_path, names)
    assert complaint in refused(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("z{q:d}.tif", "unknown field 'q'"),
        ("z{z:d.tif", "has a brace without its other one"),
        ("z{z:5.2f}.tif", "is not a field"),
        ("{t:d}{z:d}.tif", "nothing between its parts"),
        ("{c}{z:d}.tif", "nothing between its parts"),
        ("../z{z:d}.tif", "begins above SOURCE"),
        ("y{z:d}.tif", "none of its 2 TIFFs matches the pattern y{z:d}.tif; they are named as z1.tif, z2.tif"),
        ("z{y:d}.tif", "are not stitched"),
        ("*.tif", "are both for the only place"),
    ],
)
def test_a_bad_pattern_is_refused(pattern: str, complaint: str, tmp_path: Path) -> None:
    write(tmp_path, ["z1.tif", "z2.tif"])
    assert complaint in refused(tmp_path, pattern=pattern)


def test_a_number_without_letters_is_of_the_given_axis(tmp_path: Path) -> None:
    write(tmp_path, [f"scan_{z}.tif" for z in range(4)])
    assert opened(tmp_path, axes="zyx").spec.axes == "zyx"
    assert opened(tmp_path, axes="tyx").spec.axes == "tyx"
    assert "pattern=" in refused(tmp_path, axes="yx")
    write(tmp_path / "both", [f"t{t}_{z}.tif" for t in range(2) for z in range(3)])
    assert opened(tmp_path / "both", axes="tzyx").spec.shape == (2, 3, *PLANE)
    assert "pattern=" in refused(tmp_path / "both", axes="ztyx")


def test_an_axis_in_names_and_in_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["z1.tif", "z2.tif"], (4, *PLANE), metadata={"axes": "ZYX"})
    assert "the axis z is in the names, with 2 places, and in each file" in refused(tmp_path)
    assert opened(tmp_path, axes="ztyx").spec.shape == (4, 2, *PLANE)
    assert opened(tmp_path, pattern="z{t:d}.tif").spec.shape == (2, 4, *PLANE)


@pytest.mark.parametrize(
    "other", [np.zeros((6, 10), "uint16"), np.zeros(PLANE, "uint8"), np.zeros((2, *PLANE), "uint16")]
)
def test_a_file_that_is_not_like_the_others_is_named(other: NDArray[Any], tmp_path: Path) -> None:
    paths = write(tmp_path, [f"z{z:03d}.tif" for z in range(100)])
    tifffile.imwrite(paths[-1], other)
    assert "z099.tif holds" in refused(tmp_path)
    tifffile.imwrite(paths[-1], np.zeros(PLANE, "uint16"))
    tifffile.imwrite(paths[55], other)  # none of those that are looked at before the run
    source = opened(tmp_path)
    with pytest.raises(SourceError, match=r"z055\.tif holds"):
        read(source)
    paths[55].write_bytes(b"no TIFF")
    with pytest.raises(SourceError, match=r"z055\.tif"):
        read(opened(tmp_path))


def test_a_file_that_changes_ends_the_run(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"z{z}.tif" for z in range(30)])
    source = opened(tmp_path)
    later = time.time_ns() + 10**9
    os.utime(paths[7], ns=(later, later))
    with pytest.raises(SourceError, match=r"z7\.tif has changed"):
        read(source)
    paths[7].unlink()
    with pytest.raises(SourceError, match=r"z7\.tif cannot be read"):
        read(source)


def test_the_fingerprint_is_of_all_files(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"z{z}.tif" for z in range(30)])
    first: Any = opened(tmp_path)
    assert opened(tmp_path).fingerprint() == first.fingerprint()  # type: ignore[attr-defined]
    later = time.time_ns() + 10**9
    os.utime(paths[7], ns=(later, later))
    assert opened(tmp_path).fingerprint() != first.fingerprint()  # type: ignore[attr-defined]


def test_sizes_come_from_the_files_where_they_agree(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2, "PhysicalSizeZ": 1.5}
    names = [f"{c}_z{z}.ome.tif" for c in ("DAPI", "GFP") for z in range(2)]
    write(tmp_path, names, metadata={"axes": "YX", **sizes})
    spec = opened(tmp_path).spec
    assert dict(zip(spec.axes, spec.scale, strict=True)) == {"c": None, "z": 1.5, "y": 0.2, "x": 0.2}
    write(tmp_path, names[-1:], metadata={"axes": "YX", **sizes, "PhysicalSizeX": 0.4})
    spec = opened(tmp_path).spec
    assert dict(zip(spec.axes, spec.scale, strict=True)) == {"c": None, "z": 1.5, "y": 0.2, "x": None}
    assert any("different sizes of x" in notice for notice in spec.notices)


def test_channels_have_the_names_of_their_files(tmp_path: Path) -> None:
    for number, name in enumerate(("nuclei", "membrane")):
        metadata = {"axes": "CYX", "Channel": {"Name": [name]}}
        tifffile.imwrite(tmp_path / f"w{number}.ome.tif", np.zeros((1, *PLANE), "u2"), metadata=metadata)
    assert [channel.name for channel in opened(tmp_path).spec.channels] == ["nuclei", "membrane"]


def test_one_tiff_of_a_folder_is_read_and_said(tmp_path: Path) -> None:
    write(tmp_path, ["anything.tif"], (4, *PLANE))
    for source in (tmp_path, tmp_path / "*.tif"):
        spec = opened(source).spec
        assert spec.shape == (4, *PLANE)
        assert "anything.tif" in spec.notices[0]


def test_options_for_many_files_are_refused_elsewhere(tmp_path: Path) -> None:
    (path,) = write(tmp_path, ["a.tif"])
    assert "SOURCE is a single one" in refused(path, pattern="{z:d}.tif")
    assert "SOURCE is an array" in refused(np.zeros(PLANE), fill_missing=True)


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    (path,) = write(tmp_path, ["a[1]*.tif"])
    assert opened(path).spec.shape == PLANE


def test_a_bucket_is_listed_once(s3: Service, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])  # a pickle holds no secret
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret"])
    public = {"endpoint_url": s3.endpoint, "region": s3.options["region"]}
    names = [f"t{t}/{c}.tif" for t in range(3) for c in ("DAPI", "GFP")]
    for path, name in zip(write(tmp_path, names), names, strict=True):
        obstore.put(s3.store(), f"{prefix}/set/{name}", path.read_bytes())
    for source in (s3.url(f"{prefix}/set"), s3.url(f"{prefix}/set/t*/*.tif")):
        found = opened(source, source_storage_options=public)
        assert found.spec.shape == (3, 2, *PLANE)
        np.testing.assert_array_equal(corner(pickle.loads(pickle.dumps(found))).ravel(), np.arange(6))


def test_a_web_server_is_not_listed(web: WebServer) -> None:
    assert "does not list its files" in refused(web.url("*.tif"))


def test_a_pickle_stays_small(tmp_path: Path) -> None:
    (path,) = write(tmp_path, ["t000_z000.tif"])
    for t, z in np.ndindex(40, 50):
        if t or z:
            os.link(path, tmp_path / f"t{t:03d}_z{z:03d}.tif")
    source = opened(tmp_path)
    assert source.spec.shape == (40, 50, *PLANE)
    assert len(pickle.dumps(source)) < 5000


def test_a_region_opens_only_its_files(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"z{z:03d}.tif" for z in range(60)])
    source = opened(tmp_path)
    for number, path in enumerate(paths):
        if number != 41:
            path.unlink()
    out = np.empty((1, 2, 3), "uint16")
    source.read(Box((41, 0, 0), (1, 2, 3)), out)
    assert (out == 41).all()


def write_set(folder: Path, first: int, count: int) -> None:
    """Write an OME-TIFF of a file a plane, whose XML names them all, as `s{first}.ome.tif` and so on."""
    names = [f"s{first + z}.ome.tif" for z in range(count)]
    data = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{name}</UUID></TiffData>'
        for z, name in enumerate(names)
    )
    sizes = f'SizeX="9" SizeY="6" SizeZ="{count}" SizeC="1" SizeT="1"'
    image = f'<Image ID="Image:0"><Pixels ID="P" DimensionOrder="XYZCT" Type="uint16" {sizes}>{data}</Pixels></Image>'
    for z, name in enumerate(names):
        root = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{name}">'
        xml = f"{root}{image}</OME>".encode()
        plane = np.full(PLANE, first + z, "uint16")
        tifffile.imwrite(folder / name, plane, photometric="minisblack", metadata=None, description=xml)


def test_a_folder_that_is_one_ome_tiff_is_read_as_that(tmp_path: Path) -> None:
    write_set(tmp_path, 0, 3)
    source = opened(tmp_path)
    assert source.spec.axes == "zyx"
    assert corner(source).tolist() == [0, 1, 2]
    assert any("is one OME-TIFF of 3 files" in notice for notice in source.spec.notices)
    write_set(tmp_path, 3, 3)
    assert "is one of 3 files of an OME-TIFF, and" in refused(tmp_path)
    assert "of 3 files of an OME-TIFF" in refused(tmp_path, pattern="s{z:d}.ome.tif")


def test_a_run_goes_on_only_with_the_same_files(tmp_path: Path) -> None:
    paths = write(tmp_path / "set", [f"z{z:02d}.tif" for z in range(12)], (40, 50))
    target = tmp_path / "t.ome.zarr"
    paths[8].write_bytes(paths[8].read_bytes()[:200])  # none of those that are looked at before the run
    with pytest.raises(pyramid.errors.PyramidError, match=r"z08\.tif"):
        pyramid.convert(tmp_path / "set", target, chunks="plane", shards="none", workers=1)
    tifffile.imwrite(paths[8], np.full((40, 50), 8, "uint16"), photometric="minisblack")
    with pytest.raises(pyramid.errors.PyramidError, match="source"):
        pyramid.convert(tmp_path / "set", target, chunks="plane", shards="none", workers=1, resume=True)
    image = pyramid.convert(tmp_path / "set", target, chunks="plane", shards="none", workers=1, overwrite=True)
    assert np.asarray(image.levels[0].data)[:, 0, 0].tolist() == list(range(12))


@pytest.mark.parametrize("scheduler", ["processes"])
def test_other_processes_open_the_files_by_name(scheduler: str, tmp_path: Path) -> None:
    import dask

    write(tmp_path / "set", [f"t{t}/z{z:02d}.tif" for t in range(2) for z in range(6)], (40, 50))
    with dask.config.set(scheduler=scheduler, num_workers=2):
        image = pyramid.convert(tmp_path / "set", tmp_path / "t.ome.zarr", chunks="z=1,y=40,x=50", shards="none")
    assert np.asarray(image.levels[0].data)[..., 0, 0].ravel().tolist() == list(range(12))
