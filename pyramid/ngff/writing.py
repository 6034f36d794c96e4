"""Writer of an image's metadata as JSON, as far as the versions of OME-Zarr agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.ngff.axis_names import AXIS_TYPES
from pyramid.ngff.metadata import Dataset, Multiscale, OmeroChannel, Window


def make_content(image: Multiscale, stamp: Mapping[str, str]) -> dict[str, Any]:
    """Return ``multiscales``, ``omero`` where there are channels, and ``_creator``.

    Parameters
    ----------
    image
        The metadata to write.
    stamp
        Items for both ``multiscales`` and ``omero``: the version, where the format has it there.
    """
    document: dict[str, Any] = {"multiscales": [{**stamp, **make_multiscale(image)}]}
    if image.channels:
        document["omero"] = {**stamp, **make_omero(image)}
    if image.image_label is not None:
        document["image-label"] = {**stamp, **image.image_label}
    if image.provenance:
        document["_creator"] = dict(image.provenance)
    return document


def make_multiscale(image: Multiscale) -> dict[str, Any]:
    """Return one item of ``multiscales``."""
    item: dict[str, Any] = {"name": image.name} if image.name else {}
    item["axes"] = [make_axis(letter, unit) for letter, unit in zip(image.axes, image.units, strict=True)]
    translated = any(any(dataset.translation or ()) for dataset in image.datasets)
    item["datasets"] = [
        {
            "path": dataset.path,
            "coordinateTransformations": make_transformations(dataset, len(image.axes), translated=translated),
        }
        for dataset in image.datasets
    ]
    if image.method is not None:
        item["type"] = image.method
        item["metadata"] = {
            "method": image.method,
            "description": f"Each level is made from the level before it, as stored, by the method {image.method}.",
        }
        if image.nodata is not None:
            item["metadata"]["nodata"] = image.nodata
    elif image.copied:
        item["metadata"] = {"description": describe_copied(image)}
    return item


def describe_copied(image: Multiscale) -> str:
    """Return a sentence about the levels that were copied from the source.

    Examples
    --------
    >>> level = Dataset("0", None, None)
    >>> describe_copied(Multiscale("yx", (None, None), (level,) * 3, copied=2))
    'Levels 1 to 2 are those of the source, made by a method that is not known.'
    """
    which = "Level 1 is that" if image.copied == 1 else f"Levels 1 to {image.copied} are those"
    sentence = f"{which} of the source, made by a method that is not known."
    method = image.provenance.get("method")
    if len(image.datasets) > image.copied + 1 and method:
        sentence += f" Each later level is made from the level before it, as stored, by the method {method}."
    return sentence


def make_axis(letter: str, unit: str | None) -> dict[str, str]:
    """Return one item of ``axes``.

    Examples
    --------
    >>> make_axis("x", "micrometer")
    {'name': 'x', 'type': 'space', 'unit': 'micrometer'}
    """
    item = {"name": letter, "type": AXIS_TYPES[letter]}
    return item if unit is None else {**item, "unit": unit}


def make_transformations(dataset: Dataset, ndim: int, *, translated: bool) -> list[dict[str, Any]]:
    """Return the transformations of a level: one scale, and one translation if needed.

    An unknown scale is written as ones. A translation is written if any level of the image is `translated`.
    """
    sizes = dataset.scale or (1.0,) * ndim
    scale = {"type": "scale", "scale": [float(size) for size in sizes]}
    if not translated:
        return [scale]
    offsets = dataset.translation or (0.0,) * ndim
    return [scale, {"type": "translation", "translation": [float(offset) for offset in offsets]}]


def make_omero(image: Multiscale) -> dict[str, Any]:
    """Return the display settings of the image for viewers."""
    shown = [channel for channel in image.channels if channel.active]
    grey = len(shown) == 1 and shown[0].color == "FFFFFF"
    return {
        "name": image.name or "image",
        "channels": [_channel(channel) for channel in image.channels],
        "rdefs": {
            "model": "greyscale" if grey else "color",
            "defaultZ": image.default_z,
            "defaultT": image.default_t,
        },
    }


def _channel(channel: OmeroChannel) -> dict[str, Any]:
    item: dict[str, Any] = {} if channel.label is None else {"label": channel.label}
    item |= {"color": channel.color, "active": channel.active, "family": "linear", "coefficient": 1}
    item["inverted"] = channel.inverted
    if channel.window is not None:
        item["window"] = _window(channel.window)
    return item


def _window(window: Window) -> dict[str, float]:
    return {"min": window.min, "max": window.max, "start": window.start, "end": window.end}
