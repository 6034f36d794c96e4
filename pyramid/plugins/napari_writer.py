"""The writer of napari's plug-in: layers become an OME-Zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pyramid.api import convert
from pyramid.editing import edit
from pyramid.errors import OptionError
from pyramid.model import AXES
from pyramid.plugins.napari_reader import PIXEL, Layer


def write_layers(path: str, layers: Sequence[Layer]) -> list[str]:
    """Write an image with labels, or only labels, as an OME-Zarr with new levels.

    Parameters
    ----------
    path
        Path of the OME-Zarr, where nothing exists yet.
    layers
        An image first if there is one, and labels.

    Returns
    -------
    list of str
        What is written.

    Raises
    ------
    OptionError, TargetError
        If the layers cannot be one image, or the target cannot be written.
    """
    (data, keywords, kind), *labels = layers
    axes = _write(path, data, keywords, _look(keywords) if kind == "image" else {"method": "mode"})
    limits = keywords.get("contrast_limits")
    if kind == "image" and limits is not None and "c" not in axes:
        edit(path, windows=[(float(limits[0]), float(limits[1]))])
    for label_data, label_keywords, _ in labels:
        _write(path, label_data, label_keywords, {"labels": str(label_keywords.get("name") or "labels")})
    return [path]


def _write(path: str, data: Any, keywords: Mapping[str, Any], options: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Convert the largest level of a layer, and return its axes."""
    pixels = data[0] if keywords.get("multiscale") else data
    if keywords.get("rgb"):
        pixels = pixels[..., :3]  # without its opacity
    axes = _axes(pixels.ndim, keywords)
    if "c" in axes and not keywords.get("rgb"):  # a layer has one name and colour, and its channels have many
        options = {name: value for name, value in options.items() if not name.startswith("channel_")}
    values = {name: [*map(conv, keywords.get(key) or ())] for name, key, conv in _PLACES}
    spatial = [axis for axis in axes if axis != "c"] if keywords.get("rgb") else list(axes)
    placed: dict[str, Any] = {name: dict(zip(spatial, given, strict=False)) for name, given in values.items() if given}
    placed["units"] = {axis: unit for axis, unit in placed.get("units", {}).items() if unit != PIXEL}
    given = {name: value for name, value in {**placed, **options}.items() if value}
    if "labels" not in options and keywords.get("name"):
        given["name"] = str(keywords["name"])
    convert(pixels, path, axes=axes, **given)
    return axes


def _look(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names and colours of the channels of a layer, as options."""
    if keywords.get("rgb"):
        return {"channel_names": ["red", "green", "blue"], "channel_colors": ["FF0000", "00FF00", "0000FF"]}
    colormap = keywords.get("colormap")
    colors = np.asarray(colormap["colors"] if isinstance(colormap, Mapping) else ())
    brightest = [f"{round(255 * value):02X}" for value in colors[-1][:3]] if len(colors) else []
    return {
        "channel_names": [str(keywords.get("name") or "image")],
        "channel_colors": ["".join(brightest)] * bool(brightest),
    }


# Option, key of a layer, and what makes its values plain.
_PLACES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("scale", "scale", float),
    ("origin", "translate", float),
    ("units", "units", str),
)


def _axes(dimensions: int, keywords: Mapping[str, Any]) -> str:
    """Return the axes that a layer names, or else the last of tzyx."""
    colors = "c" if keywords.get("rgb") else ""
    labels = "".join(keywords.get("axis_labels") or ()) + colors
    if len(labels) == dimensions == len(set(labels)) and set(labels) <= set(AXES):
        return labels
    if dimensions - len(colors) > 4:
        raise OptionError(f"a layer of {dimensions} dimensions has no known axes; name them with letters of {AXES}")
    return "tzyx"[4 - (dimensions - len(colors)) :] + colors
