"""What every reader keeps, held for files of microscopes' vendors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.model import Source
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import SourceContract
from tests.support.vendors.czi import Tile, entry, stack, write_czi
from tests.support.vendors.lif import Image, write_lif
from tests.support.vendors.nd2 import depth_loop, place_loop, time_loop, write_nd2

CHANCE = np.random.default_rng(7)


def noise(shape: tuple[int, ...], dtype: str = "uint16") -> NDArray[Any]:
    return CHANCE.integers(0, 200, shape).astype(dtype)


@dataclass(frozen=True)
class Case:
    """A file that `make` writes into a folder, and returns with its pixels; `series` chooses one of its images."""

    make: Callable[[Path], tuple[Path, NDArray[Any]]]
    series: int | str | None = None


def czi_stack(dtype: str, compression: int, *samples: int) -> Callable[[Path], tuple[Path, NDArray[Any]]]:
    def make(folder: Path) -> tuple[Path, NDArray[Any]]:
        tiles = stack((2, 2, 3, 20, 31, *samples), "TCZ", dtype, compression)
        whole = np.stack([tile.pixels for tile in tiles]).reshape(2, 2, 3, 20, 31, *samples)
        if samples:  # samples follow their channel
            whole = np.moveaxis(whole, -1, 2).reshape(2, 2 * samples[0], 3, 20, 31)
        return write_czi(folder / "a.czi", tiles), whole

    return make


def czi_jpeg(*samples: int) -> Callable[[Path], tuple[Path, NDArray[Any]]]:
    """Two planes of one value in each block of JPEG, which keeps such a block exactly."""

    def make(folder: Path) -> tuple[Path, NDArray[Any]]:
        whole = noise((2, 3, 4, *samples), "uint8").repeat(8, 1).repeat(8, 2)
        tiles = [Tile(plane, {"Z": z}, compression=1) for z, plane in enumerate(whole)]
        return write_czi(folder / "a.czi", tiles), np.moveaxis(whole, -1, 0) if samples else whole

    return make


def czi_parts(folder: Path) -> tuple[Path, NDArray[Any]]:
    """Planes in three files: the first one lists its own and those of the second, the third one its own."""
    tiles = stack((3, 20, 31), "Z")
    write_czi(folder / "a (1).czi", [tiles[1]], part=1, first_id=b"a")
    write_czi(folder / "a (2).czi", [tiles[2]], part=2, first_id=b"a")
    listed = [entry(dataclasses.replace(tiles[1], part=1), 32 + 512)]
    path = write_czi(folder / "a.czi", [tiles[0]], first_id=b"a", listed=listed)
    return path, np.stack([tile.pixels for tile in tiles])


def czi_mosaic(compression: int) -> Callable[[Path], tuple[Path, NDArray[Any]]]:
    """Tiles that overlap, in two scenes, whose first pixels are not at the origin; and levels of smaller ones."""

    def make(folder: Path) -> tuple[Path, NDArray[Any]]:
        whole = np.zeros((2, 40, 51), "u2")
        tiles = []
        for scene in range(2):
            for channel in range(2):
                for m, (y, x) in enumerate([(0, 0), (0, 24), (14, 0), (20, 31)]):
                    pixels = noise((20, 20))
                    index = {"S": scene, "C": channel, "M": m}
                    tiles.append(Tile(pixels, index, y - 7, x + 1000 * scene, compression))
                    if scene == 1:
                        whole[channel, y : y + 20, x : x + 20] = pixels
        tiles += [Tile(noise((10, 10)), {"S": 1, "C": 0, "M": 0}, -7, 1000, compression, stored=(10, 10))]
        return write_czi(folder / "a.czi", tiles[::-1]), whole

    return make


def lif(pixels: NDArray[Any], letters: str, axes: str, version: int = 2) -> Callable[[Path], tuple[Path, NDArray[Any]]]:
    """The image after another one; `axes` are those of the pixels as they are stored."""

    def make(folder: Path) -> tuple[Path, NDArray[Any]]:
        images = [Image("first", noise((9, 8)), "YX"), Image("second", pixels, letters)]
        order = [axes.index(axis) for axis in "tczyx" if axis in axes]
        return write_lif(folder / "a.lif", images, version), pixels.transpose(order)

    return make


def nd2(lossless: bool, channels: int) -> Callable[[Path], tuple[Path, NDArray[Any]]]:
    """Two times of three positions of four depths, of which the second position is read."""

    def make(folder: Path) -> tuple[Path, NDArray[Any]]:
        frames = noise((24, 20, 31, channels))
        loops = [
            time_loop(2, 500.0),
            place_loop([("a", 1.0, 2.0), ("b", 3.0, 4.0), ("", 5.0, 6.0)]),
            depth_loop(4, 1.5),
        ]
        path = write_nd2(folder / "a.nd2", frames, loops, lossless=lossless)
        whole = frames.reshape(2, 3, 4, 20, 31, channels)[:, 1]
        return path, np.moveaxis(whole, -1, 1) if channels > 1 else whole[..., 0]

    return make


CASES = {
    "czi": Case(czi_stack("uint16", 0)),
    "czi of floats": Case(czi_stack("float32", 0)),
    "czi in colour": Case(czi_stack("uint8", 0, 3)),
    "czi in colour, 16 bits": Case(czi_stack("uint16", 0, 3)),
    "czi by lzw": Case(czi_stack("uint16", 2)),
    "czi in colour by lzw": Case(czi_stack("uint8", 2, 3)),
    "czi by jpeg": Case(czi_jpeg()),
    "czi in colour by jpeg": Case(czi_jpeg(3)),
    "czi in several files": Case(czi_parts),
    "czi by jpeg xr": Case(czi_stack("uint16", 4)),
    "czi in colour by jpeg xr": Case(czi_stack("uint8", 4, 3)),
    "czi by zstd": Case(czi_stack("uint8", 5)),
    "czi by shuffled zstd": Case(czi_stack("uint16", 6)),
    "czi in colour with alpha by zstd": Case(czi_stack("uint8", 6, 4)),
    "czi mosaic": Case(czi_mosaic(0), 1),
    "czi mosaic by zstd": Case(czi_mosaic(6), "right"),
    "lif": Case(lif(noise((2, 2, 3, 20, 31)), "TCZYX", "tczyx"), 1),
    "lif of version 1": Case(lif(noise((3, 2, 20, 31), "uint8"), "ZCYX", "zcyx", 1), "run/second"),
    "lif of floats": Case(lif(noise((3, 20, 31), "float32"), "ZYX", "zyx"), 1),
    "lif in colour": Case(lif(noise((3, 20, 31, 3), "uint8"), "ZYXS", "zyxc"), 1),
    "lif of wavelengths": Case(lif(noise((5, 20, 31)), "EYX", "cyx"), 1),
    "lif with rows across": Case(lif(noise((5, 3, 31)), "YZX", "yzx"), 1),
    "nd2": Case(nd2(False, 2), 1),
    "nd2 by zlib": Case(nd2(True, 2), "b"),
    "nd2 of one channel": Case(nd2(False, 1), 1),
}


@pytest.fixture(scope="module", params=CASES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, NDArray[Any]]:
    case = CASES[request.param]
    path, pixels = case.make(tmp_path_factory.mktemp("case"))
    return open_source(path, Options(series=case.series)), pixels


class TestVendors(SourceContract):
    @pytest.fixture
    def source(self, opened: tuple[Source, NDArray[Any]]) -> Source:
        return opened[0]

    @pytest.fixture
    def expected(self, opened: tuple[Source, NDArray[Any]]) -> NDArray[Any]:
        return opened[1]
