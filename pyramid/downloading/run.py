"""Download of a tree: objects concurrently, a node's metadata after all its parts.

Requests under way are bounded. Only they and one branch of the tree are held in memory.
"""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import IO

from pyramid.concurrency.pool import Pool
from pyramid.downloading.folder import Folder
from pyramid.downloading.holding import Holding
from pyramid.downloading.tally import DownloadTally
from pyramid.downloading.walk import Branch
from pyramid.errors import OptionError, StorageError
from pyramid.feedback.progress import DisplayCallback
from pyramid.hierarchy.keys import grid_of, object_bytes
from pyramid.hierarchy.nodes import join_path
from pyramid.manifests.digesting import DigestSink
from pyramid.stores import Readable

# Objects that wait for each thread: so many that none is idle while the next key is looked for on disk.
MAX_WAITING = 4
# Nodes of an image that are held to count its objects before the first is fetched: more than levels and labels are.
MAX_HELD = 10_000


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
    holding
        Takes the digests of objects; None if nobody wants them.
    """

    def __init__(  # noqa: PLR0913  (what it needs, each for itself)
        self,
        objects: Readable,
        folder: Folder,
        pool: Pool,
        *,
        most: int,
        tally: DownloadTally,
        lacking: list[str],
        holding: Holding | None = None,
    ) -> None:
        self._holding = holding
        self._lacking = lacking
        self._objects = objects
        self._folder = folder
        self._pool = pool
        self._max_in_flight = pool.workers * MAX_WAITING
        self._most = most
        self._tally = tally
        self._done: queue.SimpleQueue[tuple[_Open, Future[int | None]]] = queue.SimpleQueue()
        self._in_flight = 0
        self._held = 0

    def fill(self, root: Branch) -> None:
        """Download everything, the root's metadata last."""
        if not _is_collection(root):
            root = self._counted(root)
            self._tally.is_total_final = self._held < MAX_HELD
            if isinstance(self._tally.progress, DisplayCallback):
                self._tally.report()  # so that the total is shown from the start
        self._walk(root, None)
        self._tally.is_total_final = True
        while self._in_flight:
            self._take()
        self._tally.report()

    def _counted(self, root: Branch) -> Branch:
        """Count the objects of an image, of its levels and of its labels.

        These nodes are then held in memory.
        """
        self._held = 0
        return self._expanded(root)

    def _expanded(self, branch: Branch) -> Branch:
        self._count(branch)
        children = []
        while self._held < MAX_HELD and (child := next(branch.children, None)) is not None:
            self._held += 1
            children.append(self._expanded(child))
        return replace(branch, children=itertools.chain(children, branch.children), is_counted=True)

    def _walk(self, branch: Branch, parent: _Open | None, share: float = 1.0) -> None:
        """Fetch what a node holds, then its children's.

        `share` is that of the whole download which the node stands for, by the metadata above it.
        """
        if not branch.is_counted:
            branch = self._begun(branch)
        is_collection, counted_before = _is_collection(branch), self._tally.counted_share
        if not is_collection:
            self._tally.counted_share += share
        node = _Open(branch, parent)
        expected_bytes = object_bytes(branch.node)
        for key in _keys(branch):
            if self._folder.has(key):
                if self._holding is not None:
                    self._holding.take_kept(key)
                self._tally.found()
            else:
                self._fetch(node, key, expected_bytes)
        for child in branch.children:
            node.pending += 1
            self._walk(child, node, share * child.share if is_collection else 0.0)
        self._tally.counted_share = counted_before + share  # some of its children may be missing
        self._release(node)

    def _begun(self, branch: Branch) -> Branch:
        """Count the objects of a node.

        Those of an image are counted together, and those of a collection image by image.
        """
        if not _is_collection(branch):
            return self._counted(branch)
        self._count(branch)
        return branch

    def _count(self, branch: Branch) -> None:
        """Count the objects of a node; raise OptionError if they are too many."""
        held = len(branch.files) + (grid_of(branch.node).count if branch.node.array is not None else 0)
        self._tally.total += held
        if self._tally.total > self._most:
            raise OptionError(
                f"max_objects: with {branch.node.place} there are {self._tally.total} objects to ask for, "
                f"and the limit is {self._most}; allow more, or take only the coarser levels with levels=..."
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
            digest = None if self._holding is None else self._holding.sink()
            into = _FileSink(file, self._pool, digest)
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
            if self._holding is not None and digest is not None and size is not None:
                self._holding.take(key, size, digest)
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
                if self._holding is not None:
                    self._holding.take_body(key, documents[key])
            node = node.parent


def _is_collection(branch: Branch) -> bool:
    """Return whether a node is neither an image nor an array.

    Any number of them may be below it.
    """
    return branch.node.array is None and "multiscales" not in branch.node.ome


class _FileSink:
    """A file that an object is written to, until the download is stopped.

    It keeps failures of the disk apart from those of the network.
    """

    def __init__(self, file: IO[bytes], pool: Pool, digest: DigestSink | None) -> None:
        self._file = file
        self._digest = digest
        self._pool = pool
        self.failure: Exception | None = None

    def write(self, piece: bytes) -> None:
        """Write the next piece."""
        try:
            self.check()
            self._file.write(piece)
            if self._digest is not None:
                self._digest.write(piece)
        except (OSError, Stopped) as error:
            self.failure = error
            raise

    def restart(self) -> None:
        """Begin again with an empty file."""
        self._file.seek(0)
        self._file.truncate()
        if self._digest is not None:
            self._digest.restart()

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
