"""A small picture of an image, in the colours of its active channels.

It shows the middle plane of a small level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.ngff.channels import MAX_ACTIVE, make_window, omero_channels
from pyramid.ngff.metadata import OmeroChannel
from pyramid.rendering.blend import ChannelStyle, blend

if TYPE_CHECKING:
    from pyramid.image import Image, ImageLevel

# The longest side of a picture: it fits next to a table in a notebook.
MAX_SIDE_PX = 256
# The most bytes that are read for a picture, before compression: more would keep a notebook waiting.
MAX_READ_BYTES = 2**28


def as_png(image: Image) -> bytes:
    """Return the picture as an RGB PNG, at most MAX_SIDE_PX high and wide.

    Raises
    ------
    SourceError
        If no level of the image is small enough to be read for a picture.
    """
    level = choose_level(image)
    indices = _shown_indices(image, level)
    cost_bytes = read_bytes(level, image.axes) * len(indices)
    if cost_bytes > MAX_READ_BYTES:
        raise SourceError(f"{cost_bytes:,} bytes would be read for it, and the most is {MAX_READ_BYTES:,}")
    planes = [_read_plane(image, level, index) for index in indices]
    if image.channels:
        channels: Sequence[OmeroChannel] = [image.channels[index] for index in indices]
    else:
        channels = omero_channels((), level.dtype.name, [_measure(plane) for plane in planes])
    return bytes(imagecodecs.png_encode(composite(planes, channels)))


def choose_level(image: Image) -> ImageLevel:
    """Return the smallest level that fills the picture, or else the largest."""
    y, x = image.axes.index("y"), image.axes.index("x")
    filling = [level for level in image.levels if max(level.shape[y], level.shape[x]) >= MAX_SIDE_PX]
    return filling[-1] if filling else image.levels[0]


def read_bytes(level: ImageLevel, axes: str) -> int:
    """Return the bytes of the chunks that hold one plane of y and x, uncompressed."""
    return level.dtype.itemsize * math.prod(
        -(-extent // chunk) * chunk if axis in "yx" else chunk
        for axis, extent, chunk in zip(axes, level.shape, level.chunks, strict=True)
    )


def composite(planes: Sequence[NDArray[Any]], channels: Sequence[OmeroChannel]) -> NDArray[np.uint8]:
    """Add up planes (y, x), each scaled by its window and in its colour.

    Returns
    -------
    numpy.ndarray
        (y, x, 3), uint8. NaN is black.

    Examples
    --------
    >>> import numpy as np
    >>> green = OmeroChannel(None, "00FF00", Window(0, 9, 0, 4), active=True)
    >>> composite([np.array([[0, 2, 9]])], [green])[0].tolist()
    [[0, 0, 0], [0, 128, 0], [0, 255, 0]]
    >>> gel = OmeroChannel(None, "FFFFFF", Window(0, 9, 0, 4), active=True, inverted=True)
    >>> composite([np.array([[0, 9]])], [gel])[0].tolist()
    [[255, 255, 255], [0, 0, 0]]
    """
    styles = []
    for plane, channel in zip(planes, channels, strict=True):
        window = channel.window or make_window(_measure(plane), plane.dtype.name)
        styles.append(ChannelStyle(channel.color, (window.start, window.end), inverted=channel.inverted))
    return blend(planes, styles)


def _shown_indices(image: Image, level: ImageLevel) -> list[int]:
    """Return the channels that are shown: at most `MAX_ACTIVE` of the active ones.

    The first one is shown where none is active.
    """
    count = level.shape[image.axes.index("c")] if "c" in image.axes else 1
    known = image.channels[:count]
    active = [i for i, channel in enumerate(known) if channel.active] if known else list(range(count))
    return active[:MAX_ACTIVE] or [0]


def _read_plane(image: Image, level: ImageLevel, channel: int) -> NDArray[Any]:
    """Read one channel of the middle z as a plane (y, x).

    It is thinned to the picture's size, and read at the time that the image shows at first.
    """
    extent = dict(zip(image.axes, level.shape, strict=True))
    step = -(-max(extent["y"], extent["x"]) // MAX_SIDE_PX)
    fixed = {"t": min(image.metadata.default_t, extent.get("t", 1) - 1), "c": channel, "z": extent.get("z", 1) // 2}
    index = tuple(fixed.get(axis, slice(None)) for axis in image.axes)
    plane = level.read(index)
    upright = plane if image.axes.index("y") < image.axes.index("x") else plane.T
    return upright[::step, ::step]


def _measure(plane: NDArray[Any]) -> tuple[float, float, float, float]:
    """Return the plane's least and greatest finite value, twice.

    They are both the values that a channel holds and those that are shown.
    """
    finite = plane[np.isfinite(plane)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    return low, high, low, high
