"""Regions of written levels, read back: equal to what was written, in any layout; damage is never pixels."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pyramid
from pyramid.decoding import ArrayReader
from pyramid.model import Box
from pyramid.options.choices import N5_CODECS
from pyramid.stores import open_objects, open_parts
from pyramid.writing.codecs import CODECS
from pyramid.writing.decode import level_reader
from pyramid.writing.encode import StoredLevel

# Those that Zarr has.
ZARR_CODECS = [name for name in CODECS if name not in N5_CODECS]
NUMBERS = itertools.count()
SHAPE = (5, 70, 90)


def write(url: str, pixels: NDArray[Any], **given: Any) -> ArrayReader:
    """Write an image of one level, and return what reads it back."""
    layout = {"axes": "zyx", "levels": 1, "chunks": "z=2,y=16,x=32", **given}
    decided = pyramid.plan(pixels, **layout)
    pyramid.convert(pixels, url, **layout)
    prefix = "0/" if given.get("ome_zarr_version") == "0.4" else "0/c/"
    objects = open_objects(url)
    return level_reader(
        objects, open_parts(objects), StoredLevel(decided.levels[0], str(pixels.dtype), prefix, decided.encoding)
    )


@given(
    data=st.data(),
    codec=st.sampled_from(ZARR_CODECS),
    dtype=st.sampled_from(["bool", "uint8", "int16", "float32", "uint64"]),
    form=st.sampled_from([{"ome_zarr_version": "0.4"}, {"shards": "none"}, {"shards": "z=4,y=32,x=64"}]),
    switches=st.sets(st.sampled_from(["checksum", "skip_empty"])),
)
def test_a_region_is_read_as_it_was_written(
    data: st.DataObject, codec: str, dtype: str, form: dict[str, str], switches: set[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 2**15, SHAPE).astype(dtype)
    pixels[:, 16:40, 20:70] = 0
    switched = dict.fromkeys(switches - ({"checksum"} if "ome_zarr_version" in form else set()), True)
    reader = write(f"memory://decode/{next(NUMBERS)}", pixels, codec=codec, **form, **switched)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in SHAPE)
    shape = tuple(data.draw(st.integers(1, n - a)) for a, n in zip(start, SHAPE, strict=True))
    out = np.ones(shape, dtype)
    reader.read(box := Box(start, shape), out)
    np.testing.assert_array_equal(out, pixels[box.slices])


@pytest.mark.parametrize("codec", ZARR_CODECS)
@pytest.mark.parametrize("shards", ["none", "z=4,y=32,x=64"])
def test_an_object_that_was_changed_or_is_gone_is_an_error(tmp_path: Path, codec: str, shards: str) -> None:
    pixels = np.random.default_rng(1).integers(1, 2**15, SHAPE, "uint16")
    reader = write(str(tmp_path / "image"), pixels, codec=codec, shards=shards, checksum=True)
    everything = Box((0, 0, 0), SHAPE)
    file = tmp_path / "image/0/c/0/1/1"
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[1:], b"", whole + b"\0", bytes([whole[0] ^ 1]) + whole[1:]):
        file.write_bytes(damaged)
        with pytest.raises((ValueError, OSError), match=r"0/c/0/1/1.* is damaged|0/c/0/1/1"):
            reader.read(everything, np.empty(SHAPE, "uint16"))
    file.unlink()
    with pytest.raises(OSError, match="0/c/0/1/1 was written and is now missing"):
        reader.read(everything, np.empty(SHAPE, "uint16"))
