"""TIFFs whose pages are not what the first one is, or not there: right pixels, or a sentence before any is written."""

from __future__ import annotations

import logging
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.tiff.log import hearing
from pyramid.testing.sources import read

PLAIN: dict[str, Any] = {"photometric": "minisblack", "metadata": None}


def pixels(*shape: int, dtype: str = "uint16") -> NDArray[Any]:
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def open_path(path: Path, **options: Any) -> Any:
    return open_source(path, Options(**options))


@pytest.mark.parametrize("storage", [{}, {"tile": (16, 16)}, {"rowsperstrip": 1}], ids=["strip", "tile", "row"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "zstd", "jpeg2000"])
@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 1), (6, 1, 9), (6, 9, 1), (3, 1, 1, 3)])
def test_pages_of_few_pixels(shape: tuple[int, ...], compression: str | None, storage: Any, tmp_path: Path) -> None:
    array = pixels(*shape)
    colored = len(shape) == 4
    options = {**storage, "compression": compression, "photometric": "rgb" if colored else "minisblack"}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in array.reshape(-1, *shape[-3 if colored else -2 :]):
            writer.write(page, metadata=None, **options)
    source = open_path(tmp_path / "a.tif")
    expected = array.transpose(3, 0, 1, 2) if colored else array
    np.testing.assert_array_equal(read(source), expected)
    for index in np.ndindex(*expected.shape):
        one = np.full((1,) * expected.ndim, 60_000, "uint16")
        source.read(Box(index, one.shape), one)
        assert one.item() == expected[index]


@pytest.mark.parametrize(
    "other",
    [
        {"compression": "lzw"},
        {"compression": None},
        {"rowsperstrip": 36},
        {"rowsperstrip": 10},
        {"rowsperstrip": None, "tile": (64, 64)},
        {"predictor": True},
    ],
)
@pytest.mark.parametrize("first", [{"compression": "zlib", "rowsperstrip": 35}, {"compression": None}])
def test_a_page_is_read_as_it_is_stored(first: Any, other: Any, tmp_path: Path) -> None:
    if "predictor" in other and first["compression"] is None:
        other = {"compression": "zlib", **other}
    array = pixels(10, 70, 80)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, page in enumerate(array):
            writer.write(page, **PLAIN, **(first | other if number == 4 else first))
    np.testing.assert_array_equal(read(open_path(tmp_path / "a.tif")), array)


def test_pages_that_tifffile_takes_apart_are_one_stack_where_they_are_alike(tmp_path: Path) -> None:
    array = np.arange(2 * 64 * 48, dtype="u2").reshape(2, 64, 48)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(array[0], compression="lzw", metadata=None)
        writer.write(array[1], compression="zlib", tile=(16, 16), metadata=None)
    np.testing.assert_array_equal(read(open_source(tmp_path / "a.tif", Options())), array)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda page: (page[:60], {}), r"page 4 .*\(60, 80\)"),
        (lambda page: (page[:, :60], {}), r"page 4 .*\(70, 60\)"),
        (lambda page: (page.astype("int16"), {}), "page 4 .*int16"),
        (lambda page: (page, {"photometric": "miniswhite"}), "page 4 .*photometric"),
        (lambda page: (page, {"subfiletype": 1}), "page 4 .*NewSubfileType"),
    ],
)
def test_pages_that_are_not_of_one_image_are_refused(change: Any, complaint: str, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, page in enumerate(pixels(10, 70, 80)):
            page, options = change(page) if number == 4 else (page, {})
            writer.write(page, **{**PLAIN, "compression": "zlib", **options})
    with pytest.raises(SourceError, match=complaint):
        open_path(tmp_path / "a.tif")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("to", "complaint"), [(0, "loop: page 3 is page 0"), (2, "is page 2"), (10**8, "page 3 would")]
)
def test_a_chain_that_is_broken_is_refused(order: Any, to: int, complaint: str, big: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(3, 20, 30), byteorder=order, bigtiff=big, **PLAIN)
    with tifffile.TiffFile(path) as tif:
        offsets, last = [page.offset for page in tif.pages], tif.pages[2].aspage()
        where = last.offset + tif.tiff.tagnosize + len(last.tags) * tif.tiff.tagsize
    with path.open("r+b") as file:
        file.seek(where)
        file.write(struct.pack(order + ("Q" if big else "I"), to if to > 2 else offsets[to]))
    with pytest.raises(SourceError, match=complaint):
        open_path(path)


def test_a_loop_of_many_pages_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(300, 4, 4), **PLAIN)
    with tifffile.TiffFile(path) as tif:
        first, last = tif.pages[150].offset, tif.pages[299].aspage()
        where = last.offset + 2 + len(last.tags) * 12
    with path.open("r+b") as file:
        file.seek(where)
        file.write(struct.pack("<I", first))
    with pytest.raises(SourceError, match="loop: page 300 is page 150"):
        open_path(path)


@pytest.mark.parametrize("metadata", [{"axes": "CZYX"}, {}, None])
@pytest.mark.parametrize("share", [0.1, 0.34, 0.67, 0.9, 0.999])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", ["a.ome.tif", "a.tif"])
def test_a_stack_that_was_cut_off_is_refused(
    name: str, compression: str | None, share: float, metadata: Any, tmp_path: Path
) -> None:
    path = tmp_path / name
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": metadata, "compression": compression}
    tifffile.imwrite(path, pixels(2, 9, 31, 57), **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SourceError, match=r"a\..*tif.*(cut off|damaged)"):
        open_path(path)


def patch(path: Path, code: int, at: int, *values: int) -> None:
    """Overwrite a part of the entry of a tag of the first page, or of its value."""
    with tifffile.TiffFile(path) as tif:
        tag, order = tif.pages.first.tags[code], tif.byteorder
    item = "H" if tag.dtype == 3 and at >= 0 else "I"
    with path.open("r+b") as file:
        file.seek(tag.offset + 4 if at < 0 else tag.valueoffset + struct.calcsize(item) * at)
        file.write(struct.pack(f"{order}{len(values)}{item}", *values))


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize(
    ("code", "at", "values", "complaint"),
    [
        (273, -1, (3,), "strip 3 is missing"),
        (279, -1, (3,), "strip 3 is missing"),
        (273, 1, (10**7,), "strip 1 takes bytes 10000000"),
        (279, 3, (60_000,), "strip 3 takes bytes"),
        (279, 1, (0,), "strip 1 has the offset .* and 0 bytes"),
        (273, 2, (0,), "strip 2 has the offset 0"),
    ],
)
def test_strips_that_are_not_there_are_refused(
    code: int, at: int, values: tuple[int, ...], complaint: str, compression: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(200, 160, dtype="uint8"), compression=compression, rowsperstrip=50, **PLAIN)
    patch(path, code, at, *values)
    with pytest.raises(SourceError, match=complaint):
        open_path(path)


@pytest.mark.parametrize("storage", [{"rowsperstrip": 50}, {"rowsperstrip": 70}, {"tile": (64, 64)}])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("samples", [1, 3])
def test_byte_counts_that_are_not_there_are_known_for_plain_pixels(
    samples: int, compression: str | None, storage: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    array = pixels(samples, 200, 160)[0 if samples == 1 else slice(None)]
    options: dict[str, Any] = {"photometric": "minisblack" if samples == 1 else "rgb", "metadata": None, **storage}
    options |= {} if samples == 1 else {"planarconfig": "separate"}
    tifffile.imwrite(path, array, compression=compression, **options)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.tags[325 if "tile" in storage else 279].offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack("<H", 65111))  # a tag that says nothing
    if compression is None:
        np.testing.assert_array_equal(read(open_path(path)), array)
    else:
        with pytest.raises(SourceError, match="does not say how long its"):
            open_path(path)


def test_strips_and_tiles_that_a_file_rightly_leaves_out_are_0(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    array = pixels(200, 160, dtype="uint8")
    tifffile.imwrite(path, array, compression="zlib", rowsperstrip=50, **PLAIN)
    patch(path, 273, 1, 0)
    patch(path, 279, 1, 0)
    array[50:100] = 0
    np.testing.assert_array_equal(read(open_path(path)), array)


def test_a_tag_whose_value_is_beyond_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(20, 30), software="a program with a long name", **PLAIN)
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages.first.tags[305]
    with path.open("r+b") as file:
        file.seek(tag.offset + 8)
        file.write(struct.pack("<I", 10**6))
    with pytest.raises(SourceError, match="value of tag 305 of page 0"):
        open_path(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("wanted", [{"slices": 3, "channels": 2}, {"slices": 12}])
def test_an_imagej_stack_without_all_its_planes_is_refused(wanted: Any, compression: Any, tmp_path: Path) -> None:
    text = "ImageJ=1.54f\n" + "".join(f"{key}={n}\n" for key, n in {"images": 6, **wanted}.items())
    tifffile.imwrite(tmp_path / "a.tif", pixels(4, 20, 30), description=text, compression=compression, **PLAIN)
    with pytest.raises(SourceError, match=r"a\.tif"):
        open_path(tmp_path / "a.tif")


def test_pages_that_imagej_does_not_count_are_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(4, 20, 30), description="ImageJ=1.54f\nimages=2\nslices=2\n", **PLAIN)
    source = open_path(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(source), pixels(4, 20, 30)[:2])
    assert any("2 of its 4 pages are left out" in notice for notice in source.spec.notices)


def test_many_pages_open_in_seconds(tmp_path: Path) -> None:
    array = pixels(10_000, 4, 4)
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", **PLAIN)
    source = open_path(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(source, Box((9_990, 0, 0), (10, 4, 4))), array[9_990:])


def test_what_tifffile_logs_is_heard_by_its_own_run() -> None:
    """Two threads that read at once do not hear each other."""
    log = logging.getLogger("tifffile")
    both = threading.Barrier(2, timeout=30)
    found: dict[str, list[str]] = {}

    def run(name: str) -> None:
        with hearing() as heard:
            both.wait()
            log.warning(name)
            both.wait()
            found[name] = list(heard)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {"a": ["a"], "b": ["b"]}
