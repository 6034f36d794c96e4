"""What every plan must keep, whatever the image and the options."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, get_args
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyramid.engine.cluster.workers import cluster_resources
from pyramid.errors import OptionError
from pyramid.model import Box, Shape, SourceSpec
from pyramid.options.convert import make_options
from pyramid.options.parsing import ChunkLayout
from pyramid.planning import KeptBase, Pass, Plan, Resources, _decoded_px, make_plan, slabs
from pyramid.planning.chunks import chunk_shape

AXES = ("yx", "zyx", "cyx", "tyx", "czyx", "tcyx", "tzyx", "tczyx")


@st.composite
def specs(draw: st.DrawFn) -> SourceSpec:
    axes = draw(st.sampled_from(AXES))
    shape = tuple(draw(st.integers(1, 700 if axis in "yx" else 40)) for axis in axes)
    sizes = st.one_of(st.none(), st.sampled_from([0.1, 0.25, 1.0, 7.5]))
    return SourceSpec(
        axes=axes,
        shape=shape,
        dtype=draw(st.sampled_from(["uint8", "uint16", "float32", "int64", "bool"])),
        chunks=tuple(draw(st.integers(1, n)) for n in shape),
        scale=tuple(draw(sizes) for _ in axes),
        units=(None,) * len(axes),
    )


@st.composite
def choices(draw: st.DrawFn, axes: str) -> dict[str, Any]:
    def per_axis(most: int) -> dict[str, int]:
        return {axis: draw(st.integers(1, most)) for axis in axes if draw(st.booleans())}

    options: dict[str, Any] = {"min_size": draw(st.integers(1, 300))}
    kind = draw(st.sampled_from(["auto", "all", "each"]))
    if kind == "all":
        options |= {"scale_factors": per_axis(4), "levels": draw(st.integers(1, 5))}
    elif kind == "each":
        options["scale_factors"] = [per_axis(4) for _ in range(draw(st.integers(2, 4)))]
    if draw(st.booleans()):
        chunks = {axis: draw(st.integers(1, 130)) for axis in axes}
        options["chunks"] = chunks
        if draw(st.booleans()):
            options["shards"] = {axis: n * draw(st.integers(1, 5)) for axis, n in chunks.items()}
    elif draw(st.booleans()):
        options["shards"] = "none"
    return options


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    spec = draw(specs())
    resources = Resources(
        draw(st.integers(1, 9)), draw(st.integers(2**22, 2**32)), draw(st.booleans()), draw(st.booleans())
    )
    with mock.patch.object(slabs, "SLAB_BYTES_AIM", draw(st.sampled_from([0, 2**12, slabs.SLAB_BYTES_AIM]))):
        return _plan(draw, spec, resources)


def _plan(draw: st.DrawFn, spec: SourceSpec, resources: Resources) -> Plan:
    options, kept = make_options(draw(choices(spec.axes))), draw(st.booleans())
    try:
        made = make_plan(spec, options, centred=True, resources=resources)
        if not kept:
            return made
        base = KeptBase(made.levels[0].chunks, made.levels[0].shards)
        return make_plan(spec, options, centred=True, resources=resources, kept=base)
    except OptionError as error:
        if "needs" not in f"{error}":
            raise
        return make_plan(spec, make_options({}), centred=True, resources=Resources(1, 2**40))


def _edges(one: Pass, plan: Plan, number: int) -> tuple[int, ...]:
    """A block's edge in the pixels of level `number`, which may be a fraction's ceiling only where a block is whole."""
    factor = [1] * len(one.block)
    for level in plan.levels[one.first : number + 1]:
        factor = [a * b for a, b in zip(factor, level.factors, strict=True)]
    return tuple(b // f if b < n else n for b, f, n in zip(one.block, factor, plan.levels[number].shape, strict=True))


@given(plans())
def test_levels_follow_their_factors(plan: Plan) -> None:
    for before, level in zip(plan.levels, plan.levels[1:], strict=False):
        assert level.shape == tuple(math.ceil(n / f) for n, f in zip(before.shape, level.factors, strict=True))
        assert level.total == tuple(a * b for a, b in zip(before.total, level.factors, strict=True))
    for level in plan.levels:
        first = plan.levels[0].scale
        assert level.scale == tuple(s * f for s, f in zip(first, level.total, strict=True))
        assert level.translation == pytest.approx(tuple((s - s0) / 2 for s, s0 in zip(level.scale, first, strict=True)))


@given(plans())
def test_chunks_fit_in_levels_and_shards_are_whole_chunks(plan: Plan) -> None:
    for level in plan.levels:
        assert all(1 <= c <= n for c, n in zip(level.chunks, level.shape, strict=True))
        assert all(s % c == 0 for s, c in zip(level.object_shape, level.chunks, strict=True))


@given(specs(), st.sampled_from(["0.4", "0.5"]))
def test_automatic_objects_are_small_only_where_the_image_is(spec: SourceSpec, version: str) -> None:
    plan = make_plan(spec, make_options({"ome_zarr_version": version}), centred=True, resources=Resources(1, 2**40))
    level, item_bytes = plan.levels[0], np.dtype(spec.dtype).itemsize
    assert math.prod(level.chunks) * item_bytes <= 2**20
    extent = dict(zip(spec.axes, level.shape, strict=True))
    chunk = dict(zip(spec.axes, level.chunks, strict=True))
    if all(chunk[axis] == extent[axis] for axis in "zyx" if axis in extent):
        # A power of two of them fits, or as many as there are along one axis and then along the other.
        gathered = math.prod(level.chunks) * item_bytes
        assert gathered > 2**18 or all(chunk[axis] == extent[axis] for axis in "tc" if axis in extent)


@given(plans())
def test_every_level_is_written_by_one_pass(plan: Plan) -> None:
    written = [number for one in plan.passes for number in range(one.first, one.last + 1)]
    assert written == list(range(plan.keeps_base, len(plan.levels)))
    for one in plan.passes:
        if one.first == 0:
            assert one.source is None
            continue
        assert one.source == one.first - 1
        assert one.shape == plan.levels[one.first - 1].shape


@given(plans())
def test_blocks_tile_what_is_read(plan: Plan) -> None:
    for one in plan.passes:
        boxes = [one.box(index) for index in range(min(one.tasks, 2000))]
        assert len({box.start for box in boxes}) == len(boxes)
        if one.tasks <= 2000:
            assert sum(box.size_px for box in boxes) == math.prod(one.shape)
        assert all(b <= n for box in boxes for b, n in zip(box.stop, one.shape, strict=True))


@given(plans())
def test_each_write_unit_lies_in_exactly_one_block(plan: Plan) -> None:
    for one in plan.passes:
        for number in range(one.first, one.last + 1):
            level = plan.levels[number]
            for edge, object_shape, extent in zip(
                _edges(one, plan, number), level.object_shape, level.shape, strict=True
            ):
                assert edge >= extent or edge % object_shape == 0


@given(plans())
def test_a_task_stays_within_its_memory(plan: Plan) -> None:
    item_bytes = np.dtype(plan.spec.dtype).itemsize
    for one in plan.passes:
        assert one.task_bytes <= plan.resources.task_bytes
        assert one.task_bytes >= math.prod(one.slab) * item_bytes


@given(plans())
def test_slabs_tile_their_block_and_cut_no_chunk_and_no_window(plan: Plan) -> None:
    for one in plan.passes:
        base = plan.levels[one.source or 0]
        factors = plan.levels[1].factors if not one.source and one.last > 0 else (1,) * len(one.block)
        box = one.box(one.tasks - 1)
        found = list(one.slabs(box))
        assert len({slab.start for slab in found}) == len(found)
        assert sum(slab.size_px for slab in found) == box.size_px
        for slab in found:
            for a, b, end, chunk, f in zip(slab.start, slab.stop, box.stop, base.chunks, factors, strict=True):
                assert a % chunk == a % f == 0
                assert b == end or b % chunk == b % f == 0


@given(plans())
def test_shards_get_their_chunks_in_order_and_few_are_begun_at_once(plan: Plan) -> None:
    level, one = plan.levels[0], next(iter(plan.passes), None)
    if one is None or one.first > 0:  # no shard is written slab by slab
        return
    box = one.box(0)
    left = {
        object_shape: _share(box, object_shape, level.object_shape).size_px
        for object_shape in box.grid_positions(level.object_shape)
    }
    last: dict[Shape, Shape] = {}
    for slab in one.slabs(box):
        for object_shape in slab.grid_positions(level.object_shape):
            share = _share(slab, object_shape, level.object_shape)
            left[object_shape] -= share.size_px
            for chunk in share.grid_positions(level.chunks):
                assert last.get(object_shape, (-1,)) < chunk
                last[object_shape] = chunk
        begun = sum(left[object_shape] > 0 for object_shape in last)
        assert begun <= (1 if plan.resources.target_needs_whole_objects else slabs.MAX_OPEN_SHARDS)
    assert not any(left.values())


def _share(box: Box, at: Shape, object_shape: Shape) -> Box:
    return box.intersection(Box(tuple(i * u for i, u in zip(at, object_shape, strict=True)), object_shape))


@given(specs(), st.integers(1, 64), st.integers(2**28, 2**36))
def test_the_machine_decides_neither_levels_nor_chunks(spec: SourceSpec, workers: int, memory_bytes: int) -> None:
    options = make_options({})
    here = make_plan(spec, options, centred=True, resources=Resources(1, 2**40))
    there = make_plan(spec, options, centred=True, resources=Resources(workers, memory_bytes * workers))
    assert here.levels == there.levels


@st.composite
def narrow(draw: st.DrawFn) -> Resources:
    """Resources of every kind, with memory for nothing or for little."""
    return Resources(
        draw(st.integers(1, 9)),
        draw(st.integers(1, 2**20)) ** draw(st.integers(1, 2)) // 2**10 + 1,
        target_needs_whole_objects=(far := draw(st.booleans())),
        source_is_remote=draw(st.booleans()),
        source_in_memory=draw(st.booleans()),
        extra_blocks=far,
    )


@settings(max_examples=200)
@given(specs(), st.data(), narrow(), st.sampled_from([(), ("chunks",)]))
def test_what_cannot_fit_is_refused_with_the_least_memory_that_is_enough(
    spec: SourceSpec, data: st.DataObject, resources: Resources, thick: tuple[str, ...]
) -> None:
    given_options = data.draw(choices(spec.axes))
    options = make_options(given_options | {name: dict.fromkeys(spec.axes, 64) for name in thick} | {"shards": "none"})

    def planned(workers: int, memory_bytes: int) -> Plan:
        given_resources = replace(resources, workers=workers, memory_bytes=memory_bytes)
        return make_plan(spec, options, centred=True, resources=given_resources)

    try:
        planned(resources.workers, resources.memory_bytes)
    except OptionError as error:
        assume("memory: one block needs" in str(error))
        advice = re.search(r'; give memory="(\S+?)"(?:, or workers=(\d+))?, or smaller chunks or shards$', str(error))
    else:
        return
    assert advice
    enough_bytes = make_options({"memory": advice[1]}).memory or 0
    planned(resources.workers, enough_bytes)
    if enough_bytes > 2**19:
        with pytest.raises(OptionError, match="memory: one block needs"):
            planned(resources.workers, enough_bytes - 2**19)
    if advice[2]:
        planned(int(advice[2]), resources.memory_bytes)


@given(specs(), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(1, 2**16))
def test_advice_for_a_cluster_works_too(spec: SourceSpec, hosts: int, threads: int, limited: bool, little: int) -> None:
    def workers(limit: int) -> dict[str, Any]:
        one = {"nthreads": threads, "memory_limit": limit}
        return {f"tcp://{n}:{port}": {"host": str(n), **one} for n in range(hosts) for port in (1, 2)}

    def planned(there: dict[str, Any], memory_bytes: int | None = None) -> Plan:
        resources = cluster_resources(there, dict.fromkeys(there, 1), memory_bytes)
        options = make_options({"chunks": dict.fromkeys(spec.axes, 64)})
        return make_plan(spec, options, centred=True, resources=resources)

    few = workers(little if limited else 0)
    with pytest.raises(OptionError, match="memory: one block needs") as refused:
        planned(few, None if limited else little)
    memory, limit = (re.search(f'{name}"?([\\w.]+)"?,', str(refused.value)) for name in ("memory=", "memory limit of "))
    assert memory
    planned(few, make_options({"memory": memory[1]}).memory)
    assert (limit is not None) is limited
    if limit:
        planned(workers(make_options({"memory": limit[1]}).memory or 0))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_pixels_are_counted_as_often_as_they_are_decoded(extent: int, edge: int, chunk: int) -> None:
    chunk = min(chunk, extent)
    blocks = (range(start, min(start + edge, extent)) for start in range(0, extent, edge))
    decoded = [{px // chunk for px in block} for block in blocks]
    assert _decoded_px(extent, edge, chunk) == sum(min(chunk, extent - i * chunk) for one in decoded for i in one)


@st.composite
def images(draw: st.DrawFn) -> SourceSpec:
    axes = draw(st.sampled_from(AXES))
    digits = {axis: draw(st.floats(0, 4.8 if axis in "yx" else 3.5)) for axis in axes}
    shape = tuple(int(10**digit) for digit in digits.values())
    dtype = draw(st.sampled_from(["uint8", "uint16", "float32", "float64"]))
    ones = (1.0,) * len(axes)
    return SourceSpec(axes=axes, shape=shape, dtype=dtype, chunks=shape, scale=ones, units=(None,) * len(axes))


@settings(max_examples=200)
@given(images(), st.sampled_from(get_args(ChunkLayout)), st.sampled_from([("0.4", 16), ("0.5", 4)]))
def test_objects_are_bounded_by_the_bytes(spec: SourceSpec, layout: str, version: tuple[str, int]) -> None:
    number, objects_a_mebibyte = version
    options = make_options({"chunks": layout, "ome_zarr_version": number})
    assume(math.prod(spec.shape) * np.dtype(spec.dtype).itemsize < 2**43)
    made = make_plan(spec, options, centred=True, resources=Resources(1, 2**40))
    assert made.objects <= len(made.levels) + objects_a_mebibyte * made.raw_bytes / 2**20


@settings(max_examples=200)
@given(images(), st.sampled_from(get_args(ChunkLayout)))
def test_automatic_chunks_hold_a_mebibyte_at_most_and_are_not_small(spec: SourceSpec, layout: ChunkLayout) -> None:
    chunks = chunk_shape(spec, layout)
    item_bytes = np.dtype(spec.dtype).itemsize
    size_bytes = math.prod(map(min, chunks, spec.shape)) * item_bytes
    assert size_bytes <= 2**20
    assert size_bytes > 2**17 or all(edge >= n for edge, n in zip(chunks, spec.shape, strict=True))
    if layout == "auto" and "z" in spec.axes:
        edges = dict(zip(spec.axes, map(min, chunks, spec.shape), strict=True))
        extent = dict(zip(spec.axes, spec.shape, strict=True))
        assert edges["z"] == 1 or all(edges[axis] >= min(256, extent[axis]) for axis in "yx")
