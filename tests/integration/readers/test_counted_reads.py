"""Bytes that are fetched for a selection, against those of the chunks, strips or rows that hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

import pyramid
from pyramid.model import Box
from pyramid.options.convert import make_options
from pyramid.readers import open_source
from tests.support.servers.web import WebServer, ranged

SHAPE = (3, 16, 512, 768)
PIXELS = np.random.default_rng(0).integers(0, 2**16, SHAPE, "u2")  # noise, which no codec makes smaller
# Each kind, and the pixels that are fetched together. Of what is not encoded, whole rows of the file are read.
CHUNKS = {
    "tiled.tif": (1, 1, 128, 128),
    "tiled-deflate.tif": (1, 1, 128, 128),
    "strips.tif": (1, 1, 1, 768),
    "strips-deflate.tif": (1, 1, 16, 768),
    "planes.tif": (1, 1, 1, 768),
    "planes-deflate.tif": (1, 1, 512, 768),
    "array.npy": (1, 1, 1, 768),
    "chunked.zarr": (1, 4, 128, 128),
    "sharded.zarr": (1, 4, 128, 128),
}
CORNER = "c=1,z=:4,y=:128,x=:128"
SELECTIONS = (CORNER, "c=2|0,z=3::10,y=130:250", "z=0|7|15,y=::100,x=5", "c=-1,z=5,y=::2,x=::3")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server of one image in every kind of file."""
    folder = tmp_path_factory.mktemp("kinds")
    planes: dict[str, Any] = {"metadata": {"axes": "CZYX"}, "ome": True}
    tifffile.imwrite(folder / "tiled.tif", PIXELS, tile=(128, 128), **planes)
    tifffile.imwrite(folder / "tiled-deflate.tif", PIXELS, tile=(128, 128), compression="zlib", **planes)
    tifffile.imwrite(folder / "strips.tif", PIXELS, rowsperstrip=16, **planes)
    tifffile.imwrite(folder / "strips-deflate.tif", PIXELS, rowsperstrip=16, compression="zlib", **planes)
    tifffile.imwrite(folder / "planes.tif", PIXELS, **planes)
    tifffile.imwrite(folder / "planes-deflate.tif", PIXELS, rowsperstrip=512, compression="zlib", **planes)
    np.save(folder / "array.npy", PIXELS)
    zarr.create_array(folder / "chunked.zarr", data=PIXELS, chunks=(1, 4, 128, 128))
    zarr.create_array(folder / "sharded.zarr", data=PIXELS, chunks=(1, 4, 128, 128), shards=(1, 16, 256, 256))
    with ranged(folder) as server:
        yield server


def fetched_bytes(web: WebServer) -> int:
    """Bytes of all answers to requests since the log was cleared."""
    total = 0
    for request in web.log.requests:
        file = web.file(request)
        if request.method != "GET" or file is None or request.status not in (200, 206):
            continue
        size = file.stat().st_size
        first, _, last = request.byte_range.removeprefix("bytes=").partition("-")
        if request.byte_range and not first:
            total += min(int(last), size)
        else:
            total += min(int(last or size - 1), size - 1) + 1 - int(first or 0)
    return total


def read(source: Any) -> NDArray[Any]:
    out = np.empty(source.spec.shape, source.spec.dtype)
    source.read(Box((0,) * out.ndim, out.shape), out)
    return out


def indices(select: str) -> tuple[NDArray[np.intp], ...]:
    """The selection as indices of NumPy, by a reading of its text that knows only these selections."""
    parts = dict(part.split("=") for part in select.split(","))
    found = []
    for axis, extent in zip("czyx", SHAPE, strict=True):
        text = parts.get(axis, ":")
        whole = np.arange(extent)
        if ":" in text:
            found.append(whole[slice(*(int(end) if end else None for end in text.split(":")))])
        else:
            found.append(whole[[int(item) for item in text.split("|")]])
    return tuple(found)


@pytest.mark.parametrize("select", SELECTIONS)
@pytest.mark.parametrize("name", CHUNKS)
def test_only_what_holds_the_selection_is_fetched(name: str, select: str, web: WebServer) -> None:
    source = open_source(web.url(name), make_options({"select": select, "axes": "czyx"}))
    web.log.clear()
    taken = indices(select)
    np.testing.assert_array_equal(read(source), PIXELS[np.ix_(*taken)])
    touched = [len(np.unique(each // chunk)) for each, chunk in zip(taken, CHUNKS[name], strict=True)]
    needed_bytes = int(np.prod(touched) * np.prod(CHUNKS[name]) * PIXELS.itemsize)
    # A codec adds a little to noise, a shard has its index, and rows that are near each other are fetched with those
    # between them.
    most = 2.2 if CHUNKS[name][2] == 1 and "::2" in select else 1.05
    assert fetched_bytes(web) <= most * needed_bytes + 2**13 * len(web.log.requests) * (name == "sharded.zarr")


@pytest.mark.parametrize("name", CHUNKS)
def test_converting_a_corner_fetches_little_more_than_to_open_the_file(
    name: str, web: WebServer, tmp_path: Path
) -> None:
    web.log.clear()
    pyramid.plan(web.url(name), axes="czyx", select=CORNER)
    opened_bytes = fetched_bytes(web)
    web.log.clear()
    image = pyramid.convert(web.url(name), tmp_path / "corner.ome.zarr", axes="czyx", select=CORNER)
    touched = [-(-n // chunk) for n, chunk in zip((1, 4, 128, 128), CHUNKS[name], strict=True)]
    needed_bytes = int(np.prod(touched) * np.prod(CHUNKS[name]) * PIXELS.itemsize)
    assert fetched_bytes(web) <= 2 * opened_bytes + 1.1 * needed_bytes + 2**16
    np.testing.assert_array_equal(image.levels[0].data, PIXELS[1:2, :4, :128, :128])


def test_only_the_chunks_of_a_dask_array_that_are_selected_are_computed(tmp_path: Path) -> None:
    made: list[tuple[int, ...]] = []

    def make(block_info: Any = None) -> NDArray[Any]:
        location = block_info[None]["array-location"]
        made.append(tuple(start for start, _ in location))
        return PIXELS[tuple(slice(*each) for each in location)]

    chunks = da.core.normalize_chunks((1, 4, 128, 128), SHAPE)
    array = da.map_blocks(make, chunks=chunks, dtype="u2", meta=np.empty((0,) * 4, "u2"))
    with dask.config.set(scheduler="synchronous"):
        image = pyramid.convert(array, tmp_path / "part.ome.zarr", axes="czyx", select="c=2|0,z=::8,y=:100,x=700")
    np.testing.assert_array_equal(image.levels[0].data, PIXELS[[2, 0]][:, ::8, :100, 700:701])
    assert sorted(set(made)) == [(c, z, 0, 640) for c in (0, 2) for z in (0, 8)]
    assert len(made) == 4


@pytest.mark.parametrize("kind", ["chunked.zarr", "sharded.zarr"])
def test_a_selection_of_an_image_reads_its_chunks_only(kind: str, web: WebServer, tmp_path: Path) -> None:
    shards = "none" if kind == "chunked.zarr" else {"c": 1, "z": 16, "y": 512, "x": 768}
    chunks = {"c": 1, "z": 4, "y": 128, "x": 128}
    pyramid.convert(PIXELS, tmp_path / "image.ome.zarr", axes="czyx", chunks=chunks, shards=shards, levels=1)
    with ranged(tmp_path) as server:
        part = pyramid.open(server.url("image.ome.zarr")).select(c=1, z=[0, 15], y=slice(0, 128), x=slice(0, 128, 3))
        server.log.clear()
        np.testing.assert_array_equal(part.levels[0].data, PIXELS[1:2, [0, 15], :128, :128:3])
        assert fetched_bytes(server) <= 1.05 * 2 * 4 * 128 * 128 * 2 + 2**13 * len(server.log.requests)
