"""Any mosaic of a CZI and any layout of a LIF read as NumPy puts them together."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.vendors.czi import Tile, write_czi
from tests.support.vendors.lif import Image, write_lif

CHANCE = np.random.default_rng(11)


@st.composite
def mosaics(draw: st.DrawFn) -> list[Tile]:
    """Tiles on two channels, which may overlap and leave gaps; those of one mosaic index are on one channel each."""
    tiles = []
    for channel, number in itertools.product(range(2), range(draw(st.integers(1, 4)))):
        shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
        y, x = draw(st.tuples(st.integers(-20, 20), st.integers(-20, 20)))
        pixels = CHANCE.integers(1, 60000, shape).astype("u2")
        tiles.append(Tile(pixels, {"C": channel, "M": number}, y, x, draw(st.sampled_from([0, 5, 6]))))
    return draw(st.permutations(tiles))


def painted(tiles: list[Tile]) -> NDArray[Any]:
    """The mosaic, in which tiles of higher numbers are on top."""
    top, left = min(tile.y for tile in tiles), min(tile.x for tile in tiles)
    rows = max(tile.y + tile.pixels.shape[0] for tile in tiles) - top
    columns = max(tile.x + tile.pixels.shape[1] for tile in tiles) - left
    whole = np.zeros((2, rows, columns), "u2")
    for tile in sorted(tiles, key=lambda tile: tile.index["M"]):
        (y, x), (h, w) = (tile.y - top, tile.x - left), tile.pixels.shape
        whole[tile.index["C"], y : y + h, x : x + w] = tile.pixels
    return whole


def some_box(data: st.DataObject, shape: tuple[int, ...]) -> Box:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    return Box(start, tuple(data.draw(st.integers(1, n - a)) for n, a in zip(shape, start, strict=True)))


@given(tiles=mosaics(), data=st.data())
def test_any_mosaic_of_a_czi_reads_as_it_was_painted(tiles: list[Tile], data: st.DataObject) -> None:
    expected = painted(tiles)
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(write_czi(Path(folder) / "a.czi", tiles), Options())
        np.testing.assert_array_equal(read(source), expected)
        box = some_box(data, expected.shape)
        np.testing.assert_array_equal(read(source, box), expected[box.slices])


@given(
    outer=st.permutations("TCZ").flatmap(lambda letters: st.integers(0, 3).map(lambda n: "".join(letters[:n]))),
    plane=st.sampled_from(["YX", "XY", "YXS", "ZX", "XZ"]),
    dtype=st.sampled_from(["u1", "u2", "f4"]),
    data=st.data(),
)
def test_any_layout_of_a_lif_reads_as_it_was_stored(outer: str, plane: str, dtype: str, data: st.DataObject) -> None:
    letters = (
        "".join(letter for letter in outer if letter not in plane and not ("S" in plane and letter == "C")) + plane
    )
    letters = letters if "Y" in letters else f"Y{letters}"
    extents = {"T": 2, "C": 2, "Z": 3, "Y": 5, "X": 7, "S": 3}
    pixels = CHANCE.integers(0, 250, [extents[letter] for letter in letters]).astype(dtype)
    axes = letters.lower().replace("s", "c")
    expected = pixels.transpose([axes.index(axis) for axis in "tczyx" if axis in axes])
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(write_lif(Path(folder) / "a.lif", [Image("a", pixels, letters)]), Options())
        np.testing.assert_array_equal(read(source), expected)
        box = some_box(data, expected.shape)
        np.testing.assert_array_equal(read(source, box), expected[box.slices])
