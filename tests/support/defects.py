"""OME-Zarr with one defect each: the rule that it breaks, and the place where it breaks it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pyramid

Step = str | int
# The value of a field that is taken out, and of a file or folder that is removed.
GONE: Any = object()


@dataclass(frozen=True)
class Defect:
    """One change of one document, and the rule that it breaks there."""

    name: str
    store: str
    document: str
    steps: tuple[Step, ...]
    value: Any
    rule: str
    place: str
    level: str = "error"


def make_stores(folder: Path) -> None:
    """An image of each version, one with shards, one with labels, a plate and a collection; all of them valid."""
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 9, 96, 80)).astype("uint16")
    options: dict[str, Any] = {"axes": "czyx", "scale": {"z": 0.5, "y": 0.25, "x": 0.25}, "min_size": 24}
    for version in ("0.4", "0.5", "0.6"):
        shards: dict[str, Any] = {} if version == "0.4" else {"shards": "none"}
        pyramid.convert(pixels, folder / version, ome_zarr_version=version, progress=False, **options, **shards)
    chunked: dict[str, Any] = {"chunks": {"z": 1, "y": 32, "x": 32}, "shards": {"z": 1, "y": 64, "x": 64}}
    pyramid.convert(pixels, folder / "sharded", progress=False, **options, **chunked)
    shutil.copytree(folder / "0.5", folder / "labelled")
    _label(pixels[0], folder / "labelled/labels/cells", options)
    write(folder / "labelled/labels", {"version": "0.5", "labels": ["cells"]})
    label = json.loads((folder / "labelled/labels/cells/zarr.json").read_text())["attributes"]["ome"]
    label.pop("omero", None)
    label["image-label"] = {"colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}]}
    write(folder / "labelled/labels/cells", label)
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]
    acquisitions = [{"id": 0, "name": "first", "maximumfieldcount": 1}]
    plate = {"name": "plate", "rows": [{"name": "A"}], "columns": [{"name": "1"}], "field_count": 1}
    write(folder / "plate", {"version": "0.5", "plate": {**plate, "wells": wells, "acquisitions": acquisitions}})
    write(folder / "plate/A", None)
    write(folder / "plate/A/1", {"version": "0.5", "well": {"images": [{"path": "0", "acquisition": 0}]}})
    shutil.copytree(folder / "0.5", folder / "plate/A/1/0")
    write(folder / "series", {"version": "0.5", "bioformats2raw.layout": 3})
    write(folder / "series/OME", {"version": "0.5", "series": ["0"]})
    shutil.copytree(folder / "0.5", folder / "series/0")


def _label(pixels: Any, path: Path, options: dict[str, Any]) -> None:
    pyramid.convert(pixels, path, method="mode", shards="none", progress=False, **{**options, "axes": "zyx"})


def write(folder: Path, content: Mapping[str, Any] | None) -> None:
    """Write a group of Zarr 3 with attributes of OME-Zarr."""
    folder.mkdir(parents=True, exist_ok=True)
    attributes = {} if content is None else {"ome": content}
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(document))


@contextmanager
def made(defect: Defect, folder: Path) -> Iterator[Path]:
    """The store with the defect, which is whole again afterwards."""
    store = folder / defect.store
    path = store / defect.document
    if path.is_dir():
        aside = folder / "aside"
        path.rename(aside)
        try:
            yield store
        finally:
            aside.rename(path)
        return
    before = path.read_bytes()
    try:
        if isinstance(defect.value, bytes):
            path.write_bytes(defect.value)
        else:
            document = json.loads(before)
            change(document, defect.steps, defect.value)
            path.write_text(json.dumps(document))
        yield store
    finally:
        path.write_bytes(before)


def change(document: Any, steps: tuple[Step, ...], value: Any) -> None:
    """Set or take out one field."""
    for step in steps[:-1]:
        document = document[step]
    if value is GONE:
        del document[steps[-1]]
    else:
        document[steps[-1]] = value


def _v4(name: str, steps: tuple[Step, ...], value: Any, rule: str, place: str, level: str = "error") -> Defect:
    return Defect(name, "0.4", ".zattrs", steps, value, rule, place, level)


def _v5(name: str, steps: tuple[Step, ...], value: Any, rule: str, place: str, level: str = "error") -> Defect:
    return Defect(name, "0.5", "zarr.json", ("attributes", "ome", *steps), value, rule, f"ome.{place}", level)


def _v6(name: str, steps: tuple[Step, ...], value: Any, rule: str, place: str, level: str = "error") -> Defect:
    return Defect(name, "0.6", "zarr.json", ("attributes", "ome", *steps), value, rule, f"ome.{place}", level)


def _in(
    store: str, document: str, steps: tuple[Step, ...], value: Any, rule: str, place: str, level: str = "error",
    name: str = "",
) -> Defect:  # fmt: skip
    return Defect(name or f"{store}: {rule} at {place or document}", store, document, steps, value, rule, place, level)


M: tuple[Step, ...] = ("multiscales", 0)
D1: tuple[Step, ...] = (*M, "datasets", 1)
OME: tuple[Step, ...] = ("attributes", "ome")
PLATE: tuple[Step, ...] = (*OME, "plate")
CHANNEL: tuple[Step, ...] = ("omero", "channels", 0)
LEVEL = "ome.multiscales[0].datasets[1]"
TWICE = [{"type": "scale", "scale": [1, 1, 1, 1]}] * 2
TURNED = [{"type": "translation", "translation": [0, 0, 0, 0]}, {"type": "scale", "scale": [1, 1, 1, 1]}]

# fmt: off
IMAGES = (
    _v4("no multiscales", ("multiscales",), [], "multiscales-kind", "multiscales"),
    _v4("no name", (*M, "name"), GONE, "multiscales.name-missing", "multiscales[0]", "warning"),
    _v4("no version", (*M, "version"), GONE, "multiscales.version-missing", "multiscales[0]", "warning"),
    _v4("version as a number", (*M, "version"), 0.4, "version-known", "multiscales[0].version"),
    _v4("version that does not exist", (*M, "version"), "0.7", "version-known", "multiscales[0].version"),
    _v4("draft", (*M, "version"), "0.4-dev-spatialdata", "version-draft", "multiscales[0].version", "warning"),
    _v4("axes of 0.3", (*M, "axes"), ["c", "z", "y", "x"], "multiscales.axes-items", "multiscales[0].axes[0]"),
    _v4("no color", (*CHANNEL, "color"), GONE, "omero.channels.color-missing", "omero.channels[0]"),
    _v4("no window", (*CHANNEL, "window"), GONE, "omero.channels.window-missing", "omero.channels[0]"),
    _v5("no version", ("version",), GONE, "version-missing", ""),
    _v5("no datasets", (*M, "datasets"), [], "multiscales.datasets-kind", "multiscales[0].datasets"),
    _v5("no axes", (*M, "axes"), GONE, "multiscales.axes-missing", "multiscales[0]"),
    _v5("one axis", (*M, "axes"), [{"name": "x", "type": "space"}], "axes-count", "multiscales[0].axes"),
    _v5("axis too few", (*M, "axes", 0), GONE, "levels-ndim", "multiscales[0].datasets[0]"),
    _v5("axis without a name", (*M, "axes", 1, "name"), GONE, "multiscales.axes.name-missing",
        "multiscales[0].axes[1]"),
    _v5("axis without a type", (*M, "axes", 0, "type"), GONE, "multiscales.axes.type-missing", "multiscales[0].axes[0]",
        "warning"),
    _v5("two axes of one name", (*M, "axes", 1, "name"), "y", "axes-names-unique", "multiscales[0].axes[2].name"),
    _v5("one axis of space", (*M, "axes", 1, "type"), "time", "axes-order", "multiscales[0].axes"),
    _v5("two channels", (*M, "axes", 1, "type"), "channel", "axes-time-channel", "multiscales[0].axes"),
    _v5("no axis of space", (*M, "axes", 2, "type"), "other", "axes-order", "multiscales[0].axes"),
    _v5("short unit", (*M, "axes", 3, "unit"), "um", "axes-unit-known", "multiscales[0].axes[3].unit", "warning"),
    _v5("unit of time on space", (*M, "axes", 3, "unit"), "second", "axes-unit-known", "multiscales[0].axes[3].unit",
        "warning"),
    _v5("unit of channels", (*M, "axes", 0, "unit"), "meter", "axes-unit-of-channel", "multiscales[0].axes[0].unit",
        "warning"),
    _v5("unit that is a number", (*M, "axes", 3, "unit"), 1, "multiscales.axes.unit-kind",
        "multiscales[0].axes[3].unit"),
    _v5("space in another order", (*M, "axes", 1, "name"), "q", "dimension-names", "multiscales[0].datasets[0]"),
    _v5("no path", (*D1, "path"), GONE, "multiscales.datasets.path-missing", "multiscales[0].datasets[1]"),
    _v5("path that leads elsewhere", (*D1, "path"), "../x", "multiscales.datasets.path-kind",
        "multiscales[0].datasets[1].path"),
    _v5("path twice", (*D1, "path"), "0", "multiscales.datasets.path-unique", "multiscales[0].datasets[1].path"),
    _v5("level that does not exist", (*D1, "path"), "9", "levels-exist", "multiscales[0].datasets[1]"),
    _v5("no transformations", (*D1, "coordinateTransformations"), GONE,
        "multiscales.datasets.coordinateTransformations-missing", "multiscales[0].datasets[1]"),
    _v5("two scales", (*D1, "coordinateTransformations"), TWICE, "transformations-kinds",
        "multiscales[0].datasets[1].coordinateTransformations"),
    _v5("translation before scale", (*D1, "coordinateTransformations"), TURNED, "transformations-kinds",
        "multiscales[0].datasets[1].coordinateTransformations"),
    _v5("rotation", (*D1, "coordinateTransformations", 0, "type"), "rotation", "transformations-items",
        "multiscales[0].datasets[1].coordinateTransformations[0].type"),
    _v5("scale of text", (*D1, "coordinateTransformations", 0, "scale", 1), "1", "transformations-items",
        "multiscales[0].datasets[1].coordinateTransformations[0].scale"),
    _v5("scale too short", (*D1, "coordinateTransformations", 0, "scale"), [1, 1], "transformations-length",
        "multiscales[0].datasets[1].coordinateTransformations[0].scale"),
    _v5("scale of zero", (*D1, "coordinateTransformations", 0, "scale", 3), 0, "scale-positive",
        "multiscales[0].datasets[1].coordinateTransformations[0].scale", "warning"),
    _v5("scale that does not fit", (*D1, "coordinateTransformations", 0, "scale", 3), 1.0, "scale-shape",
        "multiscales[0].datasets[1]", "warning"),
    _v5("translation of a whole pixel", (*D1, "coordinateTransformations", 1, "translation", 3), 0.25,
        "translation-pixel", "multiscales[0].datasets[1]", "warning"),
    _v5("translation without half a pixel", (*D1, "coordinateTransformations", 1, "translation", 3), 0.0,
        "translation-half-pixel", "multiscales[0].datasets[1]", "advice"),
    _v5("color of five digits", (*CHANNEL, "color"), "FF000", "omero.channels.color-kind", "omero.channels[0].color"),
    _v5("window without start", (*CHANNEL, "window", "start"), GONE, "omero.channels.window.start-missing",
        "omero.channels[0].window"),
    _v5("window outside the dtype", (*CHANNEL, "window", "max"), 70000, "omero.channels.window-dtype",
        "omero.channels[0].window.max", "warning"),
    _v5("window that ends before it begins", (*CHANNEL, "window", "start"), 65000, "omero.channels.window-order",
        "omero.channels[0].window", "warning"),
    _v5("no active", (*CHANNEL, "active"), GONE, "omero.channels.active-missing", "omero.channels[0]", "advice"),
    _v5("active as a number", (*CHANNEL, "active"), 1, "omero.channels.active-kind", "omero.channels[0].active"),
    _v5("too few channels", ("omero", "channels", 1), GONE, "omero.channels-count", "omero.channels", "warning"),
    _v5("no channels", ("omero", "channels"), GONE, "omero.channels-missing", "omero"),
    _v5("no rdefs", ("omero", "rdefs"), GONE, "omero.rdefs-missing", "omero", "advice"),
)
SYSTEMS = (
    _v6("axes of 0.5", (*M, "coordinateSystems"), GONE, "multiscales.coordinateSystems-missing", "multiscales[0]"),
    _v6("system without a name", (*M, "coordinateSystems", 0, "name"), GONE,
        "multiscales.coordinateSystems.name-missing", "multiscales[0].coordinateSystems[0]"),
    _v6("another system", (*M, "coordinateSystems", 0, "name"), "other", "coordinate-systems-names",
        "multiscales[0].datasets[0].coordinateTransformations[0].output.name"),
    _v6("discrete as text", (*M, "coordinateSystems", 0, "axes", 0, "discrete"), "yes",
        "multiscales.coordinateSystems.axes.discrete-kind", "multiscales[0].coordinateSystems[0].axes[0].discrete"),
    _v6("another path", (*D1, "coordinateTransformations", 0, "input", "path"), "0", "transformations-of-level-ends",
        "multiscales[0].datasets[1].coordinateTransformations[0].input"),
    _v6("output as text", (*D1, "coordinateTransformations", 0, "output"), "physical", "transformations-of-level-ends",
        "multiscales[0].datasets[1].coordinateTransformations[0].output"),
    _v6("affine level", (*D1, "coordinateTransformations", 0, "type"), "affine", "transformations-of-level",
        "multiscales[0].datasets[1].coordinateTransformations[0].type"),
    _v6("no translation", (*D1, "coordinateTransformations", 0, "transformations", 1), GONE, "transformations-of-level",
        "multiscales[0].datasets[1].coordinateTransformations[0].transformations"),
)
ARRAYS = (
    _in("0.5", "1/zarr.json", ("dimension_names",), GONE, "dimension-names", LEVEL),
    _in("0.5", "1/zarr.json", ("data_type",), "uint8", "levels-dtype", LEVEL, "warning"),
    _in("0.5", "1/zarr.json", ("shape", 3), 41, "scale-shape", LEVEL, "warning"),
    _in("0.5", "1/zarr.json", ("shape", 3), 400, "levels-order", LEVEL),
    _in("0.5", "1/zarr.json", ("fill_value",), 7, "fill-value", LEVEL, "advice"),
    _in("0.5", "1/zarr.json", ("data_type",), "string", "documents", LEVEL),
    _in("0.5", "1/zarr.json", ("codecs",), 3, "documents", LEVEL, name="0.5: codecs that are none"),
    _in("0.5", "1/zarr.json", (), b"{", "documents", LEVEL, name="0.5: an array's document that is cut"),
    _in("0.5", "zarr.json", (), b"{", "documents", "", name="0.5: the group's document that is cut"),
    _in("0.4", "1/.zarray", ("dimension_separator",), ".", "separator", "multiscales[0].datasets[1]", "warning"),
    _in("0.4", ".zattrs", ("_creator", "version"), float("nan"), "json", ".zattrs"),
    _in("sharded", "0/zarr.json", ("codecs", 0, "configuration", "chunk_shape"), [1, 1, 48, 32], "shards-chunks",
        "ome.multiscales[0].datasets[0]"),
    _in("sharded", "0/zarr.json", ("codecs", 0, "configuration", "index_codecs", 1), GONE, "shards-index-checksum",
        "ome.multiscales[0].datasets[0]", "advice"),
    _in("sharded", "0/zarr.json", ("codecs", 0, "configuration", "index_location"), "middle", "shards-index",
        "ome.multiscales[0].datasets[0]"),
    _in("0.5", "zarr.json", ("consolidated_metadata",), {"metadata": {"0": {"shape": [1]}}}, "consolidated",
        "consolidated_metadata", "warning"),
)
GROUPS = (
    _in("plate", "zarr.json", (*PLATE, "name"), GONE, "plate.name-missing", "ome.plate", "warning"),
    _in("plate", "zarr.json", (*PLATE, "rows"), GONE, "plate.rows-missing", "ome.plate"),
    _in("plate", "zarr.json", (*PLATE, "rows", 0, "name"), "A-", "plate.rows.name-kind", "ome.plate.rows[0].name"),
    _in("plate", "zarr.json", (*PLATE, "columns"), [{"name": "1"}] * 2, "plate.columns-kind", "ome.plate.columns"),
    _in("plate", "zarr.json", (*PLATE, "wells", 0, "path"), "A", "plate.wells.path-kind", "ome.plate.wells[0].path"),
    _in("plate", "zarr.json", (*PLATE, "wells", 0, "path"), "B/1", "plate-wells-named", "ome.plate.wells[0].path"),
    _in("plate", "zarr.json", (*PLATE, "wells", 0, "path"), "1/A", "plate-wells-swapped", "ome.plate.wells[0].path"),
    _in("plate", "zarr.json", (*PLATE, "wells", 0, "rowIndex"), 3, "plate-wells-index", "ome.plate.wells[0].rowIndex"),
    _in("plate", "zarr.json", (*PLATE, "field_count"), 0, "plate.field_count-kind", "ome.plate.field_count"),
    _in("plate", "zarr.json", (*PLATE, "acquisitions", 0, "id"), -1, "plate.acquisitions.id-kind",
        "ome.plate.acquisitions[0].id"),
    _in("plate", "A/1/zarr.json", (*OME, "well", "images"), [], "well.images-kind", "ome.well.images"),
    _in("plate", "A/1/zarr.json", (*OME, "well", "images", 0, "path"), "a/b", "well.images.path-kind",
        "ome.well.images[0].path"),
    _in("plate", "A/1/zarr.json", (*OME, "version"), "0.6", "version-hierarchy", "ome.version"),
    _in("plate", "A/1/0", (), GONE, "groups-exist", "ome.well.images[0].path"),
    _in("labelled", "labels/cells", (), GONE, "groups-exist", "ome.labels[0]"),
    _in("labelled", "labels/cells/zarr.json", (*OME, "multiscales"), GONE, "labels-image", ""),
    _in("labelled", "labels/cells/zarr.json", (*OME, "multiscales", 0, "datasets", 1), GONE, "labels-levels",
        "ome.multiscales[0].datasets"),
    _in("labelled", "labels/cells/0/zarr.json", ("data_type",), "float32", "labels-dtype",
        "ome.multiscales[0].datasets[0]"),
    _in("labelled", "labels/cells/zarr.json", (*OME, "image-label", "colors"), GONE, "image-label.colors-missing",
        "ome.image-label", "warning"),
    _in("labelled", "labels/cells/zarr.json", (*OME, "image-label", "colors", 0, "rgba"), [0, 0, 0, 256],
        "image-label.colors.rgba-kind", "ome.image-label.colors[0].rgba"),
    _in("series", "zarr.json", (*OME, "bioformats2raw.layout"), 2, "bioformats2raw.layout-kind",
        "ome.bioformats2raw.layout"),
    _in("series", "OME/zarr.json", (*OME, "series"), ["0", "1"], "groups-exist", "ome.series[1]"),
    _in("series", "zarr.json", ("attributes",), {}, "metadata-missing", ""),
)
# fmt: on
DEFECTS = (*IMAGES, *SYSTEMS, *ARRAYS, *GROUPS)
