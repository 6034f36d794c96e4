"""The parts of a block on their way into objects: what begins an object, adds to it, and ends it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.block import Part
from pyramid.encode import Encoding, Making
from pyramid.errors import PyramidError, StorageError, TargetError
from pyramid.model import Box, Shape
from pyramid.outbox import Body, Outbox
from pyramid.stores import locate
from pyramid.writers import Told, Writer

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class StoredLevel:
    """One level's array.

    Parameters
    ----------
    shape, unit
        Extent, and what one object holds, in pixels.
    prefix
        What the keys of its objects begin with.
    encoding
        How a unit becomes an object.
    """

    shape: Shape
    unit: Shape
    prefix: str
    encoding: Encoding


class Writing:
    """One block on its way to the store, as a context: at its end every object of it is stored.

    Parameters
    ----------
    url
        The target.
    levels
        Its arrays.
    writer, outbox
        What writes, and what the bytes wait in.
    """

    def __init__(self, url: str, levels: Sequence[StoredLevel], writer: Writer, outbox: Outbox) -> None:
        self._url = url
        self._levels = levels
        self._writer = writer
        self._outbox = outbox
        self._begun: dict[str, tuple[Body, Making]] = {}

    def add(self, part: Part) -> None:
        """Write a part: whole chunks of a level, of each object in C order, in place of what is there.

        Here, or at the end of the block, TargetError is raised with the level, the place and the cause.
        """
        level = self._levels[part.level]
        for place in part.box.tiles(level.unit):
            key = level.prefix + "/".join(map(str, place))
            told_here = functools.partial(told, self._url, f"level {part.level}, object {key}")
            with told_here():
                self._add(part, level, place, key, told_here)

    def _add(self, part: Part, level: StoredLevel, place: Shape, key: str, told_here: Told) -> None:
        """Write what a part holds of one object."""
        start = tuple(i * u for i, u in zip(place, level.unit, strict=True))
        if key not in self._begun:
            inside = tuple(min(u, n - a) for a, u, n in zip(start, level.unit, level.shape, strict=True))
            most_bytes, _ = level.encoding.most_bytes(level.unit)
            body = self._writer.begin(key, most_bytes, self._outbox, told_here)
            self._begun[key] = body, Making(level.encoding, level.unit, inside, body)
        body, making = self._begun[key]
        chunks = level.encoding.chunks
        shared = part.box.shared(Box(start, level.unit))
        for chunk in shared.tiles(chunks):
            at = tuple(i * c for i, c in zip(chunk, chunks, strict=True))
            within = tuple((a - b) // c for a, b, c in zip(at, start, chunks, strict=True))
            box = Box(tuple(a - b for a, b in zip(at, part.box.start, strict=True)), chunks)
            making.add(within, part.array[box.slices], self._outbox.buffers)
        if making.whole:
            making.finish()
            body.finish()
            del self._begun[key]
        else:
            body.pause()

    def __enter__(self) -> Writing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for body, _ in self._begun.values():
            body.abandon()
        self._outbox.__exit__(kind, error, trace)
        if kind is None and self._begun:
            raise AssertionError(f"a block ended before {', '.join(self._begun)}")


@contextmanager
def told(url: str, place: str, what: str = "written") -> Iterator[None]:
    """Turn whatever a store raises into TargetError with the place."""
    try:
        yield
    except StorageError as error:
        raise TargetError(f"{locate(url)}: {place} cannot be {what}: {error}") from error
    except PyramidError:
        raise
    except Exception as error:
        cause = f"{error}" or type(error).__name__
        if isinstance(error, FileNotFoundError):
            cause = "its folder is gone: another program removed or renamed it; convert again"
        raise TargetError(f"{locate(url)}: {place} cannot be {what}: {cause}") from error
