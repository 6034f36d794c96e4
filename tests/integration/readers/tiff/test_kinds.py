"""Each kind of TIFF that people have: level 0 is what was written, and its metadata is carried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from tests.support.paths import ROOT
from tests.support.stores import read_level
from tests.support.tiff_kinds.table import KINDS, Kind


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
