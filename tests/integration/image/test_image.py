"""Images opened from disk: those written here, those of others, and what is none."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numcodecs
import numpy as np
import pytest
import zarr
import zarr.codecs
from numpy.typing import NDArray

import pyramid.image
from pyramid.errors import OptionError, SourceError
from pyramid.image import planes
from pyramid.image.picture import MAX_READ_BYTES
from pyramid.ngff import FORMATS, WRITABLE, Dataset, Multiscale, OmeroChannel, Window, attributes, omero_channels
from tests.support.paths import CORPUS, OME_ZARRS
from tests.support.validators import validate_everything

AXES = ("yx", "zyx", "cyx", "tzyx", "czyx", "tczyx")


def write_image(
    path: Path,
    version: str,
    axes: str = "czyx",
    *,
    size: int = 32,
    levels: int = 2,
    shards: bool = False,
    dtype: str = "uint16",
    channels: tuple[OmeroChannel, ...] | None = None,
) -> Multiscale:
    """A small OME-Zarr by plain zarr, its pixels counting up."""
    form = FORMATS[version]
    shape = [size if axis in "yx" else 3 for axis in axes]
    group = zarr.create_group(path, zarr_format=2 if form.zarr_format == 2 else 3)
    datasets = []
    for level in range(levels):
        factor = 2**level
        here = tuple(n // factor if axis in "yx" else n for axis, n in zip(axes, shape, strict=True))
        values = np.arange(math.prod(here)).reshape(here).astype(dtype)
        group.create_array(
            str(level),
            shape=here,
            dtype=values.dtype,
            chunks=tuple(max(8, size // 4) if axis in "yx" else 1 for axis in axes),
            shards=tuple(max(16, size // 2) if axis in "yx" else 1 for axis in axes) if shards else None,
            compressors=numcodecs.Blosc("zstd") if form.zarr_format == 2 else zarr.codecs.BloscCodec(cname="zstd"),
            dimension_names=tuple(axes) if form.dimension_names else None,
            chunk_key_encoding={"name": "default" if form.zarr_format == 3 else "v2", "separator": "/"},
        )[...] = values
        scale = tuple(0.5 * factor if axis in "yx" else 1.0 for axis in axes)
        moved = tuple((factor - 1) / 4 if axis in "yx" else 0.0 for axis in axes)
        datasets.append(Dataset(str(level), scale, moved))
    count = shape[axes.index("c")] if "c" in axes else 1
    measured = (0.0, float(math.prod(shape) - 1), 0.0, float(math.prod(shape) - 1))
    image = Multiscale(
        axes=axes,
        units=tuple("micrometer" if axis in "zyx" else None for axis in axes),
        datasets=tuple(datasets),
        name="counting",
        method="mean",
        channels=omero_channels((), dtype, [measured] * count) if channels is None else channels,
        provenance={"name": "ome-pyramid"},
    )
    group.attrs.put(attributes(image, version))
    return image


@pytest.mark.parametrize("version", WRITABLE)
@pytest.mark.parametrize("axes", AXES)
def test_images_are_valid_and_open(tmp_path: Path, version: str, axes: str) -> None:
    written = write_image(tmp_path / "image.zarr", version, axes, shards=FORMATS[version].shards)
    validate_everything(tmp_path / "image.zarr", version)
    image = pyramid.image.open(tmp_path / "image.zarr")
    assert dataclasses.replace(image.metadata, systems=()) == written
    assert (image.version, image.axes, image.name) == (version, axes, "counting")
    assert (image.units, image.channels) == (written.units, written.channels)
    for level, dataset in zip(image.levels, written.datasets, strict=True):
        assert (level.path, level.scale, level.translation) == dataclasses.astuple(dataset)
        expected = zarr.open_array(tmp_path / "image.zarr" / level.path, mode="r")
        assert (level.shape, level.chunks, level.shards) == (expected.shape, expected.chunks, expected.shards)
        assert level.dtype == np.uint16
        assert level.nbytes == math.prod(expected.shape) * 2


@pytest.mark.parametrize("shards", [False, True])
def test_data_is_a_lazy_dask_array_of_whole_objects(
    tmp_path: Path, shards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.zarr", "0.5", "yx", shards=shards)
    level = pyramid.image.open(tmp_path / "a.zarr").levels[0]
    assert level.data.chunksize == (32, 32)
    monkeypatch.setattr("pyramid.image.lazy_pixels.BLOCK_BYTES", 600)
    assert level.data.chunksize == ((16, 16) if shards else (8, 32))
    pixels = level.data[3:20, 5].compute(scheduler="synchronous")
    np.testing.assert_array_equal(pixels, np.arange(1024).reshape(32, 32)[3:20, 5])


def test_data_reads_only_the_chunks_that_are_asked_for(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", "0.5", "yx")
    image = pyramid.image.open(tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / image.levels[0].path / "c" / "3" / "3").write_bytes(b"broken")
    np.testing.assert_array_equal(image.levels[0].data[:24, 30], np.arange(1024).reshape(32, 32)[:24, 30])
    with pytest.raises(ValueError, match="c/3/3: the chunk at"):
        image.levels[0].data.compute()


def test_opening_reads_no_chunk_and_imports_no_dask(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", "0.5", "yx")
    chunks = [path for path in (tmp_path / "a.zarr").rglob("c") if path.is_dir()]
    assert len(chunks) == 2
    for folder in chunks:
        for chunk in [path for path in folder.rglob("*") if path.is_file()]:
            chunk.write_bytes(b"broken")
    program = "import sys, pyramid.image as i; print(i.open(sys.argv[1])); sys.exit('dask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a.zarr"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "32 x 32" in done.stdout


@pytest.mark.parametrize("version", WRITABLE)
def test_tables_tell_all(tmp_path: Path, version: str) -> None:
    write_image(tmp_path / "a.zarr", version, shards=FORMATS[version].shards)
    image = pyramid.image.open(tmp_path / "a.zarr")
    told = json.loads(json.dumps(image.to_dict(), allow_nan=False))
    assert [level["shape"] for level in told["levels"]] == [[3, 3, 32, 32], [3, 3, 16, 16]]
    assert told["levels"][1]["scale"] == [1.0, 1.0, 1.0, 1.0]
    assert told["levels"][1]["translation"] == [0.0, 0.0, 0.25, 0.25]
    assert told["levels"][0]["chunks"] == [1, 1, 8, 8]
    assert told["levels"][0]["shards"] == ([1, 1, 16, 16] if version != "0.4" else None)
    assert told["levels"][0]["bytes"] == 18432
    assert told["axes"][1] == {"name": "z", "unit": "micrometer"}
    assert told["channels"][0]["window"]["max"] == 9215
    for word in (
        f"OME-Zarr {version}, blosc:zstd",
        "czyx 3 x 3 x 32 x 32",
        "uint16",
        "Channel 2",
        "0.25",
        "micrometer",
    ):
        assert word in str(image)
        assert word in image._repr_html_()
    assert repr(image) == f"<Image {str(tmp_path / 'a.zarr')!r}: czyx 3 x 3 x 32 x 32, 2 levels>"
    assert repr(image.levels[1]) == "<Level '1': 3 x 3 x 16 x 16 uint16>"


def shown(image: pyramid.image.Image) -> NDArray[np.uint8]:
    """The picture in the image's HTML."""
    encoded = image._repr_html_().partition("base64,")[2].partition('"')[0]
    return np.asarray(imagecodecs.png_decode(base64.b64decode(encoded)))


def test_the_picture_is_the_middle_plane_in_its_channels_colors(tmp_path: Path) -> None:
    window = Window(0.0, 9215.0, 0.0, 9215.0)
    colors = ("FF0000", "0000FF", "00FF00")
    channels = tuple(OmeroChannel(None, color, window, active=color != "00FF00") for color in colors)
    write_image(tmp_path / "a.zarr", "0.5", channels=channels)
    found = shown(pyramid.image.open(tmp_path / "a.zarr"))
    pixels = np.arange(9216).reshape(3, 3, 32, 32)[:, 1] / 9215 * 255
    expected = np.stack([pixels[0], np.zeros((32, 32)), pixels[1]], axis=-1)
    assert np.abs(found - expected).max() <= 0.5


@pytest.mark.parametrize("axes", AXES)
def test_images_without_omero_have_a_picture_that_fills_the_range(tmp_path: Path, axes: str) -> None:
    write_image(tmp_path / "a.zarr", "0.4", axes, channels=())
    found = shown(pyramid.image.open(tmp_path / "a.zarr"))
    assert found.shape == (32, 32, 3)
    assert (found.min(), found.max()) == (0, 255)


def test_the_picture_is_of_the_smallest_level_that_fills_it(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", "0.5", "yx", size=600, levels=3)
    image = pyramid.image.open(tmp_path / "a.zarr")
    assert planes.choose_level(image, 256).path == "1"
    assert shown(image).shape == (256, 256, 3)


def test_nan_is_black_and_odd_dtypes_have_pictures(tmp_path: Path) -> None:
    for dtype in ("bool", "int8", "uint64", "float16", "float64"):
        write_image(tmp_path / dtype, "0.5", "yx", dtype=dtype, channels=())
        assert shown(pyramid.image.open(tmp_path / dtype)).max() == 255
    array = zarr.open_array(tmp_path / "float64" / "0", mode="r+")
    array[5, 6] = np.nan
    assert shown(pyramid.image.open(tmp_path / "float64"))[5, 6].tolist() == [0, 0, 0]
    array[...] = np.full((32, 32), np.nan)
    assert shown(pyramid.image.open(tmp_path / "float64")).max() == 0


def test_a_picture_that_cannot_be_made_is_told_beside_the_table(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", "0.5", "yx", size=8, levels=1)
    (tmp_path / "a.zarr" / "0" / "c" / "0" / "0").write_bytes(b"broken")
    told = pyramid.image.open(tmp_path / "a.zarr")._repr_html_()
    assert told.startswith("<p>No picture can be shown: ")
    assert "8 x 8" in told


def test_a_picture_that_would_read_too_much_is_not_made(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.zarr", "0.5", "yx", size=8, levels=1)
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+")
    group.create_array("huge", shape=(2**17, 2**17), dtype="uint16", chunks=(256, 256), dimension_names=("y", "x"))
    huge = dataclasses.replace(image, datasets=(dataclasses.replace(image.datasets[0], path="huge"),))
    group.attrs.put(attributes(huge, "0.5"))
    told = pyramid.image.open(tmp_path / "a.zarr")._repr_html_()
    assert "34,359,738,368 bytes would be read" in told


def test_html_is_escaped(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.zarr", "0.4", "yx")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+")
    group.attrs.put(attributes(dataclasses.replace(image, name="<script>"), "0.4"))
    assert "<script>" not in pyramid.image.open(tmp_path / "a.zarr")._repr_html_()


def refused(path: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        pyramid.image.open(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_is_no_image_is_told(tmp_path: Path, zarr_format: Any) -> None:
    def group(name: str, told: Mapping[str, Any]) -> Path:
        zarr.create_group(tmp_path / name, zarr_format=zarr_format, attributes=dict(told))
        return tmp_path / name

    refused(tmp_path / "nothing", "no such file or folder exists")
    (tmp_path / "file").write_text("text")
    refused(tmp_path / "file", "it is text, and an OME-Zarr is a folder")
    refused(group("empty", {}), "it is a Zarr group, but not an OME-Zarr: its attributes have neither multiscales")
    refused(group("half", {"pyramid": {"state": "in progress"}}), "not finished.*overwrite=True")
    refused(
        group("several", {"bioformats2raw.layout": 3}),
        "a series of images, not an image; open an image in it, as .*/several/0",
    )
    plate = {"rows": [{"name": "B"}], "columns": [{"name": "2"}], "wells": [{"path": "B/2"}]}
    refused(group("plate", {"plate": plate}), "a plate, not an image; open an image in it, as .*/plate/B/2/0")
    refused(group("well", {"well": {"images": [{"path": "7"}]}}), "a well, not an image; open an image .*/well/7")
    refused(group("new", {"multiscales": [{"version": "0.7", "datasets": [{"path": "0"}]}]}), r"version '0\.7'")


def test_broken_images_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    image = write_image(path, "0.5")
    refused(path / "0", "is a Zarr array, 3 x 3 x 32 x 32 of uint16, not an image")
    group = zarr.open_group(path, mode="r+")
    lost = dataclasses.replace(image, datasets=(dataclasses.replace(image.datasets[0], path="lost"),))
    group.attrs.put(attributes(lost, "0.5"))
    refused(path, "level 'lost' is named in its metadata, but no such array exists")
    flat = Multiscale("yx", (None, None), (Dataset("0", (1.0, 1.0), None),))
    group.attrs.put(attributes(flat, "0.5"))
    refused(path, "level '0' has 4 axes, and the image has 2: yx")
    (path / "0" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    refused(path, "level '0'")
    (path / "zarr.json").write_text("{")
    refused(path, "zarr.json is not JSON")


def test_storage_options_are_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="anon"):
        pyramid.image.open(tmp_path, {"anon": True})


def groups(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every folder below `root` whose attributes name levels, and those attributes."""
    for name in (".zattrs", "zarr.json"):
        for path in sorted(root.rglob(name)):
            text = path.read_text()
            if '"multiscales"' not in text:
                continue
            told = json.loads(text)
            yield path.parent, told.get("attributes", {}) if name == "zarr.json" else told


def open_or_refuse(path: Path) -> tuple[pyramid.image.Image | None, str]:
    """The image, or None and why it is refused."""
    try:
        return pyramid.image.open(path), ""
    except SourceError as error:
        return None, str(error)


def axis_names(multiscale: Mapping[str, Any]) -> list[str]:
    """The axes of a level, wherever the versions name them."""
    if "coordinateSystems" in multiscale:
        output = multiscale["datasets"][0]["coordinateTransformations"][0]["output"]
        name = output if isinstance(output, str) else output["name"]
        (axes,) = (one["axes"] for one in multiscale["coordinateSystems"] if one["name"] == name)
    else:
        axes = multiscale.get("axes", "tczyx")
    return [axis if isinstance(axis, str) else axis["name"] for axis in axes]


def scale_of(dataset: Mapping[str, Any], multiscale: Mapping[str, Any], ndim: int) -> tuple[float, ...] | None:
    """The size of a level's pixels, wherever the versions tell it; None where they do not."""
    told = dataset.get("coordinateTransformations")
    if told is None:
        return None
    if told[0]["type"] == "identity":
        return (1.0,) * ndim
    scales = [one["scale"] for one in told[0].get("transformations", told) if one["type"] == "scale"]
    matrices = [np.array(one["affine"])[:ndim, :ndim] for one in told if one["type"] == "affine"]
    scales += [matrix.diagonal() for matrix in matrices if (matrix == np.diag(matrix.diagonal())).all()]
    if not scales:
        return None
    scale = np.prod(scales, axis=0)
    if "coordinateSystems" in multiscale:
        return tuple(scale)
    outer = [one["scale"] for one in multiscale.get("coordinateTransformations", ()) if one["type"] == "scale"]
    return tuple(np.prod([scale, *outer], axis=0))


# Images of which the metadata alone is kept.
REFUSED = ("76-45.ome.zarr",)


TELLS_SIZES = re.compile(r"0\.[456]")


def check_foreign(path: Path, image: pyramid.image.Image, told: Mapping[str, Any]) -> None:
    """Assert that an image of others is what plain zarr and its JSON say."""
    multiscale = told.get("ome", told)["multiscales"][0]
    assert list(image.axes) == axis_names(multiscale)
    for level, dataset in zip(image.levels, multiscale["datasets"], strict=True):
        array = zarr.open_array(path / dataset["path"], mode="r")
        assert (level.shape, level.chunks, level.dtype) == (array.shape, array.chunks, array.dtype)
        assert level.scale == scale_of(dataset, multiscale, array.ndim)
        assert level.scale is not None or not TELLS_SIZES.match(image.version) or "not read" in image.notices[-1]
    assert "<img" in image._repr_html_() or image.levels[0].nbytes > MAX_READ_BYTES
    assert image.to_dict()["levels"][0]["path"] in str(image)


@pytest.mark.filterwarnings("ignore:Found an empty list of filters")  # which others write, and zarr-python minds
@pytest.mark.parametrize("root", [root for root in (OME_ZARRS, CORPUS) if root.is_dir()])
def test_images_of_others_open(root: Path) -> None:
    opened = 0
    for path, told in groups(root):
        image, refusal = open_or_refuse(path)
        if image is None:
            assert refusal.startswith(str(path))
            assert root != OME_ZARRS or any(name in path.parts for name in REFUSED), refusal
        else:
            check_foreign(path, image, told)
            opened += 1
    assert opened >= 10
