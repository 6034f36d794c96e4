"""Tiles of every kind of store and dtype are what the pixels say, within one grey level."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pyramid
from tests.support import trees
from tests.support.asking import Asking, viewing

SHAPE = (2, 3, 300, 270)
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int64", "uint64", "float32", "float64"]
STORES: dict[str, dict[str, Any]] = {
    "0.4": {"ome_zarr_version": "0.4"},
    "0.5-sharded": {"shards": {"z": 3, "y": 512, "x": 512}, "chunks": {"z": 1, "y": 128, "x": 128}},
    "0.6": {"ome_zarr_version": "0.6"},
    "n5": {},
    "ozx": {},
}


def _pixels(dtype: str) -> NDArray[Any]:
    ramp = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    return (ramp % 2 == 0) if dtype == "bool" else (ramp * 7 % 100).astype(dtype)


def _scaled(plane: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    return np.interp(plane.astype(np.float64), [low, high], [0.0, 255.0])


def _check(asking: Asking, pixels: NDArray[Any], low: int, high: int) -> None:
    """Compare tiles of one plane at level 0 with the pixels: first one channel, then both."""
    for row, column in ((0, 0), (1, 0), (1, 1)):
        place = (slice(256 * row, 256 * row + 256), slice(256 * column, 256 * column + 256))
        one = asking.get(f"tile/0/{row}/{column}.png?z=2&c=1:00FF00:{low}:{high}").pixels
        assert np.abs(one[..., 1] - _scaled(pixels[1, 2][place], low, high)).max() <= 1
        assert not one[..., 0].any()
        both = asking.get(f"tile/0/{row}/{column}.png?z=1&c=0:FF0000:{low}:{high}:1:1,1:FF00FF:{low}:{high}").pixels
        red = np.minimum(255 - _scaled(pixels[0, 1][place], low, high) + _scaled(pixels[1, 1][place], low, high), 255)
        assert np.abs(both[..., 0] - red).max() <= 1


@pytest.mark.parametrize("name", STORES)
def test_a_tile_shows_the_pixels_of_each_kind_of_store(name: str, tmp_path: Path) -> None:
    ending = {"n5": "a.n5", "ozx": "a.ozx"}.get(name, "a.ome.zarr")
    pixels = _pixels("uint16")
    pyramid.convert(pixels, tmp_path / ending, axes="czyx", **STORES[name])
    with viewing(tmp_path / ending) as asking:
        _check(asking, pixels, 10, 90)
        assert asking.get("api/image?source=0").json["dtype"] == "uint16"


def test_a_tile_may_have_pixels_of_its_neighbours(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (600, 600), "uint8")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        for row, column in ((0, 0), (1, 1), (2, 2), (0, 2)):
            tile = asking.get(f"tile/0/{row}/{column}.png?c=0:FFFFFF:0:255&overlap=1").pixels[..., 0]
            y, x = (slice(max(256 * at - 1, 0), 256 * at + 257) for at in (row, column))
            assert np.array_equal(tile, pixels[y, x])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tile_shows_the_pixels_of_each_dtype(dtype: str, tmp_path: Path) -> None:
    pixels = _pixels(dtype)
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="czyx", levels=1)
    with viewing(tmp_path / "a.ome.zarr") as asking:
        _check(asking, pixels, 0, 1 if dtype == "bool" else 80)
        values = asking.get("api/values?level=0&z=2&y=299&x=3").json["values"]
    assert values == [str(pixels[c, 2, 299, 3]) for c in range(2)]


def test_a_tile_of_the_oldest_version_is_shown(tmp_path: Path) -> None:
    levels = trees.old_image(tmp_path / "old")
    with viewing(tmp_path / "old") as asking:
        for number, level in enumerate(levels):
            tile = asking.get(f"tile/{number}/0/0.png?z=1&c=1:FFFFFF:0:255").pixels
            assert np.array_equal(tile[..., 0], level[0, 1, 1])


def test_planes_are_those_of_the_level_where_z_is_halved(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 300, 300), "uint8")
    image = pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="zyx", scale_factors="zyx")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        for z in (0, 1, 4, 5):
            tile = asking.get(f"tile/1/0/0.png?z={z}&c=0:FFFFFF:0:255").pixels
            assert np.array_equal(tile[..., 0], image.levels[1].data[z // 2].compute())


def test_a_selection_and_axes_in_another_order_are_shown(tmp_path: Path) -> None:
    pixels = _pixels("uint8")
    image = pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="czyx")
    with viewing(image.select(c=1, z=2, y=slice(40, 140))) as asking:
        tile = asking.get("tile/0/0/0.png?c=0:FFFFFF:0:255").pixels
    assert np.array_equal(tile[..., 0], pixels[1, 2, 40:140, :256])


def test_formats_without_loss_agree_and_jpeg_is_near(tmp_path: Path) -> None:
    import imagecodecs

    smooth = np.add.outer(np.arange(200), np.arange(200)).astype("uint16")
    pyramid.convert(smooth, tmp_path / "a.ome.zarr")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        png = asking.get("tile/0/0/0.png").pixels
        webp = imagecodecs.webp_decode(asking.get("tile/0/0/0.webp").body)
        jpeg = imagecodecs.jpeg_decode(asking.get("tile/0/0/0.jpg").body)
    assert np.array_equal(png, webp)
    assert np.abs(png.astype(int) - jpeg).max() < 12


def test_equal_labels_have_equal_colours_and_none_is_transparent(tmp_path: Path) -> None:
    values = np.kron(np.arange(16).reshape(4, 4), np.ones((20, 20), int)).astype("uint16")
    pyramid.convert(values, tmp_path / "a.ome.zarr")
    pyramid.convert(values, tmp_path / "a.ome.zarr", labels="cells")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        assert asking.get("api/image?source=0").json["labels"] == ["cells"]
        tile = asking.get("label/0/0/0.png?path=labels/cells").pixels
        assert asking.get("api/values?path=labels/cells&level=0&y=25&x=70").json["values"] == ["7"]
    found = {int(value): {tuple(color) for color in tile[values == value].tolist()} for value in range(16)}
    assert all(len(colors) == 1 for colors in found.values())
    assert len({next(iter(colors)) for colors in found.values()}) == 16
    assert {next(iter(colors))[3] for value, colors in found.items() if value} == {255}
    assert next(iter(found[0]))[3] == 0


def test_labels_have_the_colours_of_their_metadata(tmp_path: Path) -> None:
    values = np.kron(np.arange(4).reshape(2, 2), np.ones((20, 20), int)).astype("uint16")
    pyramid.convert(values, tmp_path / "a.ome.zarr")
    pyramid.convert(values, tmp_path / "a.ome.zarr", labels="cells", label_colors={2: "112233"})
    with viewing(tmp_path / "a.ome.zarr") as asking:
        tile = asking.get("label/0/0/0.png?path=labels/cells").pixels
    assert tile[30, 5].tolist() == [0x11, 0x22, 0x33, 255]
    assert tile[5, 5, 3] == 0
    assert tile[30, 30, 3] == 255


def test_a_damaged_chunk_is_hatched_with_its_key_and_the_rest_is_shown(tmp_path: Path) -> None:
    import base64

    import imagecodecs

    pixels = np.full((256, 256), 200, "uint8")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", chunks={"y": 128, "x": 128}, shards="none", codec="zstd")
    (tmp_path / "a.ome.zarr/0/c/1/0").write_bytes(b"damaged")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        reply = asking.get("tile/0/0/0.png?c=0:FFFFFF:0:200")
        assert asking.get("api/values?level=0&y=200&x=0").json["values"] == [None]
    assert reply.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(reply.body)
    svg = "{http://www.w3.org/2000/svg}"
    (hatched,) = root.findall(f"{svg}svg")
    assert [hatched.get(name) for name in ("x", "y", "width", "height")] == ["0", "128", "128", "128"]
    assert "0/c/1/0" in "".join(hatched.itertext())
    inner = imagecodecs.png_decode(base64.b64decode(str(root.find(f"{svg}image").get("href")).partition(",")[2]))  # type: ignore[union-attr]
    assert (inner[:128] == 255).all()
    assert (inner[128:, 128:] == 255).all()


def test_a_store_that_changes_is_seen_anew_when_the_page_is_loaded(tmp_path: Path) -> None:
    pyramid.convert(np.full((90, 90), 50, "uint8"), tmp_path / "a.ome.zarr")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        tile = "tile/0/0/0.png?c=0:FFFFFF:0:255"
        asking.get("api/image?source=0")
        assert asking.get(tile).pixels[0, 0, 0] == 50
        shutil.rmtree(tmp_path / "a.ome.zarr")
        pyramid.convert(np.full((80, 80), 70, "uint8"), tmp_path / "a.ome.zarr")
        assert asking.get("api/image?source=0").json["extent"] == {"y": 80, "x": 80}
        assert asking.get(tile).pixels.shape == (80, 80, 3)
        assert asking.get(tile).pixels[0, 0, 0] == 70


def test_channels_without_windows_are_shown_by_their_range(tmp_path: Path) -> None:
    trees.image(tmp_path / "a", 3)
    with viewing(tmp_path / "a") as asking:
        (channel,) = asking.get("api/image?source=0").json["channels"]
        pixels = asking.get("tile/0/0/0.png").pixels
        histogram = asking.get("api/histogram?channel=0").json
    assert channel["low"] == channel["min"] < channel["high"]
    assert pixels.max() == 255
    assert sum(histogram["counts"]) == 20 * 25
    assert histogram["low"] <= histogram["suggested"][0] <= histogram["suggested"][1] <= histogram["high"]


def test_a_damaged_chunk_is_left_out_of_ranges_and_named_with_the_histogram(tmp_path: Path) -> None:
    pixels = np.full((256, 256), 200, "uint8")
    pixels[0, 0] = 100
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", chunks={"y": 128, "x": 128}, shards="none", levels=1)
    document = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())
    del document["attributes"]["ome"]["omero"]
    trees.write_json(tmp_path / "a.ome.zarr/zarr.json", document)
    (tmp_path / "a.ome.zarr/0/c/1/0").write_bytes(b"damaged")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        (channel,) = asking.get("api/image?source=0").json["channels"]
        histogram = asking.get("api/histogram?channel=0").json
        for chunk in ("0/0", "0/1", "1/1"):
            (tmp_path / f"a.ome.zarr/0/c/{chunk}").write_bytes(b"damaged")
        asking.get("api/image?source=0")
        nothing = asking.get("api/histogram?channel=0").json
    assert (channel["low"], channel["high"]) == (100, 200)
    assert (histogram["low"], histogram["high"], sum(histogram["counts"])) == (100, 200, 256 * 256 - 128 * 128)
    assert len(histogram["notices"]) == 1
    assert "0/c/1/0" in histogram["notices"][0]
    assert sum(nothing["counts"]) == 0
    assert len(nothing["notices"]) == 3


def test_only_so_many_channels_as_a_tile_blends_are_active_at_first(tmp_path: Path) -> None:
    pyramid.convert(np.zeros((100, 40, 50), "uint8"), tmp_path / "a.ome.zarr", axes="cyx")
    document = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())
    for channel in document["attributes"]["ome"]["omero"]["channels"]:
        channel["active"] = True
    trees.write_json(tmp_path / "a.ome.zarr/zarr.json", document)
    with viewing(tmp_path / "a.ome.zarr") as asking:
        found = asking.get("api/image?source=0").json
    assert sum(channel["active"] for channel in found["channels"]) == 64
    assert found["notices"] == ["of 100 active channels the first 64 are shown, which is the most at once"]


def test_a_window_that_ends_before_it_starts_is_not_taken(tmp_path: Path) -> None:
    pyramid.convert(np.arange(2000, dtype="uint16").reshape(40, 50), tmp_path / "a.ome.zarr")
    document = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())
    (channel,) = document["attributes"]["ome"]["omero"]["channels"]
    channel["window"] = {"start": 1500, "end": 100, "min": 4000, "max": 0}
    trees.write_json(tmp_path / "a.ome.zarr/zarr.json", document)
    with viewing(tmp_path / "a.ome.zarr") as asking:
        (found,) = asking.get("api/image?source=0").json["channels"]
    assert (found["min"], found["low"], found["high"], found["max"]) == (0, 0, 1999, 1999)
    assert len(np.unique(pyramid.open(tmp_path / "a.ome.zarr").preview(size=50).pixels)) > 200


def test_the_size_of_complex_numbers_is_shown_and_compared(tmp_path: Path) -> None:
    one, other = (np.full((40, 50), value, "complex64") for value in (3 + 4j, 3 + 1j))
    one[0, 0], other[0, 0] = 0, 5j
    for name, pixels in (("one", one), ("other", other)):
        trees.old_image(tmp_path / name, 1, pixels[None, None, None])
    with viewing(tmp_path / "one", tmp_path / "other", diff=True) as asking:
        values = [asking.get(f"api/values?source={number}&level=0&y=1&x=1").json["values"] for number in range(3)]
        corner = asking.get("api/values?source=2&level=0&y=0&x=0").json["values"]
    found = [float(value) for (value,) in (*values, corner)]
    assert found == pytest.approx([5, np.sqrt(10), 3, 5])
    picture = pyramid.open(tmp_path / "one").preview(size=50).pixels
    assert picture[1, 1].max() == 255
    assert picture[0, 0].max() == 0


def test_what_is_no_whole_image_of_a_store_is_told_from_one(tmp_path: Path) -> None:
    image = pyramid.convert(np.zeros((40, 50), "uint8"), tmp_path / "a.ome.zarr")
    with viewing(tmp_path / "a.ome.zarr", image.select(y=slice(5, 20))) as asking:
        assert [asking.get(f"api/image?source={number}").json["is_stored"] for number in (0, 1)] == [True, False]


def test_a_difference_and_the_members_of_a_plate_are_read_anew_with_the_page(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", 2)):
        pyramid.convert(np.full((40, 50), value, "float32"), tmp_path / name)
    trees.named_plate(tmp_path / "plate", 3)
    with viewing(tmp_path / "a", tmp_path / "b", diff=True) as asking, viewing(tmp_path / "plate") as plate:
        values = "api/values?source=2&level=0&y=1&x=1"
        asking.get("api/image?source=2")
        assert float(asking.get(values).json["values"][0]) == 1
        before = plate.get("thumbnail?source=0&path=A/1").body
        for name, value in (("a", 1000), ("b", 3000)):
            pyramid.convert(np.full((40, 50), value, "uint32"), tmp_path / name, overwrite=True)
        assert asking.get("api/image?source=2").json["dtype"] == "uint32"
        assert float(asking.get(values).json["values"][0]) == 2000
        pyramid.convert(np.full((30, 50), 1, "uint32"), tmp_path / "a", overwrite=True)
        reply = asking.get("api/image?source=2")
        assert (reply.status, "the images differ in size" in reply.json["error"]) == (404, True)
        pyramid.convert(np.eye(80, dtype="uint16"), tmp_path / "plate/A/1/0", overwrite=True)
        plate.get("api/image?source=0")
        reply = plate.get("thumbnail?source=0&path=A/1")
    assert reply.status == 200
    assert reply.body != before


def test_the_difference_of_two_images_is_exact(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    one, other = (chance.integers(-(2**15), 2**15, (2, 300, 280), "int16") for _ in range(2))
    pyramid.convert(one, tmp_path / "a.ome.zarr", axes="cyx")
    pyramid.convert(other, tmp_path / "b.ome.zarr", axes="cyx", shards="none")
    expected = np.abs(one.astype(int) - other)
    with viewing(tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr", diff=True) as asking:
        assert asking.get("api/image?source=2").json["dtype"] == "uint16"
        for y, x in ((0, 0), (299, 279), (17, 200)):
            values = asking.get(f"api/values?source=2&level=0&y={y}&x={x}").json["values"]
            assert values == [str(expected[c, y, x]) for c in range(2)]
        tile = asking.get("tile/0/1/1.png?source=2&c=1:FFFFFF:0:65535").pixels[..., 0]
        assert np.abs(tile - expected[1, 256:, 256:] / 257).max() <= 1
        smaller = asking.get("tile/1/0/0.png?source=2").pixels
        assert smaller.shape == (150, 140, 3)


def test_a_difference_of_images_that_do_not_fit_is_refused(tmp_path: Path) -> None:
    from pyramid.errors import OptionError

    pyramid.convert(np.zeros((40, 50), "uint8"), tmp_path / "a.ome.zarr")
    pyramid.convert(np.zeros((40, 51), "uint8"), tmp_path / "b.ome.zarr")
    trees.named_plate(tmp_path / "plate", 3)
    for others in ((tmp_path / "b.ome.zarr",), (tmp_path / "plate",), ()):
        with pytest.raises(OptionError, match=r"^diff: .*; give two"):
            pyramid.view(tmp_path / "a.ome.zarr", *others, diff=True)


def test_complex_numbers_are_shown_by_their_size(tmp_path: Path) -> None:
    trees.image(tmp_path / "a", 3, levels=1)
    shutil.rmtree(tmp_path / "a/0")
    trees.array(tmp_path / "a/0", np.full((40, 50), 30 + 40j, "complex64"), zarr_format=3)
    with viewing(tmp_path / "a") as asking:
        assert (asking.get("tile/0/0/0.png?c=0:FFFFFF:0:100").pixels == 128).all()
