"""The pixels of an image as a report shows them: a picture, and histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.engine.report import PixelsLook
from pyramid.errors import PyramidError
from pyramid.image.image import Image
from pyramid.image.level import ImageLevel
from pyramid.image.look import Look
from pyramid.image.opening import read_image
from pyramid.image.picture import preview_image

# The longest side of the picture: it fits a page.
PICTURE_PX = 640
# The largest level whose pixels are counted, before compression: a fraction of a second.
MAX_COUNTED_BYTES = 64 * 2**20
BINS = 64


def look_at(url: str, options: Mapping[str, Any] | None, *, with_picture: bool) -> PixelsLook | None:
    """Return the pixels of an image that was written; None if it cannot be opened."""
    try:
        image = read_image(url, options)
    except PyramidError:  # the run is done, and whoever opens its target will see it
        return None
    return PixelsLook(report_picture(image) if with_picture else None, report_channels(image))


def report_picture(image: Image) -> bytes | None:
    """Return a PNG of the middle plane; None if it cannot be made."""
    try:
        return preview_image(image, Look(size_px=PICTURE_PX)).encode("png")
    except PyramidError:  # the run itself is done, and the report is about that
        return None


def report_channels(image: Image) -> list[dict[str, Any]]:
    """Return extremes and a histogram of each channel of the smallest level.

    The list is empty if that level is too large or cannot be read.
    """
    level = image.levels[-1]
    if level.nbytes > MAX_COUNTED_BYTES:
        return []
    try:
        pixels = level.read((slice(None),) * len(level.shape))
    except Exception:  # as above; other libraries raise what they like
        return []
    channels = np.moveaxis(pixels, image.axes.index("c"), 0) if "c" in image.axes else pixels[np.newaxis]
    names = [channel.label for channel in image.channels] or [None] * len(channels)
    return [
        _channel(name or f"Channel {number}", values, level)
        for number, (name, values) in enumerate(zip(names, channels, strict=False))
    ]


def _channel(name: str, values: NDArray[Any], level: ImageLevel) -> dict[str, Any]:
    values = np.abs(values) if values.dtype.kind == "c" else values
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return {"name": name, "level": level.path, "least": None, "greatest": None, "counts": []}
    least, greatest = float(finite.min()), float(finite.max())
    return {
        "name": name,
        "level": level.path,
        "least": least,
        "greatest": greatest,
        "counts": _counts(finite, least, greatest),
    }


def _counts(finite: NDArray[np.float64], least: float, greatest: float) -> list[int]:
    """Return how many pixels each bin holds; none where the range overflows."""
    if not math.isfinite(greatest - least):
        return []
    # Places of the bins are counted, not their edges: those of a narrow range are not all distinct floats.
    share = (finite - least) / (greatest - least or 1.0)
    places = np.minimum((share * BINS).astype(np.int64), BINS - 1)
    counts: list[int] = np.bincount(places, minlength=BINS).tolist()
    return counts
