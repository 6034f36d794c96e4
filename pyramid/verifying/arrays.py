"""Levels as verification sees them: description, keys and reader of an array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader, DecodeError, StoredArray, stored_array
from pyramid.errors import ENDINGS, SourceError, StoppedError, StorageError
from pyramid.hierarchy.arrays import ArrayFacts, read_facts
from pyramid.hierarchy.keys import Grid, grid_of
from pyramid.hierarchy.nodes import Node, join_path
from pyramid.model import Box, Shape
from pyramid.readers.zarr.at_url import Hierarchy
from pyramid.readers.zarr.found import PixelReader, reason
from pyramid.stores import Readable
from pyramid.verifying.findings import Finding, Problem

MISSING = "the object is missing, and its writer leaves none out"


@dataclass(frozen=True, eq=False)
class Level:
    """One level of an image, or a plain array.

    Parameters
    ----------
    image, number
        Path of its image below the URL, and its number there.
    node, facts, grid
        Its node, what its document says of it, and the grid of its objects.
    stored
        How its chunks are stored; None if only zarr-python has its codecs.
    pixels
        The reader of its pixels. It refuses missing objects if all must be there.
    scale
        Size of a pixel on each axis; None where it is not given.
    is_complete
        Whether its writer leaves no object out.
    objects
        The store.
    """

    image: str
    number: int
    node: Node
    facts: ArrayFacts
    grid: Grid
    stored: StoredArray | None
    pixels: PixelReader
    scale: tuple[float, ...] | None
    is_complete: bool
    objects: Readable

    @property
    def shape(self) -> Shape:
        """Pixels on each axis."""
        return self.facts.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The native dtype of its pixels."""
        return np.dtype(self.facts.dtype.name)

    @property
    def object_shape(self) -> Shape:
        """Pixels of an object on each axis."""
        return self.facts.shards or self.facts.chunks

    @property
    def box(self) -> Box:
        """All of its pixels."""
        return Box((0,) * len(self.shape), self.shape)

    @property
    def is_empty(self) -> bool:
        """True if it has no pixels in a grid, as an array without axes."""
        return not self.shape or 0 in self.shape

    def key(self, index: Shape) -> str:
        """Return the key of an object below the URL."""
        return join_path(self.node.path, self.grid.key(index))

    def object_box(self, index: Shape) -> Box:
        """Return the pixels of an object that are in the level."""
        start = tuple(i * edge for i, edge in zip(index, self.object_shape, strict=True))
        return Box(start, self.object_shape).intersection(self.box)

    def finding(
        self, problem: Problem, message: str, index: Shape | None, box: Box, *, suspect: bool = False
    ) -> Finding:
        """Return a finding about an object or a region of this level."""
        key = None if index is None else self.key(index)
        return Finding(problem, message, self.image, key, self.number, box.start, box.stop, suspect)


@dataclass(frozen=True, slots=True)
class BadChunk:
    """A chunk that cannot be decoded.

    Parameters
    ----------
    index
        Index of its object.
    box
        Its pixels in the level.
    problem, message
        As in `Finding`.
    """

    index: Shape
    box: Box
    problem: Problem
    message: str


def open_level(
    hierarchy: Hierarchy, node: Node, *, image: str = "", number: int = 0, is_complete: bool = False
) -> Level:
    """Return the level whose array is at a node.

    Raises
    ------
    SourceError
        If its document is broken, or neither we nor zarr-python have a codec of it.
    """
    facts, grid, stored = read_facts(node), grid_of(node), stored_array(node)
    objects = hierarchy.objects
    if stored is not None:
        pixels: PixelReader = ArrayReader(objects, objects, stored, may_lack=not is_complete)
    elif not facts.shape or 0 in facts.shape:
        pixels = _Nothing()
    else:
        pixels = replace(hierarchy, root=node if not node.path else hierarchy.root).find(node.path).pixels
    return Level(image, number, node, facts, grid, stored, pixels, None, is_complete, objects)


class _Nothing:
    """The reader of an array without pixels."""

    def read(self, box: Box, out: NDArray[Any]) -> None:
        pass


def read_region(level: Level, box: Box, out: NDArray[Any]) -> list[BadChunk]:
    """Fill `out` with the pixels of `box`, and return the chunks that cannot be read.

    Their pixels are then the fill value of our stores, 0. Raises SourceError if the storage fails.
    """
    try:
        level.pixels.read(box, out)
    except Exception as error:
        _check_is_damage(level, error)
    else:
        return []
    bad = []
    for chunk in box.grid_positions(level.facts.chunks):
        start = tuple(i * c for i, c in zip(chunk, level.facts.chunks, strict=True))
        part = Box(start, level.facts.chunks).intersection(box)
        view = out[Box(tuple(a - b for a, b in zip(part.start, box.start, strict=True)), part.shape).slices]
        try:
            level.pixels.read(part, view)
        except Exception as error:
            _check_is_damage(level, error)
            view[...] = 0
            index = tuple(a // edge for a, edge in zip(start, level.object_shape, strict=True))
            whole = Box(start, level.facts.chunks).intersection(level.box)
            bad.append(BadChunk(index, whole, *_explain(level, index, error)))
    return bad


def _check_is_damage(level: Level, error: Exception) -> None:
    """Raise an error again that says nothing about an object's bytes."""
    if isinstance(error, (*ENDINGS, StoppedError, MemoryError)):
        raise error
    if isinstance(error, StorageError) and not (level.objects.location.is_local or error.permanent):
        raise SourceError(f"{error}; verify again once the storage answers") from error


def _explain(level: Level, index: Shape, error: Exception) -> tuple[Problem, str]:
    """Return the kind of damage, and a sentence."""
    try:
        size = level.objects.size(level.key(index))
    except StorageError:  # a folder in its place, or a file that may not be read
        return "damaged", f"the object cannot be read: {reason(error)}"
    if size is None:
        return "missing", MISSING
    if size == 0:
        return "empty", "the object has no bytes"
    if isinstance(error, DecodeError):
        return "damaged", "a chunk cannot be decoded, or its checksum is wrong"
    if isinstance(error, StorageError) and "is now missing" in str(error):
        return "missing", "a chunk is missing in its shard, and its writer leaves none out"
    return "damaged", f"the object cannot be read: {reason(error)}"


def storage_of(level: Level) -> Mapping[str, Any]:
    """Return dtype, byte order and fill value, which all levels of a writer share."""
    document = level.node.array or {}
    return {"dtype": str(level.facts.dtype), "fill_value": document.get("fill_value")}


def count_bytes(box: Box, level: Level) -> int:
    """Return the bytes of a region before compression."""
    return math.prod(box.shape) * level.facts.dtype.itemsize
