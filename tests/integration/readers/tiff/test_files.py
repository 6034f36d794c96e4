"""TIFFs as they come: several images, several files, calibrations, damage, malice."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError
from pyramid.model import Box, Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.tiff.source import TiffSource
from pyramid.testing.sources import read
from tests.support.paths import TIFFS

SAMPLE = TIFFS / "ome-sample" / "multi-channel-z-series.ome.tif"


def pixels(*shape: int) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 60000, shape, np.uint16)


def open_path(path: Path, **options: Any) -> TiffSource:
    source = open_source(path, Options(**options))
    assert isinstance(source, TiffSource)
    return source


def test_the_demo_image_is_read(tmp_path: Path) -> None:
    source = open_path(SAMPLE)
    assert (source.spec.axes, source.spec.shape, source.spec.dtype) == ("czyx", (3, 5, 167, 439), "int8")
    assert SAMPLE.with_name("NOTICE.txt").read_text().startswith(SAMPLE.name)


def test_a_slide_is_read_without_its_label_and_says_so() -> None:
    source = open_path(TIFFS / "slides" / "CMU-1-Small-Region.svs")
    assert source.spec.chunks == (3, 240, 240)
    assert source.spec.scale == (None, 0.499, 0.499)
    assert source.spec.channels[0] == Channel("red", "FF0000")
    left_out, lost = source.spec.notices
    assert all(name in left_out for name in ("Thumbnail", "Label", "Macro", "series=N"))
    assert all(name in lost for name in ("not carried over", "AppMag"))


def test_an_associated_image_is_read_where_it_is_asked_for() -> None:
    assert open_path(TIFFS / "slides" / "CMU-1-Small-Region.svs", series=2).spec.shape == (3, 463, 387)


@pytest.fixture
def two_images(tmp_path: Path) -> Path:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels(20, 30), metadata={"name": "first"})
        tif.write(pixels(3, 40, 50), metadata={"name": "second"}, photometric="minisblack")
    return path


def test_one_of_several_images_has_to_be_chosen(two_images: Path) -> None:
    with pytest.raises(SourceError, match=r"holds 2 images.*series=N.*0: first.*20x30.*1: second.*3x40x50"):
        open_path(two_images)
    source = open_path(two_images, series=1)
    np.testing.assert_array_equal(read(source), pixels(3, 40, 50))
    with pytest.raises(OptionError, match="no image 2"):
        open_path(two_images, series=2)


def test_levels_of_a_pyramid_are_no_other_images(tmp_path: Path) -> None:
    path = tmp_path / "levels.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels(64, 64), subifds=1, tile=(16, 16))
        tif.write(pixels(64, 64)[::2, ::2], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(read(open_path(path)), pixels(64, 64))


def test_ome_metadata_reaches_the_spec(tmp_path: Path) -> None:
    metadata = {
        "axes": "TCYX",
        "Name": "embryo",
        "PhysicalSizeX": 65.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.065,
        "TimeIncrement": 3.0,
        "Channel": {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]},
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels(3, 2, 20, 30), metadata=metadata, photometric="minisblack")
    spec = open_path(tmp_path / "a.ome.tif").spec
    assert spec.scale == (3.0, None, 0.065, 65.0)
    assert spec.units == ("second", None, "micrometer", "nanometer")
    assert spec.channels == (Channel("DAPI", "0000FF"), Channel("GFP", "00FF00"))
    assert spec.name == "embryo"


def test_imagej_calibration_reaches_the_spec(tmp_path: Path) -> None:
    luts = [np.zeros((3, 256), np.uint8) for _ in range(2)]
    luts[0][1] = luts[1][2] = np.arange(256)
    metadata = {"axes": "TZCYX", "spacing": 2.5, "unit": "\\u00B5m", "finterval": 0.5, "LUTs": luts}
    tifffile.imwrite(tmp_path / "a.tif", pixels(2, 3, 2, 20, 30), imagej=True, resolution=(4, 10), metadata=metadata)
    spec = open_path(tmp_path / "a.tif").spec
    assert (spec.axes, spec.shape) == ("tczyx", (2, 2, 3, 20, 30))
    assert spec.scale == (0.5, None, 2.5, 0.1, 0.25)
    assert spec.units == ("second", None, "micrometer", "micrometer", "micrometer")
    assert spec.channels == (Channel(None, "00FF00"), Channel(None, "0000FF"))


def test_axes_can_be_said(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(4, 20, 30), metadata=None, photometric="minisblack")
    assert open_path(tmp_path / "a.tif").spec.axes == "zyx"
    assert 'axes="czyx"' in open_path(tmp_path / "a.tif").spec.notices[0]
    assert open_path(tmp_path / "a.tif", axes="tyx").spec.axes == "tyx"
    turned = read(open_path(tmp_path / "a.tif", axes="xyz"))
    np.testing.assert_array_equal(turned, pixels(4, 20, 30).transpose(2, 1, 0))


def test_channels_of_several_samples_are_one_axis(tmp_path: Path) -> None:
    array = pixels(2, 20, 30, 3)
    tifffile.imwrite(tmp_path / "a.tif", array, metadata={"axes": "CYXS"}, photometric="rgb", compression="zlib")
    source = open_path(tmp_path / "a.tif")
    expected = array.transpose(0, 3, 1, 2).reshape(6, 20, 30)
    np.testing.assert_array_equal(read(source), expected)
    np.testing.assert_array_equal(read(source, Box((2, 3, 4), (3, 5, 6))), expected[2:5, 3:8, 4:10])


def split_over_files(folder: Path, second: str) -> Path:
    """An OME-TIFF of two planes, the second in another file."""
    array = pixels(2, 20, 30)
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{z}</UUID></TiffData>'
        for z, name in enumerate(["a.ome.tif", second])
    )
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{}">'
        '<Image ID="Image:0" Name="split"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="30" '
        f'SizeY="20" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>{planes}</Pixels></Image></OME>'
    )
    for z, name in enumerate(["a.ome.tif", "b.ome.tif"]):
        tifffile.imwrite(folder / name, array[z], description=xml.format(z), metadata=None, compression="zlib")
    return folder / "a.ome.tif"


def test_an_image_may_lie_in_several_files(tmp_path: Path) -> None:
    source = open_path(split_over_files(tmp_path, "b.ome.tif"))
    np.testing.assert_array_equal(read(pickle.loads(pickle.dumps(source))), pixels(2, 20, 30))
    assert source.spec.notices == ()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = split_over_files(tmp_path, "b.ome.tif")
    (tmp_path / "b.ome.tif").unlink()
    with pytest.raises(SourceError, match=r"a\.ome\.tif: .*a file that is not there: b\.ome\.tif"):
        open_path(path)


def test_a_file_outside_the_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = split_over_files(tmp_path / "inner", "../b.ome.tif")
    os.rename(tmp_path / "inner" / "b.ome.tif", tmp_path / "b.ome.tif")
    with pytest.raises(SourceError, match="outside its folder"):
        open_path(path)


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><OME>&b;</OME>'
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), description=bomb, metadata=None)
    with pytest.raises(SourceError, match=r"a\.tif.*(entities|document type)"):
        open_path(tmp_path / "a.tif")


def test_a_source_of_many_pages_pickles_small_and_reads_there(tmp_path: Path) -> None:
    path = tmp_path / "many.tif"
    tifffile.imwrite(path, pixels(500, 16, 16), metadata=None, compression="zlib")
    pickled = pickle.dumps(open_path(path))
    assert len(pickled) < 2048
    code = (
        "import pickle, sys, numpy as np; from pyramid.model import Box\n"
        "source = pickle.loads(sys.stdin.buffer.read()); out = np.empty((1, 16, 16), 'u2')\n"
        "source.read(Box((499, 0, 0), (1, 16, 16)), out); print(int(out.sum(dtype=int)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=True)
    assert int(done.stdout) == pixels(500, 16, 16)[499].sum(dtype=int)


def test_a_tiff_costs_the_import_of_neither_zarr_nor_dask(tmp_path: Path) -> None:
    code = (
        "import sys, pyramid.readers; assert not {'zarr', 'dask', 'tifffile'} & set(sys.modules)\n"
        "from pyramid.options.convert import Options; source = pyramid.readers.open_source(sys.argv[1], Options())\n"
        "print(source.spec.axes, sorted({'zarr', 'dask', 'obstore', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SAMPLE)], capture_output=True, check=True, text=True)
    assert done.stdout == "czyx []\n"
    assert done.stderr == ""


def test_what_tifffile_forgives_is_a_notice_and_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    nodata = (42113, "s", 0, "none", True)
    tifffile.imwrite(path, pixels(20, 30), metadata=None, extratags=[nodata])
    code = (
        "import sys; from pyramid.options.convert import Options; from pyramid.readers import open_source\n"
        "first, second = open_source(sys.argv[1], Options()).spec.notices; "
        "assert 'missing pixels' in first and 'GDAL_NODATA' in second"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True)
    assert done.stderr == ""


def test_a_file_that_changed_since_it_was_opened_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(20, 30))
    source = open_path(path)
    tifffile.imwrite(path, pixels(40, 30))
    with pytest.raises(SourceError, match="has changed"):
        read(source)
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        read(source)


def test_a_tile_that_does_not_decode_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"tile": (16, 32), "compression": "zlib", "metadata": None, "photometric": "minisblack"}
    tifffile.imwrite(path, pixels(3, 64, 96), **options)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[2].dataoffsets[2 * 3 + 1]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 20)
    source = open_path(path)
    with pytest.raises(SourceError, match=rf"page 2, tile \(2, 1\) at byte {offset}"):
        read(source)
    other = Box((2, 0, 0), (1, 32, 96))
    np.testing.assert_array_equal(read(source, other), pixels(3, 64, 96)[other.slices])


def test_a_page_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(64, 96), metadata=None)
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(SourceError, match="the file ends at"):
        read(open_path(path))


def test_a_segment_that_was_left_out_reads_as_nodata(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    nodata = (42113, "s", 0, "7", True)
    tifffile.imwrite(path, pixels(32, 32), tile=(16, 16), compression="zlib", metadata=None, extratags=[nodata])
    with tifffile.TiffFile(path, mode="r+") as tif:
        for code in ("TileOffsets", "TileByteCounts"):
            tag = tif.pages.first.tags[code]
            tag.overwrite((0, *tag.value[1:]))
    expected = pixels(32, 32)
    expected[:16, :16] = 7
    np.testing.assert_array_equal(read(open_path(path)), expected)


def header(width: int, height: int, *, tile: int = 0) -> bytes:
    """A BigTIFF of one page that claims to be enormous and holds nothing."""
    tags = [(256, 16, 1, width), (257, 16, 1, height), (258, 3, 1, 16), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    tags += [(322, 16, 1, tile), (323, 16, 1, tile), (324, 16, 1, 400), (325, 16, 1, 50)] if tile else []
    tags += [] if tile else [(273, 16, 1, 400), (278, 16, 1, height), (279, 16, 1, 50)]
    entries = b"".join(struct.pack("<HHQQ", *tag) for tag in sorted(tags))
    return struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(tags)) + entries + bytes(8 + 400)


@pytest.mark.parametrize("tile", [0, 1 << 20])
def test_a_header_that_claims_a_million_by_a_million_costs_no_memory(tile: int, tmp_path: Path) -> None:
    path = tmp_path / "vast.tif"
    path.write_bytes(header(1 << 20, 1 << 20, tile=tile))
    code = (
        "import resource, sys; import numpy as np\n"
        "from pyramid.errors import SourceError; from pyramid.model import Box\n"
        "from pyramid.options.convert import Options; from pyramid.readers import open_source\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try:\n"
        "    source = open_source(sys.argv[1], Options()); print(source.spec.shape)\n"
        "    source.read(Box((0, 0), (4, 4)), np.empty((4, 4), 'u2'))\n"
        "except SourceError as error: print('SourceError', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "SourceError" in done.stdout


@pytest.mark.parametrize(("dtype", "complaint"), [("complex64", "complex64"), ("complex128", "complex128")])
def test_complex_pixels_are_refused(dtype: str, complaint: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30).astype(dtype))
    with pytest.raises(SourceError, match=complaint):
        open_path(tmp_path / "a.tif")
