"""From an image's metadata to JSON, as far as the versions of OME-Zarr agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.ngff.metadata import Dataset, Multiscale, OmeroChannel, Window

AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def content(image: Multiscale, stamp: Mapping[str, str]) -> dict[str, Any]:
    """``multiscales``, ``omero`` where there are channels, and ``_creator``.

    Parameters
    ----------
    image
        What is to be told.
    stamp
        Goes into ``multiscales`` and into ``omero``: the version, where the format wants it there.
    """
    told: dict[str, Any] = {"multiscales": [{**stamp, **multiscale(image)}]}
    if image.channels:
        told["omero"] = {**stamp, **omero(image)}
    if image.provenance:
        told["_creator"] = dict(image.provenance)
    return told


def multiscale(image: Multiscale) -> dict[str, Any]:
    """One item of ``multiscales``."""
    told: dict[str, Any] = {"name": image.name} if image.name else {}
    told["axes"] = [axis(letter, unit) for letter, unit in zip(image.axes, image.units, strict=True)]
    translated = any(any(dataset.translation or ()) for dataset in image.datasets)
    told["datasets"] = [
        {
            "path": dataset.path,
            "coordinateTransformations": transformations(dataset, len(image.axes), translated=translated),
        }
        for dataset in image.datasets
    ]
    if image.method is not None:
        told["type"] = image.method
        told["metadata"] = {
            "method": image.method,
            "description": f"Each level is made from the level before it, as stored, by the method {image.method}.",
        }
    return told


def axis(letter: str, unit: str | None) -> dict[str, str]:
    """One item of ``axes``.

    Examples
    --------
    >>> axis("x", "micrometer")
    {'name': 'x', 'type': 'space', 'unit': 'micrometer'}
    """
    told = {"name": letter, "type": AXIS_TYPES[letter]}
    return told if unit is None else {**told, "unit": unit}


def transformations(dataset: Dataset, ndim: int, *, translated: bool) -> list[dict[str, Any]]:
    """One scale, of ones where it is unknown, and one translation where any level of the image is `translated`."""
    sizes = dataset.scale or (1.0,) * ndim
    scale = {"type": "scale", "scale": [float(size) for size in sizes]}
    if not translated:
        return [scale]
    offsets = dataset.translation or (0.0,) * ndim
    return [scale, {"type": "translation", "translation": [float(offset) for offset in offsets]}]


def omero(image: Multiscale) -> dict[str, Any]:
    """How viewers should show the image."""
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
    told: dict[str, Any] = {} if channel.label is None else {"label": channel.label}
    told |= {"color": channel.color, "active": channel.active, "family": "linear", "coefficient": 1}
    told["inverted"] = channel.inverted
    if channel.window is not None:
        told["window"] = _window(channel.window)
    return told


def _window(window: Window) -> dict[str, float]:
    return {"min": window.min, "max": window.max, "start": window.start, "end": window.end}
