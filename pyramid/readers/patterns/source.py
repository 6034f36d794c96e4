"""Many TIFFs as one image: a file for each place on the axes of the names.

A pickle holds a pattern and lists of values, and not the names of the files. Each process opens the files that its
blocks need, by name, and keeps the structure of those that it read last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import SourceError
from pyramid.model import AXES, Box, Shape, SourceSpec
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.patterns.names import Names
from pyramid.readers.patterns.places import Place
from pyramid.readers.tiff.source import ParsedTiff
from pyramid.tables import format_shape

# Files whose structure a process keeps: those that its threads read, and some more.
MAX_KEPT = 32
# Files at a URL that one read has open at once: their answers are waited for together.
MAX_AT_ONCE = 16

_parsed: LastUsed[tuple[Place, str, str], ParsedTiff] = LastUsed(most=MAX_KEPT)


@dataclass(frozen=True, slots=True)
class FileSpec:
    """The contents of each file of an image.

    Parameters
    ----------
    axes, shape, dtype
        Those of each file's own image.
    name
        The name of the file that says so.
    """

    axes: str
    shape: Shape
    dtype: str
    name: str

    def check(self, parsed: ParsedTiff, name: str) -> None:
        """Raise SourceError for a file unlike the first one, or not whole by itself."""
        spec = parsed.source.spec
        if len(parsed.files) > 1:
            raise SourceError(
                f"{name} is one of {len(parsed.files)} files of an OME-TIFF, whose metadata says where each belongs; "
                "give it by itself, without pattern=..."
            )
        if (spec.axes, spec.shape, spec.dtype) != (self.axes, self.shape, self.dtype):
            raise SourceError(
                f"{name} holds {spec.axes} {format_shape(spec.shape)} {spec.dtype}, and {self.name} holds {self.axes} "
                f"{format_shape(self.shape)} {self.dtype}; the files of one image have the same shape and dtype: "
                "remove it, or convert it by itself"
            )


@dataclass(frozen=True, slots=True)
class FilesSource:
    """An image of many files.

    Parameters
    ----------
    spec
        What is known before a pixel is read.
    place
        Where the files are.
    axes
        The axes of the names, letters of ``tczyx`` in that order.
    names
        The names of the files by their index on `axes`.
    each
        What every file holds.
    digest
        A digest of the names, sizes and times of all files when they were listed.
    opening
        Different each time that the files are listed, so that nothing is kept of files that were written again.
    """

    spec: SourceSpec
    place: Place
    axes: str
    names: Names
    each: FileSpec
    digest: str
    opening: str

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of the names, sizes and times of all files."""
        return {"files": math.prod(self.names.shape), "listing": self.digest}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If a file cannot be read, has changed, or is not like the others. It names the file.
        """
        inner = self._inner(box)
        most = MAX_AT_ONCE if self.place.is_remote else 1
        for _ in map_concurrently(lambda part: self._read_file(part[0], inner, part[1]), self._files(box, out), most):
            pass

    def _files(self, box: Box, out: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield the name of each file and its part of `out`; clear the parts without one."""
        outer = [self.spec.axes.index(axis) for axis in self.axes]
        for index in product(*(range(box.start[i], box.start[i] + box.shape[i]) for i in outer)):
            where: list[slice | int] = [slice(None)] * len(box.shape)
            for i, at in zip(outer, index, strict=True):
                where[i] = at - box.start[i]
            name, view = self.names.at(index), out[(*where, ...)]
            if name is None:
                view[...] = 0
            else:
                yield name, view

    def _inner(self, box: Box) -> Box:
        """Return the region of each file: of one pixel on the axes of the names."""
        start, shape = [], []
        for axis in self.each.axes:
            if axis in self.axes:
                start.append(0)
                shape.append(1)
            else:
                i = self.spec.axes.index(axis)
                start.append(box.start[i])
                shape.append(box.shape[i])
        return Box(tuple(start), tuple(shape))

    def _read_file(self, name: str, inner: Box, view: NDArray[Any]) -> None:
        parsed = self._parse(name)
        shaped = view[tuple(np.newaxis if axis in self.axes else slice(None) for axis in self.each.axes)]
        parsed.source.read_by(parsed.layout, inner, shaped)

    def _parse(self, name: str) -> ParsedTiff:
        """Return the structure of a file, which is like that of the others."""
        key = (self.place, name, self.opening)
        parsed = _parsed.find(key, lambda: self.place.parse(name))
        self.each.check(parsed, self.place.shown(name))
        return parsed


def outer_shape(axes: str, names: Names, each: FileSpec) -> tuple[str, Shape]:
    """Return the axes and the shape of an image of many files.

    Raises
    ------
    SourceError
        If an axis is both in the names and in the files.
    """
    inner = dict(zip(each.axes, each.shape, strict=True))
    both = [axis for axis in axes if inner.get(axis, 1) > 1]
    if both:
        raise SourceError(
            f"the axis {both[0]} is in the names, with {names.shape[axes.index(both[0])]} places, and in each file, as "
            f"{each.name} holds {each.axes} {format_shape(each.shape)}; name the axes of the files, as "
            'axes="czyx", or that of the names, as pattern=...'
        )
    extents = {**inner, **dict(zip(axes, names.shape, strict=True))}
    found = "".join(axis for axis in AXES if axis in extents)
    return found, tuple(extents[axis] for axis in found)
