"""Parts of objects, gathered in memory until each object is whole.

To store a part would be to read, decode, change and encode its object again, and two processes could do so at once.
So a part waits here for the rest. An object that is whole is written by a thread of this process, while the next parts
come. Memory is bounded: a part that would begin one object too many waits for objects that are being written, and is
refused where there are none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.signals import leave_signals
from pyramid.creating.coverage import Coverage
from pyramid.creating.regions import show_aligned, show_box
from pyramid.creating.storing import Piece, RegionStore
from pyramid.errors import OptionError
from pyramid.model import Box, Shape
from pyramid.planning.resources import show_memory
from pyramid.tables import format_count


@dataclass(eq=False)
class GatheredObject:
    """An object of which some parts have come.

    Parameters
    ----------
    array
        Its pixels, as large as the largest object.
    coverage
        The parts that have come.
    """

    array: NDArray[Any]
    coverage: Coverage
    lock: threading.Lock = field(default_factory=threading.Lock)
    writing: Future[None] | None = None
    is_stored: bool = False

    def view(self, box: Box) -> NDArray[Any]:
        """Return the pixels of a region of the image."""
        start = tuple(a - b for a, b in zip(box.start, self.coverage.whole.start, strict=True))
        return self.array[Box(start, box.shape).slices]


class Gathering:
    """The objects of which some parts have come; safe to use from many threads.

    Parameters
    ----------
    store
        Takes each object that is whole.
    write
        Writes whole objects.
    limit_bytes
        Memory for all of them.
    workers
        Threads that write.
    """

    def __init__(
        self, store: RegionStore, write: Callable[[Sequence[Piece]], None], limit_bytes: int, workers: int
    ) -> None:
        self.workers = workers
        self._store = store
        self._write = write
        self._most = max(1, limit_bytes // (int(np.prod(store.level.object_shape)) * store.dtype.itemsize))
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # the writing of an object has ended
        self._gathered: dict[Shape, GatheredObject] = {}
        self._free: list[NDArray[Any]] = []
        self._errors: list[BaseException] = []
        self._threads = ThreadPoolExecutor(workers, "pyramid-region", initializer=leave_signals)

    def in_room(self, parts: Sequence[Piece]) -> list[Piece]:
        """Return parts in an order in which there is memory for all of them.

        Those that complete an object come first.

        Raises
        ------
        OptionError
            If they begin more objects than there is memory for.
        """
        with self._lock:
            waiting = {index: entry for index, entry in self._gathered.items() if entry.writing is None}
        ending = [self._ends(waiting, box) for box, _ in parts]
        fresh = {self._store.index(box): box for box, _ in parts if self._store.index(box) not in self._gathered}
        if len(fresh) + len(waiting) - sum(ending) > self._most:
            raise self._no_room(next(iter(fresh.values())), len(waiting))
        order = sorted(range(len(parts)), key=lambda number: not ending[number])
        return [parts[number] for number in order]

    def _ends(self, waiting: Mapping[Shape, GatheredObject], box: Box) -> bool:
        """Return whether a part completes an object that waits for it."""
        entry = waiting.get(self._store.index(box))
        if entry is None:
            return False
        with entry.lock:
            return entry.coverage.is_completed_by(box)

    def check_same(self, pieces: Sequence[Piece]) -> None:
        """Raise OptionError if a region has come before with other pixels."""
        for box, pixels in pieces:
            entry = self._gathered.get(self._store.index(box))
            if entry is not None:
                with entry.lock:
                    self._check_entry(entry, box, pixels)

    def _check_entry(self, entry: GatheredObject, box: Box, pixels: NDArray[Any]) -> None:
        for known in () if entry.is_stored else entry.coverage.covered(box):
            part = np.asarray(pixels[_within(known, box)], self._store.dtype)
            if entry.view(known).tobytes() != part.tobytes():
                raise self._store.of_other_pixels(known)

    def add(self, box: Box, pixels: NDArray[Any]) -> None:
        """Take a part of an object, and write the object if that makes it whole."""
        index = self._store.index(box)
        while True:
            entry = self._entry(index, box, pixels)
            if entry is None:
                return
            with entry.lock:
                if entry.is_stored:  # by another thread, since it was found
                    continue
                for part in entry.coverage.missing(box):
                    entry.view(part)[...] = pixels[_within(part, box)]
                entry.coverage.add(box)
            self._send(index, entry)
            return

    def _entry(self, index: Shape, box: Box, pixels: NDArray[Any]) -> GatheredObject | None:
        """Return the object of a part; None if it is stored, with the same pixels."""
        with self._lock:
            if index in self._gathered:
                return self._gathered[index]
        if self._store.has(index):
            self._store.check_same(box, pixels)
            return None
        with self._changed:
            while index not in self._gathered and len(self._gathered) >= self._most:
                if not any(entry.writing for entry in self._gathered.values()):
                    raise self._no_room(box, len(self._gathered))
                self._changed.wait()
            if index not in self._gathered:
                array = self._free.pop() if self._free else np.empty(self._store.level.object_shape, self._store.dtype)
                self._gathered[index] = GatheredObject(array, Coverage(self._store.box(index)))
            return self._gathered[index]

    def _no_room(self, box: Box, waiting: int) -> OptionError:
        level, axes = self._store.level, self._store.axes
        return OptionError(
            f"memory: {show_box(axes, box)} is a part of an object; {show_memory(self._limit_bytes)} hold the parts of "
            f"{format_count(self._most, 'object')}, and {waiting} wait for the rest; write the rest of those first, or "
            f"regions of whole objects ({show_aligned(axes, level.object_shape, level.shape)}), or give more memory=..."
        )

    def _send(self, index: Shape, entry: GatheredObject) -> None:
        """Let a thread write an object if it is whole."""
        with self._lock, entry.lock:
            if entry.writing is None and not entry.is_stored and entry.coverage.is_whole:
                entry.writing = self._threads.submit(self._store_entry, index, entry)

    def _store_entry(self, index: Shape, entry: GatheredObject) -> None:
        whole = entry.coverage.whole
        try:
            self._write([(whole, entry.view(whole))])
        except BaseException as error:
            with self._lock, entry.lock:  # it stays, so that its pixels are not lost
                entry.writing = None
                self._errors.append(error)
                self._changed.notify_all()
            return
        with self._lock, entry.lock:
            entry.is_stored, entry.writing = True, None
            del self._gathered[index]
            self._free.append(entry.array)
            self._changed.notify_all()

    def raise_failed(self) -> None:
        """Raise the error of an object that could not be written, once."""
        with self._lock:
            failed, self._errors = self._errors, []
        if failed:
            raise failed[0]

    def flush(self) -> None:
        """Write every object that is whole, and wait until they are stored.

        Raises
        ------
        TargetError
            If one cannot be written. It is kept, and the next call tries again.
        """
        for index, entry in list(self._gathered.items()):
            self._send(index, entry)
        wait([writing for entry in list(self._gathered.values()) if (writing := entry.writing) is not None])
        self.raise_failed()

    def drop(self, index: Shape) -> None:
        """Forget the parts of an object that has come whole."""
        with self._lock:
            entry = self._gathered.get(index)
            if entry is not None and entry.writing is None:
                with entry.lock:
                    entry.is_stored = True
                del self._gathered[index]
                self._free.append(entry.array)

    def find(self, index: Shape) -> GatheredObject | None:
        """Return an object of which some parts have come, None if none has."""
        return self._gathered.get(index)

    def close(self) -> None:
        """End the threads and release the memory; parts of objects are lost."""
        self._threads.shutdown()
        self._gathered.clear()
        self._free.clear()


def _within(box: Box, holder: Box) -> tuple[slice, ...]:
    return Box(tuple(a - b for a, b in zip(box.start, holder.start, strict=True)), box.shape).slices
