"""Images in napari and bioio, through the doors that those have for plug-ins."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from bioio import BioImage, plugins
from npe2 import PluginManager, PluginManifest
from npe2.io_utils import read, write

import pyramid
from tests.support.defects import write as write_group
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENTRIES = PROJECT["entry-points"]
PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 6, 150, 130)).astype("uint16")
SCALE = {"z": 2.0, "y": 0.5, "x": 0.25}


def make_image(path: Path, **options: Any) -> pyramid.Image:
    given = {
        "name": "cells",
        "axes": "czyx",
        "scale": SCALE,
        "channel_names": ["DAPI", "GFP"],
        "channel_colors": ["0000FF", "00FF00"],
    }
    made: pyramid.Image = pyramid.convert(PIXELS, path, progress=False, **{**given, "min_size": 64, **options})
    return made


@pytest.fixture
def image(tmp_path: Path) -> pyramid.Image:
    made = make_image(tmp_path / "cells.ome.zarr")
    colors = tmp_path / "colors.csv"
    colors.write_text("value,color\n1,FF0000\n")
    labels = (PIXELS[0] > 2000).astype("uint8")
    pyramid.convert(labels, made.url, labels="nuclei", axes="zyx", label_colors=colors, progress=False)
    return pyramid.open(made.url)


@pytest.fixture
def napari(monkeypatch: pytest.MonkeyPatch) -> PluginManager:
    """A manager of plug-ins that holds the manifest which the entry point names."""
    module, name = ENTRIES["napari.manifest"]["ome-pyramid"].split(":")
    manifest = PluginManifest.from_file(ROOT.joinpath(*module.split("."), name))
    manifest.validate_imports()
    manager = PluginManager()
    manager.register(manifest)
    monkeypatch.setattr(PluginManager, "instance", lambda: manager)
    return manager


def opened_by_napari(path: Any) -> Any:
    return read([str(path)], stack=False)


def saved_by_napari(path: str, layers: Any) -> list[str]:
    return write(path, layers, plugin_name="ome-pyramid")


def levels(data: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(level) for level in data]


def test_napari_opens_channels_labels_levels_and_what_they_look_like(image: pyramid.Image, napari: Any) -> None:
    (data, keywords, kind), (label_data, label_keywords, label_kind) = opened_by_napari(image.url)
    assert (kind, label_kind) == ("image", "labels")
    for ours, level in zip(levels(data), image.levels, strict=True):
        np.testing.assert_array_equal(ours, level.data.compute())
    assert keywords["channel_axis"] == 0
    assert keywords["name"] == ["cells: DAPI", "cells: GFP"]
    assert keywords["colormap"] == ["#0000FF", "#00FF00"]
    assert keywords["contrast_limits"] == [[c.window.start, c.window.end] for c in image.channels if c.window]
    for given in (keywords, label_keywords):
        assert (given["scale"], given["translate"]) == ([2.0, 0.5, 0.25], [0.0, 0.0, 0.0])
        assert (given["axis_labels"], given["units"]) == (["z", "y", "x"], ["micrometer"] * 3)
    np.testing.assert_array_equal(levels(label_data)[0], PIXELS[0] > 2000)
    np.testing.assert_array_equal(label_keywords["colormap"][1], [1, 0, 0, 1])


@pytest.mark.parametrize("options", [{"ome_zarr_version": "0.4"}, {"format": "n5"}], ids=str)
def test_napari_opens_whatever_is_opened(tmp_path: Path, napari: Any, options: dict[str, Any]) -> None:
    path = tmp_path / ("a.n5" if "format" in options else "a.zarr")
    made = make_image(path, **options)
    ((data, _, _),) = opened_by_napari(path)
    np.testing.assert_array_equal(levels(data)[-1], made.levels[-1].data.compute())


def test_what_napari_saves_it_opens_again(image: pyramid.Image, tmp_path: Path, napari: Any) -> None:
    (data, keywords, _), (label_data, label_keywords, _) = opened_by_napari(image.url)
    one = {key: value for key, value in keywords.items() if key not in ("channel_axis", "colormap", "visible")}
    one |= {"name": "cells", "contrast_limits": [100.0, 3000.0], "colormap": {"colors": [[0, 0, 0, 1], [0, 0.5, 1, 1]]}}
    path = str(tmp_path / "saved.ome.zarr")
    layers = [([level[0] for level in data], one, "image"), (label_data, {**label_keywords, "name": "spots"}, "labels")]
    assert saved_by_napari(path, layers) == [path]
    saved = pyramid.open(path)
    np.testing.assert_array_equal(saved.levels[0].data, PIXELS[0])
    assert (saved.name, saved.axes, saved.levels[0].scale) == ("cells", "zyx", (2.0, 0.5, 0.25))
    assert saved.units == ("micrometer",) * 3
    window = saved.channels[0].window
    assert (saved.channels[0].label, saved.channels[0].color) == ("cells", "0080FF")
    assert window is not None
    assert (window.start, window.end) == (100, 3000)
    assert saved.labels == ("spots",)
    assert pyramid.validate(path, strict=True).valid


def test_napari_saves_labels_colors_and_layers_without_names_of_axes(tmp_path: Path, napari: Any) -> None:
    labels = np.arange(300 * 90, dtype="int32").reshape(300, 90) // 1000
    for name, layer, axes in (
        ("labels.zarr", (labels, {"name": "cells"}, "labels"), "yx"),
        ("rgb.zarr", (np.zeros((70, 90, 4), "uint8"), {"rgb": True, "scale": [2, 3]}, "image"), "cyx"),
        ("time.zarr", (np.zeros((3, 4, 70, 90), "uint8"), {"axis_labels": ("-4", "-3", "-2", "-1")}, "image"), "tzyx"),
    ):
        path = str(tmp_path / name)
        saved_by_napari(path, [layer])
        assert pyramid.open(path).axes == axes
    colors = pyramid.open(str(tmp_path / "rgb.zarr"))
    assert (colors.levels[0].shape, colors.levels[0].scale) == ((3, 70, 90), (1.0, 2.0, 3.0))
    assert [channel.color for channel in colors.channels] == ["FF0000", "00FF00", "0000FF"]
    assert pyramid.open(str(tmp_path / "labels.zarr")).metadata.method == "mode"
    with pytest.raises(pyramid.OptionError, match="of 6 dimensions"):
        saved_by_napari(str(tmp_path / "six.zarr"), [(np.zeros((1,) * 6), {}, "image")])


def test_a_plate_is_refused_by_napari_with_the_image_to_open(tmp_path: Path, napari: Any) -> None:
    well = {"path": "A/1", "rowIndex": 0, "columnIndex": 0}
    write_group(
        tmp_path / "a.zarr",
        {"version": "0.5", "plate": {"rows": [{"name": "A"}], "columns": [{"name": "1"}], "wells": [well]}},
    )
    with pytest.raises(pyramid.SourceError, match="a plate, not an image"):
        opened_by_napari(tmp_path / "a.zarr")


@pytest.fixture
def bioio(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point of the reader is the only one, and the distribution needs what the project file says."""
    ((name, module),) = ENTRIES["bioio.readers"].items()
    entry = EntryPoint(name, module, "bioio.readers")
    needed = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    of_bioio = plugins.requires
    monkeypatch.setattr(plugins, "requires", lambda of: needed if of == name else of_bioio(of))
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    monkeypatch.setattr(plugins, "plugins_by_ext_cache", {})
    monkeypatch.setattr(plugins, "directory_image_plugins_cache", [])


def test_bioio_opens_levels_names_sizes_and_units(image: pyramid.Image, bioio: None) -> None:
    opened = BioImage(image.url)
    assert type(opened.reader).__module__ == "pyramid.plugins.bioio"
    assert (opened.dims.order, opened.shape) == ("TCZYX", (1, *PIXELS.shape))
    assert opened.channel_names == ["DAPI", "GFP"]
    assert tuple(opened.physical_pixel_sizes) == (2.0, 0.5, 0.25)
    assert str(opened.dimension_properties.Y.unit) == "micrometer"
    np.testing.assert_array_equal(opened.get_image_data("CZYX"), PIXELS)
    assert opened.resolution_levels == tuple(range(len(image.levels)))
    opened.set_resolution_level(1)
    np.testing.assert_array_equal(opened.get_image_data("CZYX"), image.levels[1].data.compute())
    assert tuple(opened.physical_pixel_sizes) == image.levels[1].scale[1:]  # type: ignore[index]


def test_images_of_a_plate_are_scenes_of_bioio(tmp_path: Path, bioio: None) -> None:
    for well, value in (("A1", 3), ("B2", 5)):
        tifffile.imwrite(tmp_path / f"p_{well}_f0.tif", np.full((64, 64), value, "uint8"))
    pyramid.convert(tmp_path, tmp_path / "plate.ome.zarr", pattern="p_{well}_f{field:d}.tif", progress=False)
    opened = BioImage(tmp_path / "plate.ome.zarr")
    seen = {}
    for scene in opened.scenes:
        opened.set_scene(scene)
        seen[scene] = int(opened.get_image_data("YX").max())
    assert sorted(seen.values()) == [3, 5]
    assert all(scene.endswith("/0") for scene in seen)


def test_what_is_no_image_is_left_to_other_readers_of_bioio(tmp_path: Path, bioio: None) -> None:
    from bioio_base.exceptions import UnsupportedFileFormatError

    (tmp_path / "a.zarr").mkdir()
    for path in (tmp_path, tmp_path / "a.zarr"):
        with pytest.raises(UnsupportedFileFormatError):
            BioImage(path)
