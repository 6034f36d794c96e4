"""The images of a CZI: its scenes, of which each plane is made of tiles."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError, list_some
from pyramid.model import Box, Shape
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.tiff.description import Description
from pyramid.readers.vendors.czi.metadata import Document, describe_scene
from pyramid.readers.vendors.czi.parts import read_tiles
from pyramid.readers.vendors.czi.pixel_types import COMPRESSIONS, JPEG, NAMES, PIXEL_TYPES, RAW
from pyramid.readers.vendors.czi.segments import Entry
from pyramid.readers.vendors.czi.tiles import Placed, TileReader

# Letters of tifffile for the dimensions of a CZI other than rows and columns, the slowest first: views, rotations,
# phases, illuminations and blocks of the acquisition, then times, channels and depths.
LETTERS = {"V": "V", "R": "A", "H": "P", "I": "Q", "B": "Q", "T": "T", "C": "C", "Z": "Z"}
SCENE, MOSAIC = "S", "M"
PLANE = ("Y", "X")
MAX_LISTED = 4  # types in an error
# Planes for each one that has tiles, and the square of it pixels of a plane for each one in a tile. Beyond, places of
# tiles are damaged: a run that was stopped and a slide of few tissues have fewer.
MAX_GAPS = 100
MAX_TILE_BYTES = 2**31  # of a tile that is decoded at once

Key: TypeAlias = Shape  # of a plane: its index on each of the image's other dimensions


def find_images(files: Sequence[SourceFile]) -> list[CziImage]:
    """Return the scenes of a CZI, or its only image; `files` are its parts.

    Raises
    ------
    SourceError
        If the file is damaged, or has dimensions that are not known.
    """
    entries, xml = read_tiles(files)
    file = files[0]
    document = Document(xml, file)
    scenes: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if not set(PLANE) <= set(entry.extents):
            raise SourceError(f"{file}: the tile at byte {entry.place} has no rows and columns; {DAMAGED}")
        scenes[entry.extents.get(SCENE, (0, 1, 1))[0]].append(entry)
    tiles = TileReader(tuple(files))
    found = []
    for number in sorted(scenes):
        whole = [entry for entry in scenes[number] if not entry.is_reduced]
        if whole:
            found.append(CziImage(file, number, tuple(whole), document, tiles))
    return found


@dataclass(eq=False)
class CziImage:
    """A scene of a CZI.

    Parameters
    ----------
    file, scene
        The first file, and the number of the scene.
    entries
        Its tiles of full size.
    document, tiles
        The XML of the file, and the reader of its tiles.
    """

    file: SourceFile
    scene: int
    entries: tuple[Entry, ...]
    document: Document
    tiles: TileReader = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the scene."""
        return self.document.scene_name(self.scene)

    @cached_property
    def _starts(self) -> dict[str, int]:
        """First index on each dimension."""
        starts: dict[str, int] = {}
        for entry in self.entries:
            for letter, (first, _, _) in entry.extents.items():
                starts[letter] = min(first, starts.get(letter, first))
        return starts

    @cached_property
    def _counts(self) -> dict[str, int]:
        """Number of indices on each dimension."""
        counts = dict.fromkeys(PLANE, 1)
        for entry in self.entries:
            for letter, (first, count, _) in entry.extents.items():
                counts[letter] = max(first + count - self._starts[letter], counts.get(letter, 1))
        return counts

    @cached_property
    def _outer(self) -> tuple[str, ...]:
        """The dimensions other than rows and columns that have several indices."""
        unknown = {letter for letter, n in self._counts.items() if n > 1} - {*LETTERS, *PLANE, SCENE, MOSAIC}
        if unknown:
            raise SourceError(f"{self.file} has a dimension {sorted(unknown)[0]!r}, which is not known; {DAMAGED}")
        return tuple(letter for letter in LETTERS if self._counts.get(letter, 1) > 1)

    @property
    def _samples(self) -> int:
        return PIXEL_TYPES.get(self.entries[0].pixel_type, ("", 1))[1]

    @property
    def axes(self) -> str:
        """A letter for each dimension."""
        return "".join(map(LETTERS.__getitem__, self._outer)) + "YX" + ("S" if self._samples > 1 else "")

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        samples = (self._samples,) if self._samples > 1 else ()
        return (*(self._counts[letter] for letter in (*self._outer, *PLANE)), *samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the pixels in the file."""
        return np.dtype(PIXEL_TYPES.get(self.entries[0].pixel_type, ("c8", 1))[0])

    @property
    def chunks(self) -> Shape:
        """A tile, if any is compressed."""
        rows = columns = 1
        for entry in self.entries:
            if entry.compression != RAW:
                rows, columns = max(rows, entry.extents["Y"][1]), max(columns, entry.extents["X"][1])
        samples = (self._samples,) if self._samples > 1 else ()
        return (*(1 for _ in self._outer), rows, columns, *samples)

    @cached_property
    def planes(self) -> dict[Key, list[Placed]]:
        """The tiles of each plane, those on top last."""
        planes: dict[Key, list[Placed]] = defaultdict(list)
        ordered = sorted(
            self.entries, key=lambda entry: (entry.extents.get(MOSAIC, (0, 1, 1))[0], entry.part, entry.place)
        )
        for entry in ordered:
            key = tuple(entry.extents[letter][0] - self._starts[letter] for letter in self._outer)
            (y, rows, _), (x, columns, _) = (entry.extents[letter] for letter in PLANE)
            box = Box((y - self._starts["Y"], x - self._starts["X"]), (rows, columns))
            planes[key].append(Placed(box, entry))
        return planes

    def describe(self) -> Description:
        """Return sizes, channels and place of the scene, and notices of its mosaic."""
        self._check()
        plane = (self._counts["Y"], self._counts["X"])
        found = describe_scene(self.document, self.scene, plane, (self._counts.get("C", 1), self._samples))
        planes, count = self.planes, math.prod(self._counts[letter] for letter in self._outer)
        self._check_gaps(count)
        most = max(map(len, planes.values()))
        if most > 1:
            found.notices.append(
                f"its planes are mosaics of up to {most} tiles, placed where the file says and not blended: where they "
                "overlap, the later one is seen, and where there is none, pixels are 0"
            )
        if self._samples > 1 and any(entry.compression == JPEG for entry in self.entries):
            found.notices.append(
                "its JPEG tiles are taken as red, green and blue, as czifile does; Bio-Formats reverses them"
            )
        if len(planes) < count:
            found.notices.append(
                f"{count - len(planes)} of its {count} planes are not in the file, and their pixels are 0"
            )
        return found

    def _check_gaps(self, count: int) -> None:
        """Raise SourceError if the tiles are so far apart that their places are damaged."""
        whole = self._counts["Y"] * self._counts["X"]
        tiles = sum(tile.box.size_px for tile in max(self.planes.values(), key=len))
        if count > MAX_GAPS * len(self.planes) or whole > MAX_GAPS * MAX_GAPS * tiles:
            raise SourceError(
                f"{self.file}: its {len(self.entries)} tiles are far apart, on {len(self.planes)} of {count} planes of "
                f"{whole} pixels; {DAMAGED}"
            )

    def _check(self) -> None:
        """Raise SourceError if the tiles cannot be read as one image."""
        types = sorted({entry.pixel_type for entry in self.entries})
        for number in types:
            if number not in PIXEL_TYPES:
                what = NAMES.get(number, f"pixels of type {number}, which is not known")
                raise SourceError(f"{self.file} holds {what}, which OME-Zarr has no place for; convert them in ZEN")
        if len(types) > 1:
            kinds = ["{1} x {0}".format(*PIXEL_TYPES[number]) for number in types]
            raise SourceError(
                f"{self.file}: its channels have pixels of several types ({', '.join(kinds)}): they are not one image; "
                "export each channel in ZEN, and convert those"
            )
        other = sorted({entry.compression for entry in self.entries} - set(COMPRESSIONS))
        if other:
            names = [f"method {number}" for number in other]
            raise SourceError(
                f"{self.file}: its tiles are compressed by {list_some(names, MAX_LISTED)}, which is not read; save it "
                "in ZEN without compression"
            )
        for entry in self.entries:
            rows, columns = entry.extents["Y"][1], entry.extents["X"][1]
            if rows * columns * self._samples * self.dtype.itemsize > MAX_TILE_BYTES and entry.compression != RAW:
                raise SourceError(
                    f"{self.file}: the tile at byte {entry.place} is of {rows}x{columns} pixels; {DAMAGED}"
                )
            if any(count < 1 or (letter not in PLANE and count > 1) for letter, (_, count, _) in entry.extents.items()):
                raise SourceError(f"{self.file}: the tile at byte {entry.place} is not of one plane; {DAMAGED}")

    def read(self, file: SourceFile, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the region `box`."""
        outer, inner = len(self._outer), slice(len(self._outer), len(self._outer) + len(PLANE))
        region = Box(box.start[inner], box.shape[inner])
        samples = slice(box.start[-1], box.stop[-1]) if self._samples > 1 else None
        wanted = []
        for index in np.ndindex(*box.shape[:outer]):
            key = tuple(a + i for a, i in zip(box.start[:outer], index, strict=True))
            view = out[index]
            tiles = [tile for tile in self.planes.get(key, ()) if tile.touches(region)]
            if not any(tile.covers(region) for tile in tiles):
                view[...] = 0
            wanted.append((tiles, view))
        self.tiles.read(file, region, samples, wanted)
