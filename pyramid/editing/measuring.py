"""Measure the windows of channels on the smallest level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyramid.image.opening import read_image
from pyramid.stores import Objects
from pyramid.writing.metadata import shown_range


def measure_windows(
    objects: Objects, storage_options: Mapping[str, Any] | None, nodata: float | None
) -> list[tuple[float, ...]]:
    """Return the extremes and the shown range of each channel of the smallest level."""
    image = read_image(objects.location.address, storage_options)
    level = image.levels[-1]
    count = level.shape[image.axes.index("c")] if "c" in image.axes else 1
    found: list[tuple[float, ...]] = []
    for channel in range(count):
        at = tuple(channel if axis == "c" else slice(None) for axis in image.axes)
        pixels = np.asarray(level.data[at].compute())
        numbers = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
        ends = (float(numbers.min()), float(numbers.max())) if numbers.size else (math.nan, math.nan)
        found.append((*ends, *shown_range(pixels, nodata)))
    return found
