"""Previews: the pixels of the data, for each option, and nothing harmed by what is bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, SourceError, TargetError
from pyramid.image import picture
from tests.support.servers.web import WebServer
from tests.support.trees import write_json

STACK = np.random.default_rng(2).integers(0, 4000, (2, 5, 60, 80), "uint16")
COLORS = ("FF0000", "00FFFF")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("preview") / "cells.ome.zarr"
    pyramid.convert(
        STACK,
        target,
        axes="czyx",
        scale={"z": 2, "y": 0.5, "x": 0.5},
        channel_names=["DAPI", "<b>GFP"],
        channel_colors=COLORS,
        min_size=32,
    )
    return target


def by_matplotlib(image: pyramid.Image, planes: NDArray[Any]) -> NDArray[np.float64]:
    """The sum of colour maps, from 0 to 255."""
    added = np.zeros((*planes.shape[1:], 3))
    for plane, channel in zip(planes, image.channels, strict=True):
        assert channel.window is not None
        shades = LinearSegmentedColormap.from_list("channel", ["#000000", f"#{channel.color}"], N=4096)
        added += shades(Normalize(channel.window.start, channel.window.end, clip=True)(plane))[..., :3]
    return np.asarray(added.clip(0, 1) * 255)


def plain(made: pyramid.Preview) -> NDArray[np.uint8]:
    """The pixels of the only panel."""
    (panel,) = made.figure.panels
    assert panel is not None
    assert panel.pixels is not None
    return panel.pixels


@pytest.mark.parametrize(
    ("options", "planes"),
    [
        ({}, STACK[:, 2]),
        ({"projection": "max"}, STACK.max(1)),
        ({"projection": "mean"}, STACK.mean(1)),
        ({"select": "z=1:4,y=10:40", "projection": "max"}, STACK[:, 1:4, 10:40].max(1)),
        ({"select": {"z": 4, "x": slice(0, 80, 2)}}, STACK[:, 4, :, ::2]),
    ],
)
def test_a_picture_is_that_of_matplotlib(cells: Path, options: dict[str, Any], planes: NDArray[Any]) -> None:
    image = pyramid.open(cells)
    found = plain(pyramid.preview(cells, size=80, scale_bar=False, legend=False, **options))
    expected = by_matplotlib(image, planes)
    if found.shape != expected.shape:  # every second column: pixels are twice as wide as high
        expected = expected.repeat(2, 1)
    assert np.abs(found - expected).max() <= 1


def test_channels_are_selected_by_name_and_named_in_the_legend(cells: Path) -> None:
    made = pyramid.preview(cells, select="c=dapi", size=80)
    assert [(entry.label, entry.color) for entry in made.figure.legend] == [("DAPI", "FF0000")]
    assert plain(made)[..., 1:].max() == 0
    both = pyramid.preview(cells, size=80)
    assert [entry.label for entry in both.figure.legend] == ["DAPI", "<b>GFP"]
    (panel,) = both.figure.panels
    assert panel is not None
    assert panel.bar is not None
    assert (panel.bar.text, panel.bar.length_px) == ("10 µm", 20)
    bare = pyramid.preview(cells, size=80, scale_bar=False, legend=False)
    assert bare.figure.legend == ()
    np.testing.assert_array_equal(bare.pixels[:60, :80], plain(both))


def test_a_picture_has_the_size_that_is_asked_for(cells: Path) -> None:
    image = pyramid.open(cells)
    for size, shape in ((80, (60, 80)), (40, (30, 40)), (33, (25, 33)), (16, (12, 16)), (1024, (360, 480))):
        assert plain(image.preview(size=size)).shape == (*shape, 3), size


def test_a_montage_and_a_sheet_of_levels_have_a_panel_each(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pyramid.open(cells)
    made = image.preview(montage="z", size=240, scale_bar=False)
    assert (made.figure.columns, [panel and panel.caption for panel in made.figure.panels]) == (
        3,
        [f"z {z}" for z in range(5)],
    )
    for z, panel in enumerate(made.figure.panels):
        assert panel is not None
        np.testing.assert_array_equal(panel.pixels, plain(image.preview(select={"z": z}, size=80)))
    part = image.preview(montage="z", select="z=1::2")
    assert [panel and panel.caption for panel in part.figure.panels] == ["z 1", "z 3"]
    sheet = image.preview(levels=True, size=160)
    captions = [panel.caption for panel in sheet.figure.panels if panel]
    assert captions[0].startswith("level 0: 2 x 5 x 60 x 80, pixels of 1, 2, 0.5, 0.5")
    assert len(captions) == len(image.levels) == 3
    assert {panel.pixels.shape for panel in sheet.figure.panels if panel and panel.pixels is not None} == {(60, 80, 3)}
    monkeypatch.setattr(picture, "MAX_PANELS", 2)
    assert [panel and panel.caption for panel in image.preview(montage="z").figure.panels] == ["z 1", "z 3"]


def make_plate(folder: Path) -> None:
    wells = [("A/1", 0, 0), ("B/2", 1, 1), ("B/3", 1, 2)]
    plate = {
        "rows": [{"name": name} for name in "AB"],
        "columns": [{"name": name} for name in "123"],
        "wells": [{"path": path, "rowIndex": row, "columnIndex": column} for path, row, column in wells],
    }
    for number, (path, _, _) in enumerate(wells):
        well = {"ome": {"version": "0.5", "well": {"images": [{"path": "0"}, {"path": "1"}]}}}
        pyramid.convert(np.full((30, 40), 100 * number, "uint16"), folder / path / "0", scale={"y": 1, "x": 1})
        document = json.loads((folder / path / "0/zarr.json").read_text())
        del document["attributes"]["ome"]["omero"]  # so that all share one window
        write_json(folder / path / "0/zarr.json", document)
        write(folder / path, well)
    write(folder / "A", {})
    write(folder / "B", {})
    write(folder, {"ome": {"version": "0.5", "plate": plate}})


def write(folder: Path, attributes: dict[str, Any]) -> None:
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(document))


def test_a_plate_is_a_sheet_in_its_rows_and_columns(tmp_path: Path, web: WebServer) -> None:
    make_plate(tmp_path / "plate.ome.zarr")
    (tmp_path / "plate.ome.zarr/B/3/0/0/c/0/0").write_bytes(b"broken")
    with pytest.warns(pyramid.PyramidWarning, match=r"B/3: .*B/3/0/0 cannot be read"):
        made = pyramid.preview(web.url("plate.ome.zarr"), size=120)
    assert made.figure.columns == 3
    assert [panel and panel.caption for panel in made.figure.panels] == ["A/1", None, None, None, "B/2", "B/3"]
    first, *_, last, broken = made.figure.panels
    assert first is not None
    assert last is not None
    assert broken is not None
    assert broken.pixels is None
    assert first.pixels is not None
    assert last.pixels is not None
    assert (int(first.pixels.max()), int(last.pixels.min())) == (0, 255)
    with pytest.raises(OptionError, match=r"levels: it is of one image, .* holds 3; give the path"):
        pyramid.preview(tmp_path / "plate.ome.zarr", levels=True)


def test_a_series_is_a_sheet_and_one_image_is_itself(tmp_path: Path, web: WebServer) -> None:
    folder = tmp_path / "series.ome.zarr"
    for number in range(3):
        pyramid.convert(np.full((30, 40), 9 * number, "uint16"), folder / str(number))
    write(folder, {"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    for place in (folder, web.url("series.ome.zarr")):
        made = pyramid.preview(place, size=120)
        assert [panel and panel.caption for panel in made.figure.panels] == ["0", "1", "2"]
    shutil.rmtree(folder / "1")
    shutil.rmtree(folder / "2")
    assert len(pyramid.preview(folder, levels=True).figure.panels) == 1
    shutil.rmtree(folder / "0")
    with pytest.raises(SourceError, match="holds no image; give the path of an image"):
        pyramid.preview(folder)


def test_labels_have_a_colour_for_each_value(cells: Path, tmp_path: Path) -> None:
    values = np.zeros((60, 80), "uint32")
    values[5:15, 5:15], values[20:40, 20:60] = 7, 4_000_000_000
    image = tmp_path / "a.ome.zarr"
    pyramid.convert(STACK[0, 0], image, axes="yx")
    pyramid.convert(values, image, axes="yx", labels="nuclei")
    for size in (80, 33):
        found = plain(pyramid.preview(image / "labels/nuclei", size=size))
        assert len(np.unique(found.reshape(-1, 3), axis=0)) == 3
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[12, 16].max() == 255
    volume = pyramid.convert(np.stack([values, values]), tmp_path / "b.ome.zarr", axes="zyx", scale={"z": 1})
    pyramid.convert(np.stack([values, values]), volume.url, axes="zyx", labels="nuclei")
    with pytest.raises(OptionError, match=r'projection: a mean .*; give projection="max"'):
        pyramid.preview(f"{volume.url}/labels/nuclei", projection="mean")


def test_pixels_become_square(tmp_path: Path) -> None:
    image = pyramid.convert(np.arange(1200).reshape(30, 40), tmp_path / "a.ome.zarr", scale={"y": 2, "x": 0.5})
    assert plain(image.preview(size=120)).shape == (120, 40, 3)
    odd = pyramid.convert(np.arange(1200).reshape(30, 40), tmp_path / "b.ome.zarr", scale={"y": 1e9, "x": 1e-9})
    assert plain(odd.preview(size=40)).shape == (30, 40, 3)


def test_projections_leave_nan_out(tmp_path: Path) -> None:
    stack = np.array([[[np.nan, np.nan]], [[1.0, np.nan]], [[3.0, 0.0]]])
    image = pyramid.convert(stack, tmp_path / "a.ome.zarr", axes="zyx", levels=1)
    for projection, expected in (("max", [255, 0]), ("mean", [170, 0])):
        found = plain(image.preview(size=16, projection=projection))
        assert found[0, :, 0][:: found.shape[1] - 1].tolist() == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size: 0 is not a whole number of pixels from 16 to 8192; give one"),
        ({"size": "large"}, "size: 'large' is not"),
        ({"size": True}, "size: True is not"),
        ({"projection": "sum"}, "projection: 'sum' is not one of: max, mean; give one of these"),
        ({"montage": "c"}, "montage: 'c' is not one of: z, t; give one of these"),
        ({"montage": "t"}, "montage: the image has no axis 't'; its axes are czyx"),
        ({"montage": "z", "levels": True}, "levels: .*; give levels=True or montage=..., not both"),
        ({"montage": "z", "projection": "max"}, "projection: .*; give one of the two"),
        ({"select": "c=GFX"}, "select: no channel is named"),
    ],
)
def test_bad_options_are_refused(cells: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        pyramid.preview(cells, **options)


def test_only_a_picture_is_replaced(cells: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    for _ in range(2):
        made = pyramid.preview(cells, file, size=64)
        np.testing.assert_array_equal(imagecodecs.png_decode(file.read_bytes()), made.pixels)
    file.write_text("a thesis")
    with pytest.raises(TargetError, match=r"output: .*a.png exists and is not a picture, so it is not replaced"):
        pyramid.preview(cells, file)
    assert file.read_text() == "a thesis"
    for place, message in ((cells / "a.png", "is in the source"), (tmp_path / "no/a.png", "cannot be written")):
        with pytest.raises(TargetError, match=message):
            pyramid.preview(cells, place)
    with pytest.raises(OptionError, match=r"output: .* does not end in"):
        pyramid.preview(cells, tmp_path / "a.tiff")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_too_many_pixels_are_not_read(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pyramid.open(cells)
    monkeypatch.setattr(picture, "MAX_PREVIEW_BYTES", 90_000)
    found = plain(pyramid.preview(cells, size=80, projection="max"))
    assert image.levels[0].nbytes > 90_000 > image.levels[1].nbytes
    smaller = by_matplotlib(image, np.asarray(image.levels[1].data).max(1))
    assert np.abs(found - smaller.repeat(2, 0).repeat(2, 1)).max() <= 1
    with pytest.warns(pyramid.PyramidWarning, match=r"level 0: .* bytes would be read"):
        made = pyramid.preview(cells, levels=True, projection="max")
    assert [panel is not None and panel.pixels is None for panel in made.figure.panels] == [True, False, False]
    monkeypatch.setattr(picture, "MAX_PREVIEW_BYTES", 10)
    with pytest.raises(SourceError, match=r"bytes would be read for it, and the most is 10; .*select="):
        pyramid.preview(cells, size=80, projection="max")


def test_what_has_no_plane_or_claims_too_much_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "a.ome.zarr"
    pyramid.convert(STACK, copy, axes="czyx", levels=1)
    document = copy / "0/zarr.json"
    array = json.loads(document.read_text())
    for key, extents, message in (
        ("shape", [2, 5, 0, 80], "has no pixels, as an axis is 0 long"),
        ("chunks", [1, 2**10, 2**12, 2**12], "bytes would be read for it"),
        ("chunks", [1, 1, 2**15, 2**15], "bytes would be in memory at once"),
    ):
        changed = json.loads(json.dumps(array))
        if key == "shape":
            changed["shape"] = extents
        else:
            changed["chunk_grid"]["configuration"]["chunk_shape"] = extents
            changed["codecs"] = [{"name": "bytes", "configuration": {"endian": "little"}}]
        write_json(document, changed)
        for part in (None, "y=0:4,x=0:4"):
            with pytest.raises(SourceError, match=message):
                pyramid.preview(copy, size=80, select=part if key == "chunks" else None)


def test_the_command_writes_it_and_says_so(cells: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(main, ["preview", str(cells), *words])

    file = tmp_path / "a.svg"
    done = run("-o", str(file), "--size", "100", "--projection", "MAX")
    made = pyramid.preview(cells, size=100, projection="max")
    assert (done.exit_code, done.output) == (0, f"{file}: {made.size[0]} x {made.size[1]} pixels\n")
    assert file.read_bytes() == made.encode("svg")
    done = run("-o", str(file), "--json", "--no-legend", "--no-scale-bar", "--select", "c=0", "--montage", "z")
    assert json.loads(done.output) == {
        "output": str(file),
        "width": json.loads(done.output)["width"],
        "height": json.loads(done.output)["height"],
        "notices": [],
    }
    assert b"&lt;b&gt;" not in file.read_bytes()
    assert (run().exit_code, "type pyramid preview URL -o picture.png" in run().output) == (2, True)
    failed = run("-o", str(file), "--montage", "t", "--levels")
    assert (failed.exit_code, failed.output.startswith("pyramid: --levels: ")) == (2, True)
    assert "give --levels or --montage, not both" in failed.output


def test_info_prints_a_picture_where_that_is_asked_for(cells: Path, tmp_path: Path) -> None:
    plain_info = CliRunner().invoke(main, ["info", str(cells)]).output
    for flags in (["--picture"], ["--ascii"]):
        done = CliRunner().invoke(main, ["info", str(cells), *flags])
        assert done.exit_code == 0
        assert done.output.startswith(plain_info)
        letters = done.output.removeprefix(plain_info)
        assert set(letters) <= set(" .:-=+*#%@\n")
        assert len(letters.splitlines()) > 9
    refused = CliRunner().invoke(main, ["info", str(cells), "--picture", "--json"])
    assert (refused.exit_code, "--json prints no picture; leave --picture" in refused.output) == (2, True)
    pyramid.convert(STACK, tmp_path / "a.ome.zarr", axes="czyx", levels=1, shards="none")
    for chunk in (tmp_path / "a.ome.zarr/0/c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"broken")
    broken = CliRunner().invoke(main, ["info", str(tmp_path / "a.ome.zarr"), "--picture"])
    assert broken.exit_code == 0
    assert "pyramid: no picture can be shown: " in broken.stderr


def test_labels_have_the_colours_of_their_metadata(tmp_path: Path) -> None:
    values = np.repeat(np.array([7, 0, 9], "uint8"), 20)[:, np.newaxis].repeat(60, 1)
    pyramid.convert(np.zeros((60, 60), "uint8"), tmp_path / "a.ome.zarr", axes="yx")
    pyramid.convert(values, tmp_path / "a.ome.zarr", axes="yx", labels="cells", label_colors={7: "FF0009"})
    shown = pyramid.preview(tmp_path / "a.ome.zarr/labels/cells", scale_bar=False, legend=False, size=60).pixels
    assert shown[[5, 30], 5].tolist() == [[255, 0, 9], [0, 0, 0]]
    assert shown[55, 5].any()
