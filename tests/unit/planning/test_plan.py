"""What is decided for images as users have them."""

from __future__ import annotations

from typing import Any

import pytest

from pyramid.errors import OptionError
from pyramid.model import SourceSpec
from pyramid.options.convert import make_options
from pyramid.planning import Plan, Resources, make_plan

ROOM = Resources(2, 4 * 2**30)


def image(axes: str, shape: tuple[int, ...], dtype: str = "uint16", **known: Any) -> SourceSpec:
    """An image whose pixel sizes are unknown and which can be cut anywhere, but for what is `known`."""
    nothing = (None,) * len(axes)
    return SourceSpec(axes, shape, dtype, **{"chunks": (1,) * len(axes), "scale": nothing, "units": nothing, **known})


def plan(spec: SourceSpec, resources: Resources = ROOM, **options: Any) -> Plan:
    return make_plan(spec, make_options(options), centred=True, resources=resources)


def test_z_is_halved_once_its_voxels_are_no_deeper_than_wide() -> None:
    made = plan(image("zyx", (64, 4096, 4096), scale=(2.0, 0.5, 0.5)))
    assert [level.factors for level in made.levels[1:]] == [(1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]
    assert made.levels[3].scale == (4.0, 4.0, 4.0)
    assert made.levels[3].translation == (1.0, 1.75, 1.75)


def test_z_of_unknown_size_time_and_channels_are_never_halved() -> None:
    made = plan(image("tczyx", (9, 2, 30, 600, 600)))
    assert {level.factors for level in made.levels[1:]} == {(1, 1, 1, 2, 2)}


CUBIC, DEEP = (1.0, 1.0, 1.0), (5.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("spec", "chunks"),
    [
        (image("yx", (50000, 50000), "uint8"), {"auto": (1024, 1024), "plane": (1024, 1024), "volume": (1024, 1024)}),
        (image("yx", (50000, 50000), "float64"), {"auto": (256, 256), "plane": (256, 256), "volume": (256, 256)}),
        (image("zyx", (99, 5000, 5000)), {"auto": (8, 256, 256), "plane": (1, 512, 512), "volume": (64, 64, 64)}),
        (image("zyx", (3, 5000, 5000)), {"auto": (3, 256, 256), "plane": (1, 512, 512), "volume": (3, 256, 256)}),
        (image("zyx", (999, 100, 90)), {"auto": (32, 100, 90), "plane": (32, 100, 90), "volume": (64, 64, 64)}),
        (image("zyx", (999, 999, 999), "uint8", scale=CUBIC), {"auto": (16, 256, 256), "volume": (64, 128, 128)}),
        (image("zyx", (999, 999, 999), scale=DEEP), {"auto": (8, 256, 256), "volume": (32, 128, 128)}),
        (image("yx", (70_000, 3), "uint8"), {"auto": (70_000, 3), "plane": (70_000, 3), "volume": (70_000, 3)}),
    ],
)
def test_chunks_grow_in_the_order_of_their_layout(spec: SourceSpec, chunks: dict[str, tuple[int, ...]]) -> None:
    assert {layout: plan(spec, chunks=layout).levels[0].chunks for layout in chunks} == chunks


@pytest.mark.parametrize(
    ("spec", "chunks", "objects"),
    [
        (image("tyx", (10_000, 64, 64)), (128, 64, 64), (20, 79)),
        (image("cyx", (10_000, 64, 64)), (128, 64, 64), (20, 79)),
        (image("zyx", (10_000, 64, 64)), (128, 64, 64), (2, 79)),
        (image("tzyx", (10_000, 1, 64, 64)), (128, 1, 64, 64), (20, 79)),
        (image("tczyx", (200, 50, 1, 32, 32), "uint8"), (200, 4, 1, 32, 32), (2, 13)),
        (image("tcyx", (5000, 2, 64, 64)), (128, 1, 64, 64), (20, 80)),
        (image("tyx", (100_000, 1, 200), "float32"), (1024, 1, 200), (13, 98)),
        (image("cyx", (3, 200, 200), "uint8"), (3, 200, 200), (1, 1)),
        (image("tyx", (10_000, 256, 200)), (8, 256, 200), (157, 1250)),
    ],
)
def test_small_planes_are_gathered_along_any_axis(
    spec: SourceSpec, chunks: tuple[int, ...], objects: tuple[int, int]
) -> None:
    sharded, plain = plan(spec), plan(spec, ome_zarr_version="0.4")
    assert sharded.levels[0].chunks == plain.levels[0].chunks == chunks
    assert (sharded.objects, plain.objects) == objects


@pytest.mark.parametrize(
    ("spec", "chunks", "shards"),
    [
        (image("tyx", (100, 2048, 2048)), (1, 512, 512), (1, 2048, 2048)),
        (image("cyx", (3, 2967, 2220), "uint8"), (1, 1024, 1024), (1, 3072, 3072)),
        (image("tczyx", (9, 2, 30, 600, 600)), (1, 1, 8, 256, 256), (1, 1, 32, 768, 768)),
    ],
)
def test_large_planes_are_not_gathered_over_time_and_channels(
    spec: SourceSpec, chunks: tuple[int, ...], shards: tuple[int, ...]
) -> None:
    level = plan(spec).levels[0]
    assert (level.chunks, level.shards) == (chunks, shards)


@pytest.mark.parametrize(
    "spec",
    [
        image("czyx", (2, 1000, 16384, 16384), scale=(None, 1.0, 0.4, 0.4)),
        image("cyx", (3, 600_000, 600_000), "uint8"),
        image("zyx", (10_000, 10_000, 10_000), "uint8", scale=(1.0, 1.0, 1.0)),
    ],
)
def test_a_terabyte_is_some_ten_thousand_objects_and_tasks(spec: SourceSpec) -> None:
    made = plan(spec)
    terabytes = made.raw_bytes / 1e12
    assert made.objects / terabytes < 60_000
    assert made.tasks / terabytes < 20_000
    assert made.peak_bytes <= 256 * 2**20


@pytest.mark.parametrize(
    "spec",
    [
        image("cyx", (3, 16384, 16384), "uint8", chunks=(3, 512, 512)),  # RGB tiles
        image("yx", (20000, 20000), chunks=(1, 20000)),  # compressed strips of one row
        image("zyx", (500, 2048, 2048), chunks=(1, 2048, 2048)),  # compressed pages of one strip
        image("cyx", (3, 2967, 2220), "uint8", chunks=(3, 240, 240)),  # a slide's tiles, which divide nothing
    ],
)
def test_no_piece_of_the_source_is_decoded_twice(spec: SourceSpec) -> None:
    assert plan(spec).read_amplification == 1


def test_a_million_blocks_are_planned_at_once() -> None:
    made = plan(image("zyx", (100_000, 10_000, 10_000)), chunks={"z": 1, "y": 512, "x": 512}, shards="none")
    assert made.tasks >= 100_000
    assert made.passes[0].box(made.passes[0].tasks - 1).stop == (100_000, 10_000, 10_000)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"levels": 3, "scale_factors": [{"y": 2}, {"y": 2}, {"y": 2}]}, "3 scale_factors make 4 levels, not 3"),
        ({"scale_factors": {"y": 1}}, "do not make both y and x smaller; give levels=... too"),
        ({"scale_factors": {"t": 2}}, "the source has no axis 't'; its axes are yx"),
        ({"chunks": {"z": 2}}, "the source has no axis 'z'"),
        ({"chunks": {"y": 64}, "shards": {"y": 100}}, "y=100 is not a multiple of the chunk's y=64; y=128 would be"),
        ({"levels": 99}, "a pyramid has at most 64"),
        ({"scale_factors": "zyx"}, "the source has no axis 'z'; its axes are yx"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        plan(image("yx", (5000, 5000)), **options)


def test_it_shows_itself() -> None:
    made = plan(image("yx", (5000, 4000), name="<cells>"))
    assert "5000 x 4000" in str(made)
    assert str(made).startswith("source")
    assert repr(made).startswith("<Plan of '<cells>': 6 levels, 1 pass, ")
    assert "&lt;cells&gt;" in made._repr_html_()
    assert made.to_dict()["tasks"] == made.tasks


def test_levels_end_where_nothing_is_left_to_halve() -> None:
    made = plan(image("yx", (300, 5)), levels=60)
    assert made.levels[-1].shape == (1, 1)
    assert len(made.levels) == 10
    assert made.spec.notices[-1].startswith("levels: 60 are asked for and 10 are made")
    assert plan(image("yx", (300, 5)), levels=10).spec.notices == ()
    assert len(plan(image("zyx", (9, 1, 1)), levels=3).levels) == 1
    assert len(plan(image("yx", (8, 8)), levels=9, scale_factors={"y": 4}).levels) == 3


def test_a_list_of_factors_is_kept_and_levels_that_repeat_others_are_named() -> None:
    made = plan(image("yx", (2, 2)), scale_factors=[{"y": 2, "x": 2}] * 3)
    assert [level.shape for level in made.levels] == [(2, 2), (1, 1), (1, 1), (1, 1)]
    assert "on level 2, 3, which repeats" in made.spec.notices[-1]


ISOTROPIC = {"z": 0.1, "y": 0.1, "x": 0.1}


@pytest.mark.parametrize(
    ("word", "scale", "depths"),
    [
        ("auto", ISOTROPIC, [5, 3, 2, 1, 1]),
        ("yx", ISOTROPIC, [5, 5, 5, 5, 5]),
        ("zyx", {"z": 9, "y": 0.1, "x": 0.1}, [5, 3, 2, 1, 1]),
        ("zyx", None, [5, 3, 2, 1, 1]),
    ],
)
def test_words_for_scale_factors_halve_their_axes(word: str, scale: dict[str, float] | None, depths: list[int]) -> None:
    made = plan(image("czyx", (2, 5, 4096, 4096)), scale_factors=word, scale=scale)
    assert [level.shape for level in made.levels] == [
        (2, depth, 4096 >> n, 4096 >> n) for n, depth in enumerate(depths)
    ]
    assert [level.factors[0] for level in made.levels] == [1] * 5
    halved = [notice for notice in made.spec.notices if "z is halved" in notice]
    assert [("level 1" in text, 'scale_factors="yx"' in text) for text in halved] == [(True, True)] * (word == "auto")
