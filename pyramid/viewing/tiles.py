"""Tiles: squares of one plane of a level, rendered and compressed."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.image import Image
from pyramid.image.selecting import ROUNDING, factors_of
from pyramid.rendering.blend import ChannelStyle, blend
from pyramid.viewing.answers import Answer, GoneError, Request, RequestError
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.planes import MAX_REASON, Damage, level_planes
from pyramid.viewing.sources import Opened
from pyramid.viewing.styles import channel_count, default_styles, parse_styles, shown_channels

# Side of a tile, and the most pixels around it that a page may ask for, so that no seam shows between tiles.
TILE_PX, MAX_OVERLAP_PX = 256, 8
# Formats of tiles: the media type, and the encoder. PNG and WebP keep every pixel as it is.
_codecs: Any = imagecodecs
FORMATS: Mapping[str, tuple[str, Callable[[NDArray[np.uint8]], bytes]]] = {
    "png": ("image/png", lambda pixels: _codecs.png_encode(pixels, level=1)),
    "jpg": ("image/jpeg", lambda pixels: _codecs.jpeg_encode(pixels, level=90)),
    "webp": ("image/webp", lambda pixels: _codecs.webp_encode(pixels, lossless=True)),
}
# Width of a character in a hatched part, and the fewest characters of a line.
CHARACTER_PX, LEAST_CHARACTERS = 7, 8


@dataclass(frozen=True)
class Place:
    """The place of a tile in an image.

    Parameters
    ----------
    level, row, column
        The level, and the tile in its grid.
    t, z
        The plane, in pixels of level 0.
    overlap
        Pixels of the neighbours that it has too.
    """

    level: int
    row: int
    column: int
    t: int = 0
    z: int = 0
    overlap: int = 0


def place_of(request: Request) -> tuple[Place, str]:
    """Parse ``/tile/LEVEL/ROW/COLUMN.FORMAT``; return the place and the format.

    Raises
    ------
    RequestError
        If it has another form.
    """
    stem, _, kind = request.parts[-1].rpartition(".")
    numbers = (*request.parts[1:-1], stem)
    if (
        len(numbers) != 3
        or kind not in FORMATS
        or not all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers)
    ):
        raise RequestError(404, "a tile is /tile/LEVEL/ROW/COLUMN.png, .jpg or .webp")
    level, row, column = map(int, numbers)
    overlap = min(request.number("overlap"), MAX_OVERLAP_PX)
    return Place(level, row, column, request.number("t"), request.number("z"), overlap), kind


def fixed_at(image: Image, number: int, place: Place) -> dict[str, int]:
    """Return the index of a plane on a level, by axis."""
    level = image.levels[number]
    factors = dict(zip(image.axes, factors_of(level, image.levels[0]), strict=True))
    extent = dict(zip(image.axes, level.shape, strict=True))
    given = {"t": place.t, "z": place.z}
    return {
        axis: max(0, min(math.floor(at / factors[axis] + ROUNDING), extent[axis] - 1))
        for axis, at in given.items()
        if axis in extent
    }


def region_of(image: Image, place: Place) -> tuple[range, range]:
    """Return rows and columns of a tile.

    Raises
    ------
    RequestError
        If the image has no such tile.
    """
    if place.level >= len(image.levels):
        raise RequestError(404, f"the image has {len(image.levels)} levels")
    shape = image.levels[place.level].shape
    height, width = shape[image.axes.index("y")], shape[image.axes.index("x")]
    y, x = place.row * TILE_PX, place.column * TILE_PX
    if y >= height or x >= width:
        raise RequestError(404, "the level has no such tile")
    more = place.overlap
    rows = range(max(y - more, 0), min(y + TILE_PX + more, height))
    return rows, range(max(x - more, 0), min(x + TILE_PX + more, width))


def image_tile(opened: Opened, cache: ChunkCache, request: Request) -> Answer:
    """Render a tile of an image, its channels blended.

    Parts whose chunks cannot be read are hatched, with the key of the chunk.
    """
    image, (place, kind) = opened.image, place_of(request)
    y, x = region_of(image, place)
    text = request.query.get("c")
    count = channel_count(image)
    chosen = default_styles(shown_channels(opened, cache)) if text is None else parse_styles(text, count)
    planes, damages = [], []
    try:
        reader = level_planes(opened, place.level, cache)
        fixed = fixed_at(image, place.level, place)
        for channel, _ in chosen:
            if request.is_gone():
                raise GoneError
            plane, found = reader.read({**fixed, "c": channel}, y, x)
            planes.append(plane)
            damages += found
    except SourceError as error:
        damages, planes = [Damage(0, 0, len(y), len(x), str(error)[:MAX_REASON])], []
    styles: list[ChannelStyle] = [style for _, style in chosen[: len(planes)]]
    pixels = blend(planes, styles) if planes else np.zeros((len(y), len(x), 3), np.uint8)
    return _encoded(pixels, damages, kind)


def label_tile(opened: Opened, cache: ChunkCache, request: Request) -> Answer:
    """Render a tile of a label image, with a colour for each value."""
    image, (place, kind) = opened.image, place_of(request)
    y, x = region_of(image, place)
    try:
        reader = level_planes(opened, place.level, cache)
        plane, damages = reader.read(fixed_at(image, place.level, place), y, x)
    except SourceError as error:
        plane = np.zeros((len(y), len(x)), np.uint8)
        damages = [Damage(0, 0, len(y), len(x), str(error)[:MAX_REASON])]
    return _encoded(opened.palette.paint(plane), damages, "png" if kind == "jpg" else kind)


def _encoded(pixels: NDArray[np.uint8], damages: Sequence[Damage], kind: str) -> Answer:
    """Return pixels as a picture; as one with hatched parts if some are damaged."""
    media, encode = FORMATS[kind]
    if not damages:
        return Answer(
            bytes(encode(np.ascontiguousarray(pixels))), media, headers={"Cache-Control": "private, max-age=3600"}
        )
    media, encode = FORMATS["png"]
    picture = base64.b64encode(bytes(encode(np.ascontiguousarray(pixels)))).decode()
    height, width = pixels.shape[:2]
    places = {(damage.y, damage.x): damage for damage in reversed(damages)}  # the first of each: channels share places
    hatched = "".join(map(_hatched, places.values()))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        '<defs><pattern id="h" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="12" height="12" fill="#302020"/><rect width="5" height="12" fill="#c05050"/></pattern></defs>'
        f'<image width="{width}" height="{height}" href="data:{media};base64,{picture}"/>{hatched}</svg>'
    )
    return Answer(svg.encode(), "image/svg+xml", headers={"Cache-Control": "no-store"})


def _hatched(damage: Damage) -> str:
    """Return a hatched rectangle with a reason, in SVG."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in damage.reason)
    length = max(LEAST_CHARACTERS, damage.width // CHARACTER_PX - 1)
    pieces = [text[i : i + length] for i in range(0, len(text), length)]
    lines = "".join(f'<tspan x="4" dy="13">{escape(piece)}</tspan>' for piece in pieces)
    return (
        f'<svg x="{damage.x}" y="{damage.y}" width="{damage.width}" height="{damage.height}">'
        '<rect width="100%" height="100%" fill="url(#h)"/>'
        '<text y="2" font-family="monospace" font-size="11" fill="#fff" stroke="#000" stroke-width="2" '
        f'paint-order="stroke">{lines}</text></svg>'
    )
