"""The digest of an object, taken from its encoded bytes before they are written.

They are digested chunk by chunk in the thread that encoded them, while the processor's cache still holds them.
"""

from __future__ import annotations

from pyramid.manifests.entry import DIGESTS, Entry
from pyramid.writing.write_queue import ObjectInProgress

# The digest of the manifest of a run.
ALGORITHM = "sha256"


class DigestedObject:
    """An object whose bytes are digested on their way to `destination`.

    Parameters
    ----------
    key
        Key of the object.
    destination
        Takes the bytes.
    """

    def __init__(self, key: str, destination: ObjectInProgress) -> None:
        self._key = key
        self._destination = destination
        self._digest = DIGESTS[ALGORITHM]()
        self._memory = memoryview(b"")
        self._size = 0

    @property
    def entry(self) -> Entry | None:
        """The entry of the object; None while it has no bytes, as one that is left out."""
        return Entry(self._key, self._size, self._digest.hexdigest()) if self._size else None

    def reserve(self, size: int) -> memoryview:
        """Return memory for the next `size` bytes."""
        self._memory = self._destination.reserve(size)
        return self._memory

    def advance(self, size: int) -> None:
        """Digest the first `size` bytes, and add them to the object."""
        self._digest.update(self._memory[:size])
        self._size += size
        self._destination.advance(size)

    def suspend(self) -> None:
        """Release the queue to other objects."""
        self._destination.suspend()

    def flush(self) -> None:
        """Send the object."""
        self._destination.flush()

    def discard(self) -> None:
        """Remove everything that was written of the object."""
        self._destination.discard()
