"""Whole objects of level 0, written one by one by any thread or process.

A task that writes carries a `RegionStore`: it pickles small and opens the store without a request. An object is there
whole or not at all, so a listing says what has come, and nobody needs a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers, Part, empty_part
from pyramid.creating.regions import object_box, show_box
from pyramid.decoding.codecs import DecodeError
from pyramid.errors import OptionError, TargetError
from pyramid.model import Box, Shape
from pyramid.planning import PlannedLevel
from pyramid.planning.encoding import write_queue_bytes
from pyramid.stores import Objects, locate, open_objects
from pyramid.writing.errors import wrap_errors
from pyramid.writing.target import Target

# A region of the image, and its pixels.
Piece = tuple[Box, NDArray[Any]]


@dataclass(frozen=True)
class RegionStore:
    """Writes whole objects of level 0.

    Parameters
    ----------
    target
        The target.
    axes
        The axes of its arrays.
    buffers
        The memory of the threads that encode.
    rewrite
        Whether an object may be replaced by one of other pixels.
    """

    target: Target
    axes: str
    buffers: Buffers
    rewrite: bool = False

    @property
    def level(self) -> PlannedLevel:
        """Level 0."""
        return self.target.levels[0].level

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        return np.dtype(self.target.levels[0].dtype)

    @property
    def objects(self) -> Objects:
        """The objects of the target."""
        return open_objects(self.target.url, self.target.storage_options)

    def box(self, index: Shape) -> Box:
        """Return the region of an object, cut to the image."""
        return object_box(index, self.level.object_shape, self.level.shape)

    def index(self, box: Box) -> Shape:
        """Return the index of the object that begins where a region does."""
        return tuple(a // n for a, n in zip(box.start, self.level.object_shape, strict=True))

    def has(self, index: Shape, level: int = 0) -> bool:
        """Return whether an object is there: one request."""
        key = self.target.levels[level].key(index)
        with wrap_errors(self.target.url, f"object {key}", "looked for"):
            return self.objects.size(key) is not None

    def there(self) -> set[Shape]:
        """Return the indices of the objects that are there: a listing."""
        prefix = self.target.levels[0].prefix
        with wrap_errors(self.target.url, "what is there", "listed"):
            return set(self._indices(prefix))

    def _indices(self, prefix: str) -> Iterator[Shape]:
        is_n5, axes = self.target.levels[0].is_n5, len(self.level.shape)
        for key in self.objects.keys(prefix):
            parts = key.removeprefix(prefix).split("/")
            if len(parts) == axes and all(map(str.isdecimal, parts)):
                index = tuple(map(int, parts))
                yield index[::-1] if is_n5 else index

    def is_same(self, box: Box, pixels: NDArray[Any]) -> bool:
        """Return whether a region that is there holds these pixels.

        Raises
        ------
        DecodeError
            If what is there is damaged.
        TargetError
            If it cannot be read.
        """
        there = np.empty(box.shape, self.dtype)
        try:
            self.target.read(0, box, there)
        except TargetError as error:
            if isinstance(error.__cause__, DecodeError):
                raise error.__cause__ from None
            raise
        return there.tobytes() == np.asarray(pixels, self.dtype).tobytes()

    def check_same(self, box: Box, pixels: NDArray[Any]) -> None:
        """Raise OptionError if a region that is there holds other pixels.

        Also if what is there is damaged.
        """
        try:
            same = self.is_same(box, pixels)
        except DecodeError as error:
            raise OptionError(
                f"{show_box(self.axes, box)} is in an object that is damaged: {error}; write the whole of "
                f"{show_box(self.axes, self.box(self.index(box)))} at once"
            ) from error
        if not same:
            raise self.of_other_pixels(box)

    def of_other_pixels(self, box: Box) -> OptionError:
        """Return the error of a region that is written twice with other pixels."""
        return OptionError(
            f"{show_box(self.axes, box)} has come before, with other pixels; nothing is changed: leave it out, or give "
            "create(..., rewrite=True) and write whole objects"
        )

    def needs_writing(self, box: Box, pixels: NDArray[Any]) -> bool:
        """Return whether a whole object is to be written.

        One that is there with the same pixels stays. One that is damaged is written again.

        Raises
        ------
        OptionError
            If it is there with other pixels, and must not be replaced.
        """
        if self.rewrite or not self.has(self.index(box)):
            return True
        try:
            same = self.is_same(box, pixels)
        except DecodeError:
            return True
        if not same:
            raise self.of_other_pixels(box)
        return False

    def write(self, pieces: Iterable[Piece]) -> None:
        """Encode and store whole objects.

        Their pixels may be strided and of another dtype.

        Raises
        ------
        TargetError
            If one cannot be written. Nothing of it is there then.
        """
        with self.target.write_block(self.buffers, self.queue_bytes) as writer:
            for box, pixels in pieces:
                writer.add(self._part(box, pixels))

    def _part(self, box: Box, pixels: NDArray[Any]) -> Part:
        """Return the pixels of an object, in whole chunks of the image's dtype."""
        padded = any(n % c for n, c in zip(box.shape, self.level.chunks, strict=True))
        if not padded and pixels.dtype == self.dtype:
            return Part(0, box, pixels)
        part = empty_part(self.level, 0, box, self.buffers, self.dtype)
        part.pixels[...] = pixels
        return part

    @property
    def queue_bytes(self) -> int:
        """Memory for encoded bytes that wait to be written."""
        return write_queue_bytes([self.level], self.dtype.itemsize, whole_objects=self.is_remote)

    @property
    def is_remote(self) -> bool:
        """True if the target is behind a network."""
        return not locate(self.target.url).is_local

    def of_levels(self, levels: tuple[PlannedLevel, ...]) -> RegionStore:
        """Return the store with levels of another length."""
        stored = (replace(one, level=level) for one, level in zip(self.target.levels, levels, strict=True))
        return replace(self, target=replace(self.target, levels=tuple(stored)))
