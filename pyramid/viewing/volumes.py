"""Any image as the OME-Zarr 0.4 that the released neuroglancer reads.

Its levels are given as uncompressed chunks of Zarr format 2, cut from the chunks that are kept. So dtypes, codecs,
shards and versions that neuroglancer does not have are shown too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from pyramid.feedback.notices import give_notices
from pyramid.image import Image
from pyramid.image.selecting import factors_of
from pyramid.viewing.answers import Answer, RequestError, json_answer
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.planes import level_planes
from pyramid.viewing.sources import Opened
from pyramid.viewing.styles import shown_channels

# Sides of a chunk in space, of a volume and of an image of one plane: 256 KiB and 64 KiB of one byte.
VOLUME_PX, PLANE_PX = 64, 256
# Dtypes that neuroglancer leaves blank, and those that are given instead.
CONVERTED = {"int64": "float32", "bool": "uint8"} | dict.fromkeys(
    ("float64", "float16", "complex64", "complex128"), "float32"
)
CONVERTED_LABELS = {"int64": "uint64", "bool": "uint8"}
# Units that neuroglancer knows; it refuses an image with any other.
_UNITS = {
    *("angstrom", "picometer", "nanometer", "micrometer", "millimeter", "centimeter", "meter", "kilometer"),
    *("nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day"),
}
_TYPES = {"t": "time", "c": "channel"}
# Channels that become layers at most.
MAX_LAYERS = 32
# Reasons why pixels cannot be read that an answer has, and that become notices, at most.
MAX_REASONS, MAX_NOTICES = 3, 100
_SHADER = """#uicontrol invlerp contrast
#uicontrol vec3 color color
void main() { emitRGB(color * contrast()); }
"""


def volume_answer(opened: Opened, cache: ChunkCache, parts: tuple[str, ...]) -> Answer:
    """Return a document or a chunk of an image as OME-Zarr 0.4.

    Raises
    ------
    RequestError
        If there is none of that name.
    """
    image = opened.image
    if parts == (".zattrs",):
        return json_answer(_attributes(image))
    if parts == (".zgroup",):
        return json_answer({"zarr_format": 2})
    number = parts[0] if len(parts) == 2 else ""
    if not (number.isascii() and number.isdigit() and len(number) < 5 and int(number) < len(image.levels)):
        raise RequestError(404, "the image has no such object")
    if parts[1] == ".zattrs":
        return json_answer({})
    if parts[1] == ".zarray":
        return json_answer(_array(image, int(number)))
    return _chunk(opened, cache, int(number), _index(parts[1], len(image.axes)))


def volume_dtype(image: Image) -> np.dtype[Any]:
    """Return the dtype in which an image is given."""
    name = image.levels[0].facts.dtype.name
    table: Mapping[str, str] = CONVERTED if image.metadata.label is None else CONVERTED_LABELS
    return np.dtype(table.get(name, name)).newbyteorder("<")


def state_document(opened: Opened, cache: ChunkCache) -> dict[str, Any]:
    """Return the state of neuroglancer that shows an image; its sources are relative."""
    image, (number, path, _) = opened.image, opened.owner
    layers: list[dict[str, Any]] = []
    for index, channel in enumerate(shown_channels(opened, cache)[:MAX_LAYERS]):
        window = channel.window
        assert window is not None, "shown channels have windows"
        span = [window.end, window.start] if channel.inverted else [window.start, window.end]
        layers.append(
            {
                "type": "image",
                "name": f"{index} {channel.label or ''}".strip(),
                "source": f"volume/{number}/{quote(path)}",
                "blend": "additive",
                "opacity": 1,
                "shader": _SHADER,
                "shaderControls": {"contrast": {"range": span}, "color": f"#{channel.color.lower()}"},
                "visible": channel.active,
                **({"localDimensions": {"c'": [1, ""]}, "localPosition": [index]} if "c" in image.axes else {}),
            }
        )
    below = f"{path}/labels" if path else "labels"
    labels = [
        {"type": "segmentation", "name": name, "source": f"volume/{number}/{quote(f'{below}/{name}')}"}
        for name in image.labels[:MAX_LAYERS]
    ]
    depth = image.levels[0].shape[image.axes.index("z")] if "z" in image.axes else 1
    return {
        "layers": [*layers, *labels],
        "layout": "4panel" if depth > 1 else "xy",
        "displayDimensions": [axis for axis in "xyz" if axis in image.axes],
    }


def _attributes(image: Image) -> dict[str, Any]:
    """Return the attributes of OME-Zarr 0.4."""
    axes: list[dict[str, str]] = []
    for axis, unit in zip(image.axes, image.units, strict=True):
        known = {"unit": unit} if unit in _UNITS and axis != "c" else {}
        axes.append({"name": axis, "type": _TYPES.get(axis, "space"), **known})
    first = image.levels[0]
    base = first.scale or (1.0,) * len(image.axes)
    datasets = []
    for number, level in enumerate(image.levels):
        factors = factors_of(level, first)
        scale = level.scale or tuple(a * b for a, b in zip(base, factors, strict=True))
        center = tuple((f - 1) / 2 * a for f, a in zip(factors, base, strict=True))
        moved = level.translation or (center if level.scale is None else (0.0,) * len(base))
        transforms = [
            {"type": "scale", "scale": list(scale)},
            {"type": "translation", "translation": list(moved)},
        ]
        datasets.append({"path": str(number), "coordinateTransformations": transforms})
    return {"multiscales": [{"version": "0.4", "name": image.name, "axes": axes, "datasets": datasets}]}


def _chunk_shape(image: Image, number: int) -> tuple[int, ...]:
    """Return the shape of the chunks that are given of a level."""
    shape = image.levels[number].shape
    depth = shape[image.axes.index("z")] if "z" in image.axes else 1
    side = VOLUME_PX if depth > 1 else PLANE_PX
    return tuple(min(side, n) if axis in "zyx" else 1 for axis, n in zip(image.axes, shape, strict=True))


def _array(image: Image, number: int) -> dict[str, Any]:
    """Return the document of a level in Zarr format 2."""
    return {
        "zarr_format": 2,
        "shape": list(image.levels[number].shape),
        "chunks": list(_chunk_shape(image, number)),
        "dtype": volume_dtype(image).str,
        "compressor": None,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": ".",
    }


def _index(text: str, axes: int) -> tuple[int, ...]:
    """Parse the key of a chunk, as ``0.1.2``."""
    numbers = text.split(".")
    if len(numbers) != axes or not all(n.isascii() and n.isdigit() and len(n) < 12 for n in numbers):
        raise RequestError(404, "the image has no such object")
    return tuple(map(int, numbers))


def _chunk(opened: Opened, cache: ChunkCache, number: int, index: tuple[int, ...]) -> Answer:
    """Return a chunk of a level as plain bytes.

    Pixels that cannot be read are 0, and a notice says why.

    Raises
    ------
    RequestError
        If the chunk is outside the level, or none of its pixels can be read.
    """
    image = opened.image
    level, chunk = image.levels[number], _chunk_shape(image, number)
    start = [i * n for i, n in zip(index, chunk, strict=True)]
    stop = [min(a + n, m) for a, n, m in zip(start, chunk, level.shape, strict=True)]
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        raise RequestError(404, "the image has no such object")
    planes = level_planes(opened, number, cache)
    ranges = {axis: range(a, b) for axis, a, b in zip(image.axes, start, stop, strict=True)}
    others = [axis for axis in image.axes if axis not in "yx"]
    out = np.zeros(chunk, volume_dtype(image))
    left, reasons = math.prod(map(len, ranges.values())), set[str]()
    upright = image.axes.index("y") < image.axes.index("x")
    for at in itertools.product(*(ranges[axis] for axis in others)):
        fixed = dict(zip(others, at, strict=True))
        plane, damages = planes.read(fixed, ranges["y"], ranges["x"])
        left -= sum(damage.height * damage.width for damage in damages)
        reasons |= {damage.reason for damage in damages}
        place = tuple(
            slice(0, len(ranges[axis])) if axis in "yx" else fixed[axis] - ranges[axis].start for axis in image.axes
        )
        with np.errstate(over="ignore"):  # float64 that float32 does not hold is infinite there
            out[place] = plane if upright else plane.T
    _name(opened, reasons)
    if not left:
        raise RequestError(500, "; ".join(sorted(reasons)[:MAX_REASONS]))
    return Answer(out.tobytes(), "application/octet-stream", headers={"Cache-Control": "private, max-age=60"})


def _name(opened: Opened, reasons: set[str]) -> None:
    """Give a notice of each reason why pixels cannot be read, once an image."""
    known: set[str] = opened.kept.setdefault("unreadable", set())
    new = sorted(reasons - known)[: MAX_NOTICES - len(known)]
    known.update(new)
    give_notices(f"3D shows 0 for pixels that cannot be read: {reason}" for reason in new)
