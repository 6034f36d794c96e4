"""Each kind of TIFF that people have: level 0 is what was written, and its metadata is carried."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import pyramid
from pyramid.errors import PyramidError
from pyramid.model import Box, own_levels_of
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.paths import ROOT
from tests.support.stores import read_level
from tests.support.tiff_kinds import microscopes
from tests.support.tiff_kinds.table import KINDS, Kind

DAMAGED_FILES = 24  # of each kind
MAX_READ_PX = 10**7  # a damaged file may claim more, which would only take time


def by_axis(axes: str, values: tuple[Any, ...], known: dict[str, Any]) -> dict[str, Any]:
    """The values of the axes that are known."""
    return {axis: value for axis, value in zip(axes, values or (0.0,) * len(axes), strict=True) if axis in known}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_level_0_is_what_was_written(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"scan{kind.suffix}"
    expected = kind.make(path)
    facts = dict(kind.facts)
    series = facts.pop("series", None)
    spec = pyramid.plan(path, series=series).spec
    for name in ("scale", "translation"):
        known = facts.pop(name, {})
        assert by_axis(spec.axes, getattr(spec, name), known) == pytest.approx(known)
    names = facts.pop("channel_names", None)
    assert names is None or names == tuple(channel.name for channel in spec.channels)
    assert {name: getattr(spec, name) for name in facts} == facts
    pyramid.convert(path, tmp_path / "a.zarr", series=series)
    level = read_level(tmp_path / "a.zarr", 0)
    assert (level.dtype, level.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(level, expected)


def test_the_documentation_lists_each_kind_and_how_it_is_tried() -> None:
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    table = text.partition("| kind of TIFF | tried on |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    assert [row for row in rows if not row[0].startswith("-")] == [(kind.name, kind.shown_by) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_gives_pixels_or_is_refused(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"scan{kind.suffix}"
    kind.make(path)
    whole = path.read_bytes()
    random = np.random.default_rng(len(whole))
    ended = {"read": 0, "refused": 0}
    for number in range(DAMAGED_FILES):
        data = bytearray(whole)
        if number % 4 == 3:
            data = data[: random.integers(len(data))]
        else:  # most of what decides is at the beginning, or in the directories at the end
            most = len(data) if number % 4 == 0 else min(len(data), 1500)
            for at in random.integers(0, most, random.integers(1, 6)):
                data[at] = random.integers(256)
        path.write_bytes(data)
        os.utime(path, (number + 1, number + 1))
        try:
            source = open_source(path, Options(level_source="reuse"))
            for level in (source, *own_levels_of(source)):
                if np.prod(level.spec.shape) < MAX_READ_PX:
                    read(level)
            ended["read"] += 1
        except PyramidError:
            ended["refused"] += 1
    assert sum(ended.values()) == DAMAGED_FILES
    assert ended["refused"] > 0


def test_offsets_of_lsm_beyond_4_gib_are_unwrapped(tmp_path: Path) -> None:
    edge, planes = 33_000, 5  # of a GiB each, of which next to nothing is stored
    path = tmp_path / "a.lsm"
    microscopes.lsm(path, times=1, depth=planes)
    begins = [4096 * 8 + number * (edge * edge + 4096) for number in range(planes)]
    with tifffile.TiffFile(path) as tif:
        tags = [page.aspage().tags for page in tif.pages]
    with path.open("r+b") as file:
        for number, of_page in enumerate(tags):
            begin = begins[number // 2] + (0 if number % 2 == 0 else edge * edge)
            values = {273: begin % 2**32}
            if number % 2 == 0:
                values |= {256: edge, 257: edge, 278: edge, 279: edge * edge}
            for code, value in values.items():
                file.seek(of_page[code].valueoffset)
                file.write(struct.pack("<I", value))
            file.seek(begin + (edge + 7 if number % 2 == 0 else 0))
            file.write(bytes([number + 1]))
        info = tags[0][34412].valueoffset
        file.seek(info + 8)
        file.write(struct.pack("<2i", edge, edge))
        file.truncate(begins[-1] + edge * edge + 4096)
    source = open_source(path, Options())
    assert source.spec.shape == (planes, edge, edge)
    for z in range(planes):
        corner = np.empty((1, 2, 8), np.uint8)
        source.read(Box((z, 0, 0), corner.shape), corner)
        assert corner[0, 1, 7] == 2 * z + 1
