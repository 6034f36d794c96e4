"""Download of a tree: objects concurrently, a node's metadata after all its parts.

Requests under way are bounded. Only they and one branch of the tree are held in memory.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import IO

from pyramid.concurrency.pool import Pool
from pyramid.downloading.folder import Folder
from pyramid.downloading.walk import Branch
from pyramid.errors import OptionError, StorageError
from pyramid.hierarchy.keys import grid_of, object_bytes
from pyramid.hierarchy.nodes import join_path
from pyramid.stores import Readable

# Objects that wait for each thread: so many that none is idle while the next key is looked for on disk.
MAX_WAITING = 4
# Objects that are there already, for each call of the progress callback: they are found faster than it can show.
REPORT_EVERY = 1000


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """The progress of a download, as given to the progress callback.

    Parameters
    ----------
    done_objects, total_objects
        Chunks or shards and single files: finished, and known so far. The total of a plate grows with its wells.
    done_bytes
        Bytes that were fetched.
    missing
        Objects that the source does not have.
    kept
        Objects that were there already.
    seconds
        Time since the download began.
    """

    done_objects: int
    total_objects: int
    done_bytes: int
    missing: int
    kept: int
    seconds: float


@dataclass
class DownloadTally:
    """Counts of the objects of a download so far."""

    progress: Callable[[DownloadProgress], None] | None
    started_s: float = field(default_factory=time.perf_counter)
    objects: int = 0
    total: int = 0
    bytes: int = 0
    missing: int = 0
    kept: int = 0

    def fetched(self, size: int | None) -> None:
        """Count an object that was asked for."""
        if size is None:
            self.missing += 1
        else:
            self.objects += 1
            self.bytes += size
        self.report()

    def found(self) -> None:
        """Count an object that was there already."""
        self.kept += 1
        if self.kept % REPORT_EVERY == 0:
            self.report()

    def report(self) -> None:
        """Call the progress callback."""
        if self.progress is not None:
            done = self.objects + self.missing + self.kept
            seconds = time.perf_counter() - self.started_s
            self.progress(DownloadProgress(done, self.total, self.bytes, self.missing, self.kept, seconds))


@dataclass
class _Open:
    """A node whose metadata waits for its children and objects, and for its own walk.

    `pending` counts them, and the walk as one.
    """

    branch: Branch
    parent: _Open | None
    pending: int = 1


class Stopped(Exception):
    """The download ended while an object was fetched."""


class Run:
    """A download of one tree.

    Parameters
    ----------
    objects
        The source.
    folder
        The target.
    pool
        The threads that fetch.
    most
        The most objects that there may be.
    tally
        The counts, kept up to date.
    lacking
        A list to which a sentence is added for each object that is broken.
    """

    def __init__(  # noqa: PLR0913  (what it needs, each for itself)
        self, objects: Readable, folder: Folder, pool: Pool, *, most: int, tally: DownloadTally, lacking: list[str]
    ) -> None:
        self._lacking = lacking
        self._objects = objects
        self._folder = folder
        self._pool = pool
        self._max_in_flight = pool.workers * MAX_WAITING
        self._most = most
        self._tally = tally
        self._done: queue.SimpleQueue[tuple[_Open, Future[int | None]]] = queue.SimpleQueue()
        self._in_flight = 0

    def fill(self, root: Branch) -> None:
        """Download everything, the root's metadata last."""
        self._walk(root, None)
        while self._in_flight:
            self._take()
        self._tally.report()

    def _walk(self, branch: Branch, parent: _Open | None) -> None:
        """Fetch what a node holds, then its children's."""
        node = _Open(branch, parent)
        self._count(branch)
        expected_bytes = object_bytes(branch.node)
        for key in _keys(branch):
            if self._folder.has(key):
                self._tally.found()
            else:
                self._fetch(node, key, expected_bytes)
        for child in branch.children:
            node.pending += 1
            self._walk(child, node)
        self._release(node)

    def _count(self, branch: Branch) -> None:
        """Count the objects of a node; raise OptionError if they are too many."""
        held = len(branch.files) + (grid_of(branch.node).count if branch.node.array is not None else 0)
        self._tally.total += held
        if self._tally.total > self._most:
            raise OptionError(
                f"max_objects: with {branch.node.place} there are {self._tally.total} objects to ask for, "
                f"and the limit is {self._most}; allow more, or take only the coarser levels with levels"
            )

    def _fetch(self, node: _Open, key: str, expected_bytes: int) -> None:
        while self._in_flight >= self._max_in_flight:
            self._take()
        node.pending += 1
        self._in_flight += 1
        future = self._pool.submit(self._receive, key, expected_bytes)
        future.add_done_callback(lambda done: self._done.put((node, done)))

    def _receive(self, key: str, expected_bytes: int) -> int | None:
        """Fetch one object, in a thread of the pool."""

        def fill(file: IO[bytes]) -> int | None:
            into = _FileSink(file, self._pool)
            try:
                size = self._objects.fetch(key, into, expected_bytes)
            except StorageError as error:
                if into.failure is not None:
                    raise into.failure from None
                if self._objects.location.is_local and error.permanent:  # of one file, which says nothing of others
                    self._lacking.append(f"{key!r} cannot be read: {error}")
                    return None
                raise
            into.check()
            if size == 0 and expected_bytes:  # no codec makes 0 bytes of pixels
                self._lacking.append(f"{key!r} is empty (0 bytes), and a chunk never is")
                return None
            return size

        return self._folder.receive(key, fill)

    def _take(self) -> None:
        """Wait for the next object to end, and count it."""
        node, future = self._done.get()
        self._in_flight -= 1
        self._tally.fetched(future.result())
        self._release(node)

    def _release(self, node: _Open | None) -> None:
        """Write the metadata of a node that waits for nothing more, then its parents'."""
        while node is not None:
            node.pending -= 1
            if node.pending:
                return
            documents = node.branch.node.documents
            for key in sorted(documents, key=_rank):
                self._folder.write(key, documents[key])
            node = node.parent


class _FileSink:
    """A file that an object is written to, until the download is stopped.

    It keeps failures of the disk apart from those of the network.
    """

    def __init__(self, file: IO[bytes], pool: Pool) -> None:
        self._file = file
        self._pool = pool
        self.failure: Exception | None = None

    def write(self, piece: bytes) -> None:
        """Write the next piece."""
        try:
            self.check()
            self._file.write(piece)
        except (OSError, Stopped) as error:
            self.failure = error
            raise

    def restart(self) -> None:
        """Begin again with an empty file."""
        self._file.seek(0)
        self._file.truncate()

    def check(self) -> None:
        """Raise Stopped if the download was stopped."""
        if self._pool.stopped:
            raise Stopped


def _keys(branch: Branch) -> Iterator[str]:
    yield from branch.files
    if branch.node.array is not None:
        for key in grid_of(branch.node).keys():  # noqa: SIM118  (a grid is not a mapping)
            yield join_path(branch.node.path, key)


def _rank(key: str) -> tuple[bool, str]:
    """Return a sort key that puts last the document that makes a group or an array."""
    name = key.rpartition("/")[2]
    return name not in (".zattrs", ".zmetadata"), name
