"""N5 from end to end: written, read, copied, checked, repaired, and refused."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.errors import OptionError, PyramidError, PyramidWarning, SourceError, TargetError
from tests.support.n5 import DTYPES, by_tensorstore, by_us, by_z5py, write_tensorstore
from tests.support.paths import CORPUS
from tests.support.servers.web import WebServer
from tests.support.stores import digests

PIXELS = np.random.default_rng(5).integers(0, 4000, (2, 3, 150, 201)).astype("uint16")
OPTIONS: dict[str, Any] = {
    "axes": "czyx",
    "scale": {"z": 2.0, "y": 0.5, "x": 0.25},
    "channel_names": ["DAPI", "GFP"],
    "channel_colors": ["0000FF", "00FF00"],
    "name": "cells",
    "origin": {"z": 1.0, "y": 10.0, "x": -20.0},
    "min_size": 64,
    "scale_factors": "yx",
}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "cells.n5"
    pyramid.convert(PIXELS, path, **OPTIONS)
    return path


def attributes(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "attributes.json").read_text())
    return found


def test_the_metadata_is_that_of_each_reader(target: Path) -> None:
    root, level = attributes(target), attributes(target / "s1")
    assert root["n5"] == "4.0.0"
    assert root["axes"] == ["x", "y", "z", "c"]
    assert root["units"] == ["um", "um", "um", ""]
    assert root["resolution"] == [0.25, 0.5, 2.0, 1.0]
    assert root["downsamplingFactors"] == [[1, 1, 1, 1], [2, 2, 1, 1], [4, 4, 1, 1]]
    assert [axis["name"] for axis in root["multiscales"][0]["axes"]] == ["x", "y", "z", "c"]
    assert root["multiscales"][0]["datasets"][1]["coordinateTransformations"][0]["scale"] == [0.5, 1.0, 2.0, 1.0]
    assert level["downsamplingFactors"] == [2, 2, 1, 1]
    assert level["pixelResolution"] == {"unit": "um", "dimensions": [0.25, 0.5, 2.0, 1.0]}
    assert level["transform"]["axes"] == ["c", "z", "y", "x"]
    assert level["transform"]["translate"] == [0.0, 1.0, 10.25, -19.875]


def test_the_keys_of_a_level_are_those_of_published_samples(target: Path) -> None:
    if not CORPUS.is_dir():
        samples = [{"transform": dict.fromkeys(["axes", "scale", "translate", "units"])}]
    else:
        found = CORPUS.glob("saalfeldlab+n5-universe/src/test/resources/test.n5/*/s0/attributes.json")
        samples = [json.loads(path.read_text()) for path in found]
    level = attributes(target / "s0")
    for sample in samples:
        for name in ("transform", "pixelResolution"):
            assert set(sample.get(name, {})) <= set(level[name])
        assert {"dimensions", "blockSize", "dataType", "compression"} <= set(level)


def test_an_image_survives_both_ways(target: Path, tmp_path: Path) -> None:
    pyramid.convert(target, tmp_path / "back.ome.zarr", min_size=64, scale_factors="yx")
    pyramid.convert(tmp_path / "back.ome.zarr", tmp_path / "again.n5", min_size=64, scale_factors="yx")
    first, zarr, again = (pyramid.open(path) for path in (target, tmp_path / "back.ome.zarr", tmp_path / "again.n5"))
    for image in (first, zarr, again):
        assert (image.axes, image.metadata.name) == ("czyx", "cells")
        assert [channel.label for channel in image.channels] == ["DAPI", "GFP"]
        assert [channel.color for channel in image.channels] == ["0000FF", "00FF00"]
        assert image.levels[1].translation == (0.0, 1.0, 10.25, -19.875)
        assert image.levels[2].scale == (1.0, 2.0, 2.0, 1.0)
        assert image.metadata.units == (None, "micrometer", "micrometer", "micrometer")
        assert np.array_equal(image.levels[0].data.compute(), PIXELS)
    blocks = {key: value for key, value in digests(target).items() if not key.endswith(".json")}
    assert blocks == {key: value for key, value in digests(tmp_path / "again.n5").items() if not key.endswith(".json")}


def test_an_ome_zarr_comes_back_as_it_was(tmp_path: Path) -> None:
    options: dict[str, Any] = {**OPTIONS, "method": "nearest", "attributes": {"lab": {"plate": [1, None]}}}
    pyramid.convert(PIXELS, tmp_path / "a.ome.zarr", **options)
    again: dict[str, Any] = {"method": "nearest", "min_size": 64, "scale_factors": "yx"}
    with warnings.catch_warnings(action="error"):  # nothing is lost, and so nothing said
        pyramid.convert(tmp_path / "a.ome.zarr", tmp_path / "b.n5", **again)
        pyramid.convert(tmp_path / "b.n5", tmp_path / "c.ome.zarr", **again)
    before, after = (
        json.loads((tmp_path / f"{name}.ome.zarr" / "zarr.json").read_text())["attributes"] for name in "ac"
    )
    for found in (before, after):
        del found["ome"]["_creator"]  # what it was made of
    assert after == before
    chunks = {key: value for key, value in digests(tmp_path / "a.ome.zarr").items() if "/c/" in key}
    assert chunks == {key: value for key, value in digests(tmp_path / "c.ome.zarr").items() if "/c/" in key}


def test_attributes_with_the_names_of_keys_of_n5_are_refused_or_named(tmp_path: Path) -> None:
    image = np.zeros((64, 64), "uint8")
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(OptionError, match="attributes: 'dimensions' is a key of N5"):
            call(image, tmp_path / "a.n5", attributes={"dimensions": [1]})
    assert not (tmp_path / "a.n5").exists()
    pyramid.convert(image, tmp_path / "a.ome.zarr", attributes={"units": "many", "lab": 3})
    with pytest.warns(PyramidWarning, match="not carried over, as N5 has keys of these names: units"):
        pyramid.convert(tmp_path / "a.ome.zarr", tmp_path / "a.n5")
    assert (attributes(tmp_path / "a.n5")["units"], attributes(tmp_path / "a.n5")["lab"]) == (["", ""], 3)


def test_others_read_each_level(target: Path) -> None:
    for name in ("s0", "s1", "s2"):
        assert np.array_equal(by_tensorstore(target / name), by_us(target / name))
        assert np.array_equal(by_z5py(target / name), by_us(target / name))


def test_it_is_copied_verified_and_repaired(target: Path, tmp_path: Path) -> None:
    whole = digests(target)
    pyramid.download(str(target), tmp_path / "copy.n5")
    assert digests(tmp_path / "copy.n5") == whole
    assert pyramid.verify(target).ok
    block = next(path for path in sorted((target / "s1").rglob("*")) if path.is_file() and path.suffix != ".json")
    block.write_bytes(block.read_bytes()[:-9])
    lost = next(path for path in sorted((target / "s2").rglob("*")) if path.is_file() and path.suffix != ".json")
    lost.unlink()
    assert not pyramid.verify(target).ok
    pyramid.verify(target, repair=True)
    assert digests(target) == whole


def test_levels_of_it_are_copied(target: Path, tmp_path: Path) -> None:
    pyramid.download(str(target), tmp_path / "small.n5", levels="1:")
    image = pyramid.open(tmp_path / "small.n5")
    assert [level.path for level in image.levels] == ["s1", "s2"]
    assert image.levels[0].scale == (1.0, 2.0, 1.0, 0.5)
    assert not (tmp_path / "small.n5" / "s0").exists()


@pytest.mark.parametrize("codec", ["bzip2", "xz"])
def test_blocks_of_codecs_that_only_n5_has_are_repaired(codec: str, tmp_path: Path) -> None:
    target = tmp_path / "cells.n5"
    pyramid.convert(PIXELS, target, codec=codec, **OPTIONS)
    whole = digests(target)
    (target / "s1" / "0" / "0" / "0" / "0").write_bytes(b"gone")
    assert not pyramid.verify(target).ok
    pyramid.verify(target, repair=True)
    assert digests(target) == whole
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(OptionError, match=f"codec: OME-Zarr 0.5 does not specify {codec}"):
            call(PIXELS, tmp_path / "cells.ome.zarr", codec=codec, **OPTIONS)
    assert not (tmp_path / "cells.ome.zarr").exists()


def test_it_is_read_over_http_where_nothing_is_listed(target: Path, web: WebServer) -> None:
    url = web.url("cells.n5")
    assert np.array_equal(pyramid.open(url).levels[1].data.compute(), by_us(target / "s1"))
    assert pyramid.verify(url).ok
    found: Any = pyramid.info(url)
    assert (found.version, len(found.levels)) == ("n5", 3)


def test_a_run_that_stops_leaves_no_document_of_a_level_and_goes_on(tmp_path: Path, target: Path) -> None:
    def stop(state: Any) -> None:
        raise KeyboardInterrupt

    options = {**OPTIONS, "memory": "7MB", "workers": 1}
    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(PIXELS, tmp_path / "b.n5", progress=stop, **options)
    assert not list((tmp_path / "b.n5").glob("s*/attributes.json"))
    with pytest.raises(SourceError, match=r"not finished|unfinished"):
        pyramid.open(tmp_path / "b.n5")
    pyramid.convert(PIXELS, tmp_path / "b.n5", resume=True, **options)
    assert digests(tmp_path / "b.n5").keys() == digests(target).keys()
    assert by_us(tmp_path / "b.n5" / "s1").tobytes() == by_us(target / "s1").tobytes()


@pytest.mark.parametrize("dtype", ["bool", "float16", "complex64"])
def test_dtypes_that_n5_lacks_are_refused(dtype: str, tmp_path: Path) -> None:
    with pytest.raises((OptionError, SourceError), match=r"N5 has no|cannot|not supported|complex"):
        pyramid.convert(np.zeros((64, 64), dtype), tmp_path / "a.n5")
    assert not (tmp_path / "a.n5").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checksum": True}, "N5 cannot hold checksums"),
        ({"shards": "y=64,x=64"}, "shards: OME-Zarr 0.4 and N5 have none"),
        ({"ome_zarr_version": "0.4"}, "an N5 is of no version"),
    ],
)
def test_options_that_n5_lacks_are_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(OptionError, match=said):
            call(np.zeros((64, 64), "uint8"), tmp_path / "a.n5", **options)
    assert not (tmp_path / "a.n5").exists()


def test_names_of_the_other_format_are_refused(tmp_path: Path) -> None:
    image = np.zeros((64, 64), "uint8")
    with pytest.raises(TargetError, match="named as one of format 'n5'"):
        pyramid.convert(image, tmp_path / "a.n5", format="ome-zarr")
    with pytest.raises(TargetError, match="named as one of format 'ome-zarr'"):
        pyramid.convert(image, tmp_path / "a.zarr", format="n5")
    assert pyramid.convert(image, tmp_path / "folder", format="n5").version == "n5"


HEADERS = {
    "mode": struct.pack(">HHII", 7, 2, 8, 8),
    "axes": struct.pack(">HHIII", 0, 3, 8, 8, 1),
    "larger": struct.pack(">HHII", 0, 2, 9, 8),
    "empty": struct.pack(">HHII", 0, 2, 0, 8),
    "huge": struct.pack(">HHII", 0, 2, 2**32 - 1, 2**32 - 1),
    "smaller": struct.pack(">HHII", 0, 2, 4, 8),
    "count": struct.pack(">HHIII", 1, 2, 8, 8, 2**31),
    "cut": b"\0\0\0",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_block_whose_header_is_wrong_is_damage(name: str, tmp_path: Path) -> None:
    write_tensorstore(tmp_path / "a", np.ones((16, 16), "uint8"), (8, 8), {"type": "raw"})
    block = tmp_path / "a" / "1" / "0"
    block.write_bytes(HEADERS[name] + (block.read_bytes()[12:] if len(HEADERS[name]) > 4 else b""))
    with pytest.raises(PyramidError, match="damaged"):
        pyramid.convert(tmp_path / "a", tmp_path / "b.ome.zarr", axes="yx")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataType": "string"}, "dataType 'string' is not one of numbers"),
        ({"dimensions": "many"}, "shape"),
        ({"blockSize": [0, 8]}, "chunks"),
        ({"compression": {"type": "jpeg"}}, "not known here"),
    ],
)
def test_a_document_that_is_wrong_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_tensorstore(tmp_path / "a", np.ones((16, 16), "uint8"), (8, 8), {"type": "raw"})
    document = {**attributes(tmp_path / "a"), **changed}
    (tmp_path / "a" / "attributes.json").write_text(json.dumps(document))
    with pytest.raises(SourceError, match=said):
        pyramid.convert(tmp_path / "a", tmp_path / "b.ome.zarr", axes="yx")
    assert not (tmp_path / "b.ome.zarr").exists()


def test_levels_without_a_group_are_an_image(tmp_path: Path) -> None:
    for name, factor in (("s0", 1), ("s1", 2)):
        pixels = np.full((32 // factor, 48 // factor), factor, "float32")
        write_tensorstore(tmp_path / "a.n5" / name, pixels, (16, 16), {"type": "gzip"})
        path = tmp_path / "a.n5" / name / "attributes.json"
        resolution = {"unit": "nm", "dimensions": [4, 8]}
        document = {**json.loads(path.read_text()), "downsamplingFactors": [factor] * 2, "pixelResolution": resolution}
        path.write_text(json.dumps(document))
    image = pyramid.open(tmp_path / "a.n5")
    assert image.axes == "yx"
    assert [level.scale for level in image.levels] == [(8.0, 4.0), (16.0, 8.0)]
    assert image.levels[1].translation == (4.0, 2.0)
    assert image.metadata.units == ("nanometer", "nanometer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PyramidWarning)
        made = pyramid.convert(tmp_path / "a.n5", tmp_path / "b.ome.zarr")
    assert made.levels[0].data.compute().min() == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_survives(dtype: str, tmp_path: Path) -> None:
    pixels = np.arange(100 * 70).reshape(100, 70).astype(dtype)
    pyramid.convert(pixels, tmp_path / "a.n5", levels=1, chunks={"y": 64, "x": 32})
    assert np.array_equal(by_tensorstore(tmp_path / "a.n5" / "s0"), pixels)


def test_it_is_not_validated_by_the_rules_of_ome_zarr(target: Path) -> None:
    with pytest.raises(SourceError, match="is N5, which has no rules"):
        pyramid.validate(target)
