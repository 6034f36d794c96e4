"""Pictures of images, in the colours of their active channels.

One is small and plain, for a notebook and as a thumbnail. A preview has a scale bar and a legend, and may be a sheet of
levels or of positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.image.look import Look
from pyramid.image.planes import (
    Shot,
    affordable,
    check_planes,
    choose_level,
    fit,
    is_label,
    pixel_width,
    read_planes,
    shown_channels,
    shown_settings,
    shown_shape,
)
from pyramid.image.selecting import SelectedLevel
from pyramid.ngff.channels import RGB
from pyramid.ngff.metadata import OmeroChannel
from pyramid.previewing import Figure, LegendEntry, Panel, Preview, choose_bar
from pyramid.rendering.blend import blend, style_of
from pyramid.rendering.palette import Palette
from pyramid.tables import format_numbers, format_shape

if TYPE_CHECKING:
    from pyramid.image.image import Image

Planes: TypeAlias = list[NDArray[Any]]  # (y, x) of each channel

# The longest side of a picture in a notebook and of a thumbnail: it fits next to a table.
MAX_SIDE_PX = 256
# The most bytes that are read for such a picture, before compression: more would keep a notebook waiting.
MAX_READ_BYTES = 2**28
# The most bytes that are read for a preview: some seconds of work.
MAX_PREVIEW_BYTES = 2**32
# Smaller images are enlarged up to this length in a preview, so that its pixels can be seen.
MIN_SIDE_PX = 512
# Panels that are read at once from a remote store: enough that the latency of requests hides.
MAX_REQUESTS = 16
# The most panels of a sheet: smaller ones show nothing.
MAX_PANELS = 100


def as_png(image: Image) -> bytes:
    """Return the plain picture as an RGB PNG, at most MAX_SIDE_PX high and wide.

    Raises
    ------
    SourceError
        If no level of the image is small enough to be read for a picture, or its pixels cannot be read.
    """
    shot = image_shot(image, MAX_SIDE_PX)
    shape = shown_shape(shot, MAX_SIDE_PX, 1)
    planes = fit(read_planes(shot, None, MAX_READ_BYTES), shape, labels=is_label(image))
    return bytes(imagecodecs.png_encode(_render(image, planes, shown_settings(image, [planes]))))


def preview_image(image: Image, look: Look) -> Preview:
    """Return a picture of an image.

    Raises
    ------
    OptionError
        If the image does not have the axis of a projection or a montage.
    SourceError
        If too much would be read, or pixels cannot be read.
    """
    check_planes(image)
    for option, axis in (("projection", "z" if look.projection else None), ("montage", look.montage)):
        if axis is not None and axis not in image.axes:
            raise OptionError(f"{option}: the image has no axis {axis!r}; its axes are {image.axes}; leave it out")
    if look.projection == "mean" and is_label(image):
        raise OptionError('projection: a mean of label values is none of them; give projection="max"')
    if look.levels:
        return preview_sheet(level_shots(image), look)
    if look.montage:
        return preview_sheet(montage_shots(image, look), look)
    return preview_sheet([image_shot(image, look.size_px)], look)


def image_shot(image: Image, side_px: int, caption: str = "") -> Shot:
    """Return a picture of the middle plane of an image."""
    check_planes(image)
    return Shot(image, choose_level(image, side_px), {}, caption)


def level_shots(image: Image) -> list[Shot]:
    """Return a picture of each level, named by its shape and its size of a pixel."""
    shots = []
    for number, level in enumerate(image.levels[:MAX_PANELS]):
        size = f", pixels of {format_numbers(level.scale)}" if level.scale else ""
        shots.append(Shot(image, level, {}, f"level {number}: {format_shape(level.shape)}{size}"))
    return shots


def montage_shots(image: Image, look: Look) -> list[Shot]:
    """Return a picture of each position on an axis, evenly chosen where they are many.

    They are named by their position in the whole image, also where it is a selection.
    """
    axis = look.montage or "z"
    first, number = image.levels[0], image.axes.index(axis)
    count = first.shape[number]
    names = first.positions[number] if isinstance(first, SelectedLevel) else range(count)
    panels = min(count, MAX_PANELS)
    level = choose_level(image, look.size_px // look.columns(panels))
    extent = level.shape[number]
    panels = min(panels, extent)
    positions = [(2 * i + 1) * extent // (2 * panels) for i in range(panels)]
    return [Shot(image, level, {axis: at}, f"{axis} {names[(2 * at + 1) * count // (2 * extent)]}") for at in positions]


def preview_sheet(
    shots: Sequence[Shot | None], look: Look, columns: int | None = None, failed: Sequence[str] = ()
) -> Preview:
    """Return a picture of several; None is a place that stays empty.

    A panel that cannot be read is empty, and a notice after those of `failed`. If none can be read, that is an error.
    """
    columns = columns or look.columns(len(shots))
    side = max(1, look.size_px // columns)
    found = _take_all(shots, look, side)
    notices = [*failed, *(each for each in found if isinstance(each, str))]
    taken = [None if isinstance(each, str) else each for each in found]
    settings = _settings(shots, taken)
    panels = [
        None if shot is None else _panel(shot, planes, settings.get(id(shot.image)), look)
        for shot, planes in zip(shots, taken, strict=True)
    ]
    seen = [shot.image for shot, planes in zip(shots, taken, strict=True) if shot and planes]
    if not seen:
        raise SourceError(notices[0])
    legend = _legend(seen[0], settings[id(seen[0])]) if look.legend else ()
    return Preview(Figure(tuple(panels), columns, legend), tuple(dict.fromkeys(notices)))


def _take_all(shots: Sequence[Shot | None], look: Look, side: int) -> list[Planes | str | None]:
    """Read the planes of all panels at their size, or say why one cannot be read.

    Requests to a remote store are made side by side, as each waits.
    """
    alone = len(shots) == 1

    def take(number: int) -> tuple[int, Planes | str | None]:
        shot = shots[number]
        try:
            return number, None if shot is None else _take(shot, look, side)
        except PyramidError as error:
            if alone:
                raise
            return number, f"{shot and shot.caption}: {error}"

    remote = any(shot is not None and not shot.level.address.location.is_local for shot in shots)
    most = min(MAX_REQUESTS, len(shots)) if remote else 1
    return [planes for _, planes in sorted(map_concurrently(take, range(len(shots)), most), key=itemgetter(0))]


def _take(shot: Shot, look: Look, side: int) -> Planes:
    """Read the planes of a panel at its size."""
    projection = look.projection if "z" in shot.image.axes else None
    if not look.levels:
        shot = affordable(shot, projection, MAX_PREVIEW_BYTES)
    planes = read_planes(shot, projection, MAX_PREVIEW_BYTES)
    shape = shown_shape(shot, side, side if look.levels else MIN_SIDE_PX)
    return fit(planes, shape, labels=is_label(shot.image))


def _settings(shots: Sequence[Shot | None], taken: Sequence[Planes | None]) -> dict[int, list[OmeroChannel]]:
    """Return the settings of each image by its identity.

    Images without windows of their own share those of all that have as many channels.
    """
    groups: dict[tuple[int, str], list[tuple[Image, Planes]]] = {}
    for shot, planes in zip(shots, taken, strict=True):
        if shot and planes:
            key = (len(shown_channels(shot.image)), shot.level.dtype.name)
            groups.setdefault(key, []).append((shot.image, planes))
    return {
        id(image): shown_settings(image, [planes for _, planes in group])
        for group in groups.values()
        for image in {id(image): image for image, _ in group}.values()
    }


def _panel(shot: Shot, planes: Planes | None, settings: Sequence[OmeroChannel] | None, look: Look) -> Panel:
    """Return the panel of a picture."""
    if not planes or settings is None:
        return Panel(None, shot.caption)
    pixels = _render(shot.image, planes, settings)
    shape = (pixels.shape[0], pixels.shape[1])
    bar = choose_bar(*pixel_width(shot, shape), shape[1]) if look.scale_bar else None
    return Panel(pixels, shot.caption, bar)


def _render(image: Image, planes: Sequence[NDArray[Any]], settings: Sequence[OmeroChannel]) -> NDArray[np.uint8]:
    """Add up the planes (y, x) of channels that have windows, or colour labels."""
    if is_label(image):
        label = image.metadata.label
        return Palette({} if label is None else label.rgba).paint_opaque(planes[0])
    return blend(planes, [style_of(channel) for channel in settings])


def _legend(image: Image, settings: Sequence[OmeroChannel]) -> tuple[LegendEntry, ...]:
    """Return the legend of an image; empty for one grey channel or a colour picture."""
    colors = tuple(channel.color for channel in settings)
    named = any(channel.name and channel.name != "Channel 0" for channel in image.metadata.given)
    if (
        is_label(image)
        or (len(settings) == 1 and not named)
        or (colors[:3] == RGB and image.levels[0].dtype == "uint8")
    ):
        return ()
    shown = zip(shown_channels(image), settings, strict=True)
    return tuple(LegendEntry(channel.label or f"Channel {index}", channel.color) for index, channel in shown)
