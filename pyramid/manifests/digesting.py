"""Digests of objects, in the order of their keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

from pyramid.concurrency.pool import Pool
from pyramid.manifests.entry import DIGESTS, Digest, Entry
from pyramid.stores import Objects, Readable

# Objects that wait for each thread: so many that none is idle while the first in the row is still read.
MAX_WAITING = 8


class DigestSink:
    """Takes an object piece by piece, and has its digest at the end.

    Parameters
    ----------
    algorithm
        A name of `DIGESTS`.
    """

    def __init__(self, algorithm: str) -> None:
        self._make: Callable[[], Digest] = DIGESTS[algorithm]
        self._digest = self._make()

    def write(self, piece: bytes, /) -> None:
        """Take the next piece."""
        self._digest.update(piece)

    def restart(self) -> None:
        """Forget all pieces."""
        self._digest = self._make()

    def hexdigest(self) -> str:
        """Return the digest of all pieces."""
        return self._digest.hexdigest()


def digest_object(objects: Objects | Readable, key: str, algorithm: str) -> Entry | None:
    """Return the entry of one object; None if it is missing.

    Its bytes are not held in memory.
    """
    sink = DigestSink(algorithm)
    size = objects.fetch(key, sink)
    return None if size is None else Entry(key, size, sink.hexdigest())


def digest_objects(
    objects: Objects | Readable, keys: Iterable[str], algorithm: str, pool: Pool
) -> Iterator[Entry | None]:
    """Yield the entries of objects in the order of `keys`, None where one is missing."""
    waiting: deque[Future[Entry | None]] = deque()
    for key in keys:
        waiting.append(pool.submit(digest_object, objects, key, algorithm))
        if len(waiting) == pool.workers * MAX_WAITING:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
