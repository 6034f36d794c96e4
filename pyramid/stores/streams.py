"""Uploads of objects that are too large for one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from pyramid.errors import SourceError

if TYPE_CHECKING:
    from pyramid.stores.client import Client

T = TypeVar("T")

# The least size of a part of an upload, and the most parts: S3 takes 10,000, and the size is an estimate.
_PART_BYTES, _MAX_PARTS = 2**24, 9000


class StreamedObjects:
    """The part of a store that uploads objects in parts, through obstore."""

    _client: Client

    def put_stream(self, key: str, pieces: Callable[[], Iterable[bytes]], size_bytes: int) -> None:
        """Store an object in one upload of parts; it is there once all of them are.

        A SourceError of `pieces` is raised as it is, since another attempt would meet it again.
        """
        part_bytes = max(_PART_BYTES, -(-size_bytes // _MAX_PARTS))

        def request(seconds: float) -> SourceError | None:
            try:
                self._client.put_stream(key, pieces(), seconds, part_bytes)
            except SourceError as error:
                return error
            return None

        failure = self._ask("PUT", key, part_bytes, request)
        if failure is not None:
            raise failure

    def _ask(self, method: str, key: str, body_bytes: int, request: Callable[[float], T], more: str = "") -> T:
        """Make a request with a time limit, and repeat it if that may help."""
        raise NotImplementedError
