"""What options make of a source: parts, other dtypes, other origins; in metadata, resumed, and refused."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import click.testing
import dask.array as da
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import pyramid
from pyramid import cli
from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.options.rescale import DTYPES

PIXELS = np.random.default_rng(3).gamma(2, 300, (4, 3, 6, 70, 80)).astype("u2")
SIZES: dict[str, Any] = {"axes": "tczyx", "scale": "t=2,z=1.5,y=0.5,x=0.25", "units": "t=s,z=um,y=um,x=um"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OME-Zarr with sizes, origins and channels of names and colours."""
    target = tmp_path_factory.mktemp("whole") / "whole.ome.zarr"
    named: dict[str, Any] = {
        "channel_names": "DAPI,GFP,Cy5",
        "channel_colors": "0000FF,00FF00,FF00FF",
        "origin": "z=10,y=-4,x=100",
    }
    pyramid.convert(PIXELS, target, **SIZES, **named)
    return target


def level_0(image: pyramid.Image) -> NDArray[Any]:
    return np.asarray(image.levels[0].data)


def test_sizes_origins_and_channels_follow_a_selection(whole: Path, tmp_path: Path) -> None:
    image = pyramid.convert(whole, tmp_path / "part.zarr", select="t=1,c=Cy5|DAPI,z=2::3,y=10:50,x=:40:2")
    assert image.levels[0].scale == (2, 1, 4.5, 0.5, 0.5)
    assert image.levels[0].translation == (2, 0, 13, 1, 100)
    assert image.units == ("second", None, "micrometer", "micrometer", "micrometer")
    assert [(channel.label, channel.color) for channel in image.channels] == [("Cy5", "FF00FF"), ("DAPI", "0000FF")]
    assert image.metadata.provenance["select"] == "t=1,c=Cy5|DAPI,z=2::3,y=10:50,x=:40:2"
    np.testing.assert_array_equal(level_0(image), PIXELS[1:2, [2, 0]][:, :, 2::3, 10:50, :40:2])


def test_a_selection_of_an_image_is_placed_as_its_conversion(whole: Path, tmp_path: Path) -> None:
    select = {"t": 1, "c": ["Cy5", "DAPI"], "z": slice(2, None, 3), "y": slice(10, 50), "x": slice(0, 40, 2)}
    made, part = pyramid.convert(whole, tmp_path / "part.zarr", select=select), pyramid.open(whole).select(**select)
    assert part.levels[0].scale == made.levels[0].scale
    assert part.levels[0].translation == made.levels[0].translation
    assert part.units == made.units
    assert [channel.label for channel in part.channels] == ["Cy5", "DAPI"]
    assert "part of an image" in str(part)
    assert part._repr_html_().startswith("<img")
    json.dumps(part.to_dict())
    with pytest.raises(SourceError, match="no Zarr array of its own"):
        _ = part.levels[0].zarr


def test_coarser_levels_hold_the_pixels_that_the_selected_went_into(tmp_path: Path) -> None:
    image = pyramid.convert(
        np.arange(2000, dtype="u2").reshape(40, 50), tmp_path / "a.zarr", scale="y=1,x=1", scale_factors=["y=2,x=2"] * 2
    )
    part = image.select(y=slice(5, 12), x=slice(8, 30, 4))
    assert [level.shape for level in part.levels] == [(7, 6), (4, 6), (2, 6)]
    assert [level.scale for level in part.levels] == [(1, 4), (2, 4), (4, 4)]
    assert [level.translation for level in part.levels] == [(5, 8), (4.5, 8.5), (5.5, 9.5)]
    np.testing.assert_array_equal(part.levels[1].data, np.asarray(image.levels[1].data)[2:6, 4:15:2])
    np.testing.assert_array_equal(part.levels[2].data, np.asarray(image.levels[2].data)[1:3, 2:8])


def test_an_uneven_axis_has_no_size_and_that_is_said(whole: Path, tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match="t is taken at uneven steps"):
        image = pyramid.convert(whole, tmp_path / "part.zarr", select="t=0|1|3,z=0|2|4")
    assert image.levels[0].scale == (1, 1, 3, 0.5, 0.25)
    assert image.levels[0].translation == (0, 0, 10, -4, 100)
    assert image.units[0] is None
    part = pyramid.open(whole).select("t=0|1|3,z=0|2|4")
    assert (part.levels[0].scale, part.levels[0].translation) == (image.levels[0].scale, image.levels[0].translation)


def test_a_given_scale_is_that_of_level_0_and_origins_follow_it(tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match="scale: y=0.5 is taken as the size of a pixel of level 0"):
        image = pyramid.convert(
            PIXELS[0, 0], tmp_path / "a.zarr", scale="y=0.5,x=0.5", select="y=8::4,x=8:", origin="x=-3"
        )
    assert image.levels[0].scale == (1, 0.5, 0.5)
    assert image.levels[0].translation == (0, 1, -3)


@pytest.mark.parametrize("kind", ["numpy", "dask"])
def test_rescaled_pixels_are_those_of_numpy_and_shown_whole(kind: str, tmp_path: Path) -> None:
    source = PIXELS if kind == "numpy" else da.from_array(PIXELS, chunks=(2, 2, 4, 50, 60))
    image = pyramid.convert(source, tmp_path / "a.zarr", axes="tczyx", dtype="uint8", rescale=(100, 900))
    np.testing.assert_array_equal(level_0(image), np.rint((PIXELS.astype(float) - 100) * 255 / 800).clip(0, 255))
    assert image.levels[0].dtype == np.uint8
    assert [(one.window.start, one.window.end) for one in image.channels if one.window] == [(0, 255)] * 3
    assert image.metadata.provenance["rescale"] == "100,900"
    assert len({channel.color for channel in image.channels} - {"FF0000", "00FF00", "0000FF"}) == 3


@pytest.mark.parametrize("kind", ["numpy", "dask", "tiff"])
def test_percentiles_are_those_of_all_selected_pixels_of_a_channel(kind: str, tmp_path: Path) -> None:
    source: Any = PIXELS if kind == "numpy" else da.from_array(PIXELS, chunks=(2, 2, 4, 50, 60))
    if kind == "tiff":
        source = tmp_path / "a.tif"
        tifffile.imwrite(source, PIXELS, compression="zlib")
    options: dict[str, Any] = {"axes": "tczyx", "select": "c=2|0,y=5:", "dtype": "uint8", "rescale": "1%,99.5%"}
    image = pyramid.convert(source, tmp_path / "a.zarr", **options)
    for found, channel in zip(np.moveaxis(level_0(image), 1, 0), (2, 0), strict=True):
        pixels = PIXELS[:, channel, :, 5:].astype(float)
        low, high = np.percentile(pixels, [1, 99.5])
        np.testing.assert_array_equal(found, np.rint((pixels - low) * 255 / (high - low)).clip(0, 255))
    said = re.findall(r"([\d.]+) to ([\d.]+)", image.metadata.provenance["rescale"])
    limits = [np.percentile(PIXELS[:, channel, :, 5:], [1, 99.5]) for channel in (2, 0)]
    np.testing.assert_allclose(np.array(said, float), limits, rtol=1e-12)


def test_extremes_of_floats_are_measured_without_nan(tmp_path: Path) -> None:
    pixels = PIXELS[0, 0].astype("float32") / 7
    pixels[0, 0, :5] = np.nan
    image = pyramid.convert(pixels, tmp_path / "a.zarr", dtype="uint16", rescale="min,max")
    found = level_0(image)
    assert (found[0, 0, :5] == 0).all()
    assert (found.min(), found.max()) == (0, 65535)
    pixels[0, 0, 0] = np.inf
    with pytest.raises(SourceError, match="infinite values"):
        pyramid.convert(pixels, tmp_path / "b.zarr", dtype="uint16", rescale="min,max")
    assert not (tmp_path / "b.zarr").exists()


def test_a_constant_channel_becomes_the_least_value(tmp_path: Path) -> None:
    image = pyramid.convert(np.full((40, 50), 7, "u2"), tmp_path / "a.zarr", dtype="uint8", rescale="percentiles")
    assert (level_0(image) == 0).all()


def test_the_display_range_of_a_source_is_rescaled_too(whole: Path, tmp_path: Path) -> None:
    before = pyramid.open(whole).channels[1].window
    image = pyramid.convert(whole, tmp_path / "a.zarr", dtype="uint8", rescale="0,65535")
    after = image.channels[1].window
    assert before is not None
    assert after is not None
    assert (after.start, after.end) == pytest.approx((before.start / 257, before.end / 257))


def is_held(value: Any, after: str) -> bool:
    """Whether a value is the same in another dtype, in exact arithmetic."""
    with np.errstate(all="ignore"):
        cast = np.array([value]).astype(after)[0].item()
    return bool(np.isfinite(cast)) and Fraction(cast) == Fraction(value.item())


@pytest.mark.parametrize("after", DTYPES)
@pytest.mark.parametrize("before", DTYPES)
def test_a_dtype_is_taken_where_no_value_is_lost(before: str, after: str) -> None:
    kind, new = np.dtype(before), np.dtype(after)
    if kind.kind == "b":
        ends = np.array([False, True])
    elif kind.kind == "f":
        ends = np.array([np.finfo(kind).max, 0.1], kind)
    else:
        ends = np.array([np.iinfo(kind).min, np.iinfo(kind).max, np.iinfo(kind).max - 1], kind)
    rounds = kind.kind == new.kind == "f" and new.itemsize < kind.itemsize
    pixels = np.resize(ends, (5, 6))
    if rounds or all(is_held(value, after) for value in ends):
        decided = pyramid.plan(pixels, dtype=after)
        assert decided.spec.dtype == after
        assert any("rounded" in notice for notice in decided.spec.notices) == rounds
    else:
        with pytest.raises(OptionError, match=f"^dtype: {after} does not hold the values of {before}"):
            pyramid.plan(pixels, dtype=after)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dtype": "uint8"}, "does not hold the values of uint16"),
    ({"rescale": "1,2"}, "is not given"),
    ({"dtype": "uint64", "rescale": "1,2"}, "integers of at most 16 bits"),
    ({"dtype": "bool", "rescale": "1,2"}, "integers of at most 16 bits"),
    ({"dtype": "uint8", "rescale": "2,1"}, "give the lower first"),
    ({"dtype": "uint8", "rescale": "nan,1"}, "not finite"),
    ({"dtype": "uint8", "rescale": "1%,2"}, "mixes"),
    ({"dtype": "uint8", "rescale": "-1%,2%"}, "not percentiles"),
    ({"dtype": "u8"}, "is not one of"),
    ({"select": "q=1"}, "unknown axis"),
    ({"select": "t=4"}, "t=4 is not there"),
    ({"select": "t=4:"}, "takes nothing"),
    ({"select": "c=DAPI"}, "no channel has a name"),
    ({"origin": "c=1"}, "channels have no place"),
    ({"origin": "x=inf"}, "not a position"),
    ({"origin": "3"}, "names no axis"),
    ({"select": "c=0|1", "channel_names": "a,b,c"}, "the number of channels is 2"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_plan_refuses_what_convert_refuses(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    for do in (pyramid.plan, pyramid.convert):
        with pytest.raises(OptionError, match=words):
            do(PIXELS, tmp_path / "a.zarr", axes="tczyx", **options)
    assert not (tmp_path / "a.zarr").exists()


def test_percentiles_of_other_dtypes_and_of_a_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="percentiles are counted of integers of at most 16 bits"):
        pyramid.plan(PIXELS.astype("f4"), axes="tczyx", dtype="uint8", rescale="percentiles")
    with pytest.raises(OptionError, match="sample: percentiles are of all pixels"):
        pyramid.plan(PIXELS, axes="tczyx", dtype="uint8", rescale="percentiles", sample=True)


@pytest.mark.parametrize(
    ("first", "other", "differs"),
    [
        ({"select": "t=0:2"}, {"select": "t=1:3"}, "select"),
        ({"dtype": "uint8", "rescale": "1,2"}, {"dtype": "uint8", "rescale": "1,3"}, "rescale"),
    ],
)
def test_a_run_goes_on_only_with_the_same_part_and_values(
    first: dict[str, Any], other: dict[str, Any], differs: str, tmp_path: Path
) -> None:
    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    source, target = tmp_path / "a.npy", tmp_path / "a.zarr"
    np.save(source, PIXELS)
    options: dict[str, Any] = {"axes": "tczyx", "workers": 1, "memory": "300MB"}
    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(source, target, progress=stop, **options, **first)
    with pytest.raises(PyramidError, match=f"{differs}.* is .*, and was"):
        pyramid.convert(source, target, resume=True, **options, **other)
    pyramid.convert(source, target, resume=True, **options, **first)


def test_the_command_line_takes_the_same_text(whole: Path, tmp_path: Path) -> None:
    flags = ["--select", "c=Cy5|DAPI, z=::2", "--origin", "x=5", "--dtype", "uint8", "--rescale", "percentiles"]
    ran = click.testing.CliRunner().invoke(cli.main, ["convert", str(whole), str(tmp_path / "a.zarr"), *flags])
    assert ran.exit_code == 0, ran.output
    options: dict[str, Any] = {"select": {"c": ["Cy5", "DAPI"], "z": slice(None, None, 2)}, "dtype": np.uint8}
    image = pyramid.convert(whole, tmp_path / "b.zarr", origin={"x": 5}, rescale=("0.1%", "99.9%"), **options)
    np.testing.assert_array_equal(level_0(pyramid.open(tmp_path / "a.zarr")), level_0(image))
    table = click.testing.CliRunner().invoke(cli.main, ["plan", str(whole), *flags])
    assert "c=Cy5|DAPI,z=::2" in table.stdout
    wrong = click.testing.CliRunner().invoke(cli.main, ["plan", str(whole), "--select", "c=Cy55"])
    assert wrong.exit_code == 2
    assert "--select: no channel is named 'Cy55'; did you mean 'Cy5'?" in wrong.stderr
