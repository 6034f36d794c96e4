"""How an object reaches its place: whole or not at all, in one step, on local disk and on object storage.

An object is a `Body` while it is encoded. On local disk it flows into a file beside the target's, which is renamed when
it is whole; object storage is sent the whole of it with one request.
"""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pyramid.disk import ALIGN_BYTES, DiskFile, Pace
from pyramid.outbox import Body, Outbox
from pyramid.stores import Objects, locate, open_objects

# Where files lie while they are written: on the target's own disk, so that a rename puts them in place.
PARTIAL = ".partial"
# What is written to a file at once: less, and each call's own cost shows.
SEGMENT_BYTES = 4 * 2**20
SEGMENTS = 4
# Requests of one block that are under way: a service answers after tens of milliseconds.
REQUESTS = 32


# Says where and what failed, for whatever is raised within.
Told = Callable[[], AbstractContextManager[None]]


class Writer(Protocol):
    """Puts objects under a target; safe to use from many threads."""

    def outbox_bytes(self, planned_bytes: int, piece_bytes: int, object_bytes: int) -> int:
        """How much of what is planned a block's outbox takes, where no piece of an object and no object is larger."""
        ...

    @property
    def lanes(self) -> int:
        """How many writes of a block are under way at once."""
        ...

    def begin(self, key: str, most_bytes: int, outbox: Outbox, told: Told) -> Body:
        """The object that is to lie at `key`, in place of what is there; one without bytes is not written.

        Parameters
        ----------
        key
            Where, below the target.
        most_bytes
            The most that it can have.
        outbox
            What its bytes go through.
        told
            A context that says where and what failed, for whatever a write raises.
        """
        ...

    def finish(self) -> None:
        """Leave nothing but objects behind."""
        ...


def open_writer(url: str, options: Mapping[str, Any] | None) -> Writer:
    """The writer for a path or URL; nothing is written."""
    location = locate(url)
    if location.is_local:
        return LocalWriter(location.path)
    return ObjectWriter(open_objects(url, options))


class LocalWriter:
    """Writes each file beside the target's and renames it.

    Parameters
    ----------
    root
        The target's folder.
    """

    lanes = 1  # a file's segments follow each other

    def __init__(self, root: str) -> None:
        self._root = root
        self._made: set[str] = set()
        self._numbers = itertools.count()
        self._pace = Pace()

    def outbox_bytes(self, planned_bytes: int, piece_bytes: int, object_bytes: int) -> int:
        """A few segments, whatever an object's size."""
        del object_bytes
        return max(min(planned_bytes, SEGMENTS * SEGMENT_BYTES), 2 * (piece_bytes + 2 * ALIGN_BYTES))

    def begin(self, key: str, most_bytes: int, outbox: Outbox, told: Told) -> Body:
        """The file at `key`. What was there before stays until it is whole."""
        del most_bytes
        path = os.path.join(self._root, key)
        name = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}-{next(self._numbers)}"
        partial = os.path.join(self._root, PARTIAL, name)
        with told():
            for folder in (os.path.dirname(partial), os.path.dirname(path)):
                if folder not in self._made:
                    os.makedirs(folder, exist_ok=True)
                    self._made.add(folder)
        return _FileBody(DiskFile(partial, path, self._pace), outbox, told)

    def finish(self) -> None:
        """Remove what workers that died had begun."""
        partial = os.path.join(self._root, PARTIAL)
        if os.path.isdir(partial):
            shutil.rmtree(partial)


class _FileBody:
    """An object that flows into a file, a segment at a time."""

    def __init__(self, file: DiskFile, outbox: Outbox, told: Told) -> None:
        self._file = file
        self._outbox = outbox
        self._told = told
        self._segment = memoryview(b"")
        self._end = 0
        self._total = 0

    def room(self, size: int) -> memoryview:
        if self._end + size > len(self._segment):
            self.pause()
            most = min(SEGMENT_BYTES, self._outbox.capacity_bytes // 2)
            segment = self._outbox.room(max(most, self._end + size))
            segment[: self._end] = self._segment
            self._segment = segment
        return self._segment[self._end : self._end + size]

    def pause(self) -> None:
        whole = self._end - self._end % ALIGN_BYTES
        rest = bytes(self._segment[whole : self._end])
        if whole:
            self._outbox.send(whole, self._job(self._file.append))
        self._segment, self._end = memoryview(rest), len(rest)

    def keep(self, size: int) -> None:
        self._end += size
        self._total += size

    def finish(self) -> None:
        if self._total:
            self.room(1)  # what is sent lies in the outbox
            self._outbox.send(self._end, self._job(self._file.finish))

    def abandon(self) -> None:
        self._outbox.send(0, lambda _: self._file.abandon())

    def _job(self, write: Callable[[memoryview], None]) -> Callable[[memoryview | None], None]:
        def job(body: memoryview | None) -> None:
            if body is None:
                self._file.abandon()
                return
            with self._told():
                write(body)

        return job


class ObjectWriter:
    """Puts each object with one request, whatever its size.

    Parameters
    ----------
    objects
        Where.
    """

    lanes = REQUESTS

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def outbox_bytes(self, planned_bytes: int, piece_bytes: int, object_bytes: int) -> int:
        """All of it: the more is under way, the less a service's latency shows."""
        del piece_bytes
        return max(planned_bytes, object_bytes)

    def begin(self, key: str, most_bytes: int, outbox: Outbox, told: Told) -> Body:
        """The object at `key`."""
        return _WholeBody(self._objects, key, most_bytes, outbox, told)

    def finish(self) -> None:
        """Nothing is left to do: an object that was not put whole is not there."""


class _WholeBody:
    """An object that is sent when the last of its bytes is there."""

    def __init__(self, objects: Objects, key: str, most_bytes: int, outbox: Outbox, told: Told) -> None:
        self._objects = objects
        self._key = key
        self._outbox = outbox
        self._told = told
        self._memory = outbox.room(most_bytes)
        self._end = 0

    def room(self, size: int) -> memoryview:
        return self._memory[self._end : self._end + size]

    def keep(self, size: int) -> None:
        self._end += size

    def pause(self) -> None:
        """It has the outbox to itself until it ends: the plan begins no other before."""

    def finish(self) -> None:
        if self._end:
            self._outbox.send(self._end, self._put)

    def abandon(self) -> None:
        """Nothing of it was sent."""

    def _put(self, body: memoryview | None) -> None:
        if body is not None:
            with self._told():
                self._objects.put(self._key, body)
