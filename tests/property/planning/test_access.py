"""The cost of regions, against chunks that are counted one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyramid
from pyramid.model import Box, Shape
from pyramid.planning.access import REGIONS, positions, region_cost
from pyramid.planning.levels import PlannedLevel


def level_of(shape: Shape, chunks: Shape, shards: Shape | None) -> PlannedLevel:
    ones = (1,) * len(shape)
    return PlannedLevel(shape, ones, ones, (1.0,) * len(shape), (0.0,) * len(shape), chunks, shards)


def counted(box: Box, level: PlannedLevel) -> tuple[int, int]:
    """Requests and pixels, chunk by chunk."""
    shards: dict[Shape, list[int]] = {}
    pixels = 0
    edges = level.shards or level.chunks
    grid = tuple(s // c for s, c in zip(edges, level.chunks, strict=True))
    for chunk in itertools.product(*(range(-(-n // c)) for n, c in zip(level.shape, level.chunks, strict=True))):
        start = tuple(i * c for i, c in zip(chunk, level.chunks, strict=True))
        stop = tuple(min(a + c, n) for a, c, n in zip(start, level.chunks, level.shape, strict=True))
        if all(a < d and c < b for a, b, c, d in zip(start, stop, box.start, box.stop, strict=True)):
            pixels += int(np.prod([b - a for a, b in zip(start, stop, strict=True)]))
            shard = tuple(i // g for i, g in zip(chunk, grid, strict=True))
            inner = tuple(i % g for i, g in zip(chunk, grid, strict=True))
            shards.setdefault(shard, []).append(int(np.ravel_multi_index(inner, grid)))
    if level.shards is None:
        return len(shards), pixels
    runs = sum(1 + sum(b != a + 1 for a, b in itertools.pairwise(numbers)) for numbers in map(sorted, shards.values()))
    return runs + len(shards), pixels


@st.composite
def cases(draw: Any) -> tuple[Box, PlannedLevel]:
    axes = draw(st.integers(1, 3))
    chunks = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    grid = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    # Whole shards, for where an image ends within one, chunks that do not exist could be between two runs.
    shards = tuple(c * g for c, g in zip(chunks, grid, strict=True))
    shape = tuple(s * draw(st.integers(1, 3)) for s in shards)
    start = tuple(draw(st.integers(0, n - 1)) for n in shape)
    extent = tuple(draw(st.integers(1, n - a)) for n, a in zip(shape, start, strict=True))
    return Box(start, extent), level_of(shape, chunks, shards if draw(st.booleans()) else None)


@given(cases())
def test_requests_and_pixels_are_those_that_are_counted(case: tuple[Box, PlannedLevel]) -> None:
    assert region_cost(*case) == counted(*case)


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=5))
def test_positions_are_within_the_image(extents: list[tuple[int, int]]) -> None:
    shape = tuple(min(pair) for pair in extents)
    whole = Box((0,) * len(shape), tuple(map(max, extents)))
    boxes = list(positions(shape, whole.shape))
    assert all(box.intersection(whole) == box for box in boxes)
    assert len(boxes) == 32


def test_a_plan_compares_its_layout_with_the_presets() -> None:
    image = np.broadcast_to(np.zeros(1, "uint16"), (16, 128, 1024, 1024))
    plan = pyramid.plan(image, axes="tzyx", chunks_report=True, shards="none")
    found = {cost.layout: cost for cost in plan.access}
    assert [cost.layout for cost in plan.access if cost.chosen] == ["auto"]
    assert set(found) == {"auto", "plane", "volume"}
    # As the requests that a server counts for these layouts in docs/chunks.md.
    tile = {name: cost.regions[1].requests for name, cost in found.items()}
    assert tile == {"auto": 9, "plane": 4, "volume": 81}
    assert [region.region for region in found["auto"].regions] == [*REGIONS]
    assert all(word in str(plan) for word in ("auto (chosen)", "512 x 512 tile", "volume"))
    assert [entry["layout"] for entry in plan.to_dict()["access"]] == ["auto", "plane", "volume"]
    assert "access" not in pyramid.plan(image, axes="tzyx").to_dict()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_shards_that_fit_only_the_given_chunks_leave_the_presets_theirs(version: Any) -> None:
    image = np.zeros((96, 96), "uint16")
    shards = {"y": 48, "x": 48} if version == "0.5" else "auto"
    plan = pyramid.plan(image, chunks={"y": 24, "x": 24}, shards=shards, ome_zarr_version=version, chunks_report=True)
    assert plan.access[0].layout == "as given"
    assert (plan.access[0].chunks, plan.access[0].shards) == (plan.levels[0].chunks, plan.levels[0].shards)
    assert [cost.layout for cost in plan.access[1:]] == ["auto", "plane", "volume"]
    assert [region.region for region in plan.access[1].regions] == ["plane", "512 x 512 tile"]


def test_a_batch_has_none(tmp_path: Any) -> None:
    with pytest.raises(pyramid.OptionError, match="chunks_report: it is of one image; give one SOURCE"):
        pyramid.plan([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], str(tmp_path), chunks_report=True)
