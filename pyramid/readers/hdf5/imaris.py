"""Imaris files: a volume for each time and channel, on each resolution level.

The layout is that of the format's public description, version 5.5. All attributes are arrays of single letters. A
dataset is padded to whole chunks, and the attributes ``ImageSizeX``, ``ImageSizeY`` and ``ImageSizeZ`` of its channel
give the pixels of the image.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from pyramid.errors import OptionError, SourceError
from pyramid.model import Channel, Shape, SourceSpec
from pyramid.options.convert import Options
from pyramid.options.series import check_one_image
from pyramid.options.units import unit as unit_name
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.hdf5.attributes import attribute, numbers_of, text_of
from pyramid.readers.hdf5.library import opened
from pyramid.readers.hdf5.links import member_names
from pyramid.readers.hdf5.source import Hdf5Source, Volumes, with_levels
from pyramid.readers.hdf5.volumes import find_volumes, source_of
from pyramid.readers.paths import stem

PATTERN = "/DataSet/ResolutionLevel {level}/TimePoint {{}}/Channel {{}}/Data"
AXES = "zyx"  # of a dataset; the numbers 0, 1 and 2 of extents are x, y and z
SPREAD = 1e-3  # of time steps, as a part of their mean, up to which they count as even


@dataclass(frozen=True, slots=True)
class _Placement:
    scale: Mapping[str, float]
    origin: Mapping[str, float]
    unit: str | None
    notices: tuple[str, ...]


def is_imaris(root: Any) -> bool:  # noqa: ANN401  (h5py is not typed)
    """Return whether the root of a file is one of Imaris."""
    with suppress(Exception):
        return "DataSetInfo" in root and "ResolutionLevel 0" in root["DataSet"]
    return False


def open_imaris(file: SourceFile, options: Options) -> Hdf5Source:
    """Return the source of an Imaris image, with its largest level."""
    check_one_image(options.series, "an Imaris file")
    root = opened(file)["/"]
    levels = _numbers(root["DataSet"], "ResolutionLevel")
    volumes = _volumes(file, root, 0)
    placement = _placement(root, volumes.shape)
    times, notice = _time_step(root, len(volumes.numbers[0]))
    channels = tuple(_channel(root, number) for number in volumes.numbers[1])
    scale = {**placement.scale, **({"t": times} if times else {})}
    units = {**dict.fromkeys(AXES, placement.unit), **({"t": "second"} if times else {})}
    source = source_of(file, volumes, options.axes, "an Imaris file")
    spec = replace(
        source.spec,
        scale=tuple(scale.get(axis) for axis in source.spec.axes),
        units=tuple(units.get(axis) for axis in source.spec.axes),
        translation=_all_or_none([placement.origin.get(axis, 0.0) for axis in source.spec.axes]),
        name=stem(PurePath(file.name)),
        channels=channels if any(channel != Channel() for channel in channels) else (),
        notices=(*source.spec.notices, *placement.notices, *notice, *_left_out(root)),
    )
    source = replace(source, spec=spec)
    return with_levels(source, [_level(source, file, root, number) for number in levels if number])


def _all_or_none(values: list[float]) -> tuple[float, ...]:
    return tuple(values) if any(values) else ()


def _volumes(file: SourceFile, root: Any, level: int) -> Volumes:  # noqa: ANN401
    group = root[f"DataSet/ResolutionLevel {level}"]
    times = _numbers(group, "TimePoint")
    if not times:
        raise SourceError(f"{file}: its resolution level {level} has no time point; {DAMAGED}")
    channels = _numbers(group[f"TimePoint {times[0]}"], "Channel")
    if not channels:
        raise SourceError(f"{file}: its resolution level {level} has no channel; {DAMAGED}")
    first = group[f"TimePoint {times[0]}/Channel {channels[0]}"]
    sizes = [numbers_of(attribute(first, f"ImageSize{axis.upper()}")) for axis in AXES]
    shape: Shape | None = tuple(int(size[0]) for size in sizes) if all(sizes) else None
    return find_volumes(file, PATTERN.format(level=level), (times, channels), shape)


def _numbers(group: Any, word: str) -> tuple[int, ...]:  # noqa: ANN401
    """Return the numbers of a group's members that are named as a word and a number."""
    found = (re.fullmatch(rf"{word} (\d{{1,7}})", name) for name in member_names(group))
    return tuple(sorted(int(match[1]) for match in found if match))


def _placement(root: Any, shape: Shape) -> _Placement:  # noqa: ANN401
    """Return sizes and origin, from the extents of the whole image.

    Extents are those of the outer edges of pixels, and the origin is the centre of the first pixel.
    """
    image = root.get("DataSetInfo/Image")
    scale, origin, notices = {}, {}, []
    for number, (axis, count) in enumerate(zip(AXES[::-1], shape[::-1], strict=True)):
        ends = [numbers_of(attribute(image, f"Ext{end}{number}")) for end in ("Min", "Max")]
        if not all(ends) or ends[1][0] <= ends[0][0]:
            notices.append(f"the extents of {axis} are missing or wrong in the Imaris file; its size is not taken")
            continue
        scale[axis] = (ends[1][0] - ends[0][0]) / count
        origin[axis] = ends[0][0]
    # Extents that all begin at 0 are those of an image without a position.
    origin = {axis: low + scale[axis] / 2 for axis, low in origin.items()} if any(origin.values()) else {}
    text = text_of(attribute(image, "Unit"))
    try:
        known = unit_name("x", text) if text else None
    except OptionError:
        known = None
        notices.append(f"the unit {text[:40]!r} of the Imaris file is not known; sizes are kept without a unit")
    return _Placement(scale, origin, known, tuple(notices))


def _time_step(root: Any, count: int) -> tuple[float | None, tuple[str, ...]]:  # noqa: ANN401
    """Return the seconds between time points, and a notice if they are uneven."""
    info = root.get("DataSetInfo/TimeInfo")
    if count < 2 or info is None:
        return None, ()
    texts = [text_of(attribute(info, f"TimePoint{number}")) for number in range(1, count + 1)]
    try:
        times = [datetime.fromisoformat(text).timestamp() for text in texts]
    except ValueError:
        return None, ("the times of the Imaris file are missing or not dates; the size of t is not taken",)
    steps = [b - a for a, b in itertools.pairwise(times)]
    mean = (times[-1] - times[0]) / (count - 1)
    if mean <= 0 or any(abs(step - mean) > SPREAD * mean + 1e-3 for step in steps):
        return None, ("the time points of the Imaris file are not evenly spaced; the size of t is not taken",)
    return mean, ()


def _channel(root: Any, number: int) -> Channel:  # noqa: ANN401
    info = root.get(f"DataSetInfo/Channel {number}")
    color, shown = numbers_of(attribute(info, "Color")), numbers_of(attribute(info, "ColorRange"))
    emission = numbers_of(attribute(info, "LSMEmissionWavelength"))
    digits = "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02X}" for part in color) if len(color) == 3 else None
    return Channel(
        name=text_of(attribute(info, "Name")) or None,
        color=digits,
        shown=(shown[0], shown[1]) if len(shown) == 2 and shown[0] < shown[1] else None,
        emission_nm=emission[0] if emission and emission[0] > 0 else None,
    )


def _left_out(root: Any) -> tuple[str, ...]:  # noqa: ANN401
    names = [name for name in member_names(root) if name not in ("DataSet", "DataSetInfo", "DataSetTimes", "Thumbnail")]
    if not names:
        return ()
    return (f"not carried over from the source: {', '.join(sorted(names)[:6])} of the Imaris file",)


def _level(source: Hdf5Source, file: SourceFile, root: Any, number: int) -> Hdf5Source:  # noqa: ANN401
    """Return a coarser level, whose pixels are as much larger as its shape is smaller."""
    level = source_of(file, _volumes(file, root, number), None, "an Imaris file", source.order.letters)
    scale = tuple(
        None if size is None else size * whole / count
        for size, whole, count in zip(source.spec.scale, source.spec.shape, level.spec.shape, strict=True)
    )
    spec: SourceSpec = replace(source.spec, shape=level.spec.shape, chunks=level.spec.chunks, scale=scale, notices=())
    return replace(level, spec=spec, order=AxisOrder(source.order.letters, level.order.shape))
