"""The reader of napari's plug-in: images and their labels as layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any, TypeAlias

import numpy as np

from pyramid.image import Image
from pyramid.image import open as open_image

# Data, keywords of the layer, and its kind.
Layer: TypeAlias = tuple[Any, Mapping[str, Any], str]
Path: TypeAlias = str | PathLike[str]
# The unit of an axis that has none, as napari and pint call it.
PIXEL = "pixel"


def get_reader(path: Path | Sequence[Path]) -> Callable[[Path | Sequence[Path]], list[Layer]] | None:
    """Return the function that reads a path; None for several paths."""
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
        If it is not an image, as a plate is not.

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
