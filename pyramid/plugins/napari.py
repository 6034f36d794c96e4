"""The reader and the writer of napari's plug-in, which exchange layers as tuples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any, TypeAlias

import numpy as np

from pyramid.api import convert
from pyramid.editing import edit
from pyramid.errors import OptionError
from pyramid.image import Image
from pyramid.image import open as open_image
from pyramid.model import AXES

# Data, keywords of the layer, and its kind.
Layer: TypeAlias = tuple[Any, Mapping[str, Any], str]
Path: TypeAlias = str | PathLike[str]
# The unit of an axis that has none, as napari and pint call it.
PIXEL = "pixel"


def get_reader(path: Path | Sequence[Path]) -> Callable[[Path | Sequence[Path]], list[Layer]] | None:
    """Return the function that reads a path; None for several, which are no stack here."""
    return read_layers if isinstance(path, str | PathLike) or len(path) == 1 else None


def read_layers(path: Path | Sequence[Path]) -> list[Layer]:
    """Read an image and its labels as lazy layers of several levels.

    Parameters
    ----------
    path
        A path or URL of an image, or a list of one.

    Returns
    -------
    list
        A layer for each channel (napari splits them), then one for each label.

    Raises
    ------
    SourceError
        If there is no image, as where it is a plate.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> target = f"{tempfile.mkdtemp()}/cells.ome.zarr"
    >>> image = pyramid.convert(np.zeros((2, 300, 400), "uint8"), target, axes="cyx")
    >>> [(len(data), keywords["channel_axis"], kind) for data, keywords, kind in read_layers(target)]
    [(2, 0, 'image')]
    """
    url = fspath(path if isinstance(path, str | PathLike) else path[0])
    image = open_image(url)
    labels = (open_image(f"{image.url.rstrip('/')}/labels/{name}") for name in image.labels)
    return [_image_layer(image), *(layer for label in labels for layer in _label_layers(label))]


def _placed(image: Image) -> dict[str, Any]:
    """Return the keywords that place a layer; napari counts them without channels."""
    axes = image.axes
    first = image.levels[0]
    scale, translation = first.scale or (1.0,) * len(axes), first.translation or (0.0,) * len(axes)
    kept = [index for index, axis in enumerate(axes) if axis != "c"]
    return {
        "scale": [scale[index] for index in kept],
        "translate": [translation[index] for index in kept],
        "axis_labels": [axes[index] for index in kept],
        "units": [image.units[index] or PIXEL for index in kept],
    }


def _image_layer(image: Image) -> Layer:
    data = [level.data for level in image.levels]
    keywords: dict[str, Any] = {**_placed(image), "multiscale": True, "metadata": {"ome-pyramid": image.to_dict()}}
    shown = [
        {
            "name": f"{image.name}: {channel.label}" if channel.label else image.name,
            "colormap": f"#{channel.color}",
            "visible": channel.active,
            **({"contrast_limits": [channel.window.start, channel.window.end]} if channel.window else {}),
        }
        for channel in image.channels
    ]
    if "c" not in image.axes:
        return data, {**keywords, **(shown[0] if shown else {}), "name": image.name}, "image"
    keys = set(shown[0]).intersection(*shown) if shown else set()
    by_channel = {key: [channel[key] for channel in shown] for key in sorted(keys)}
    return data, {"channel_axis": image.axes.index("c"), "name": image.name, **keywords, **by_channel}, "image"


def _label_layers(label: Image) -> Iterator[Layer]:
    """Yield a layer of labels for each index on their channel axis, most often one."""
    axis = label.axes.find("c")
    rgba = label.metadata.label.rgba if label.metadata.label else {}
    keywords: dict[str, Any] = {**_placed(label), "multiscale": True, "name": label.name}
    if rgba:
        colors = {value: np.asarray(color) / 255 for value, color in rgba.items()}
        keywords["colormap"] = {**colors, 0: np.zeros(4), None: np.array([0.5, 0.5, 0.5, 1.0])}
    for index in range(label.levels[0].shape[axis] if axis >= 0 else 1):
        at = (*[slice(None)] * axis, index) if axis >= 0 else ()
        yield [level.data[at] for level in label.levels], keywords, "labels"


def write_layers(path: str, layers: Sequence[Layer]) -> list[str]:
    """Write an image with labels, or labels alone, as an OME-Zarr; levels are made anew.

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
    axes = _write(path, data, keywords, {} if kind == "image" else {"method": "mode"})
    limits = keywords.get("contrast_limits")
    if kind == "image" and limits is not None and "c" not in axes:
        edit(path, windows=[tuple(map(float, limits))])
    for label_data, label_keywords, _ in labels:
        _write(path, label_data, label_keywords, {"labels": str(label_keywords.get("name") or "labels")})
    return [path]


def _write(path: str, data: Any, keywords: Mapping[str, Any], options: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Convert the largest level of a layer, and return its axes."""
    pixels = data[0] if keywords.get("multiscale") else data
    axes = _axes(pixels.ndim, keywords)
    values = {name: [*map(conv, keywords.get(key) or ())] for name, key, conv in _PLACES}
    spatial = [axis for axis in axes if axis != "c"] if keywords.get("rgb") else list(axes)
    placed: dict[str, Any] = {name: dict(zip(spatial, given, strict=False)) for name, given in values.items() if given}
    placed["units"] = {axis: unit for axis, unit in placed.get("units", {}).items() if unit != PIXEL}
    given = {name: value for name, value in {**placed, **options}.items() if value}
    if "labels" not in options and keywords.get("name"):
        given["name"] = str(keywords["name"])
    convert(pixels, path, axes=axes, **given)
    return axes


# Option, key of a layer, and what makes its values plain.
_PLACES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("scale", "scale", float),
    ("origin", "translate", float),
    ("units", "units", str),
)


def _axes(dimensions: int, keywords: Mapping[str, Any]) -> str:
    """Return the axes of a layer: its labels where they are letters of axes, else the last of tzyx."""
    colors = "c" if keywords.get("rgb") else ""
    labels = "".join(keywords.get("axis_labels") or ()) + colors
    if len(labels) == dimensions == len(set(labels)) and set(labels) <= set(AXES):
        return labels
    if dimensions - len(colors) > 4:
        raise OptionError(f"a layer of {dimensions} dimensions has no known axes; name them with letters of {AXES}")
    return "tzyx"[4 - (dimensions - len(colors)) :] + colors
