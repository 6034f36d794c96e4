"""Detection of bodies that were damaged in transit without TLS, by their MD5 sums.

S3, and Google in its XML API, tag an object that was put whole with the MD5 sum of its bytes. They do not if it is
encrypted with a customer's key, and not every compatible service does. The answers show whether a service does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Buffer

Piece = TypeVar("Piece", bound="Buffer")
# A tag that may be an MD5 sum, with or without quotes.
_SUM = re.compile(r'"?([0-9a-fA-F]{32})"?')


class WrongSumError(Exception):
    """A body that arrived is not the body that was sent."""

    def __init__(self) -> None:
        super().__init__(
            "the body was damaged on its way: its MD5 sum is not the one that the server gave; "
            "use https://, which prevents this"
        )


def md5(pieces: Iterable[Buffer]) -> str:
    """Return the MD5 sum of a body that comes in pieces, as services write it.

    Examples
    --------
    >>> md5([b"a", b"b"])
    '187ef4436122d1cc2f40dc2b92f0eba0'
    """
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


class Sums:
    """Knowledge about the tags that a service gives; used from many threads.

    Parameters
    ----------
    wanted
        Whether tags are checked. TLS detects all damage by itself, and sums cost time.
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self._are_sums: bool | None = None if wanted else False
        self._odd: set[tuple[str, str]] = set()

    def check_sent(self, body: Buffer, tag: str | None, stored: Callable[[], str]) -> None:
        """Raise WrongSumError if the tag of a stored body is not the sum of the sent one.

        Parameters
        ----------
        body
            The body that was sent.
        tag
            The tag that the service answered.
        stored
            Requests the object and returns its sum. It is called while no tag of this service has been a sum yet.
        """
        expected = self._sum_in(tag)
        if expected is None:
            return
        found = md5([body])
        if found == expected:
            self._are_sums = True
        elif self._are_sums or stored() != found:
            raise WrongSumError
        else:
            self._are_sums = False

    def checked(self, key: str, pieces: Iterable[Piece], tag: str | None) -> Iterator[Piece]:
        """Yield the pieces of an object, and check their sum after the last.

        While no tag of this service has been a sum yet, a body that comes twice alike is taken to be undamaged.

        Raises
        ------
        WrongSumError
            If the sum of the pieces is not the tag.
        """
        expected = self._sum_in(tag)
        if expected is None:
            yield from pieces
            return
        digest = hashlib.md5(usedforsecurity=False)
        for piece in pieces:
            digest.update(piece)
            yield piece
        found = digest.hexdigest()
        if found == expected:
            self._are_sums = True
        elif self._are_sums is None and (key, found) in self._odd:
            self._are_sums = False
        else:
            if self._are_sums is None:
                self._odd.add((key, found))
            raise WrongSumError

    def _sum_in(self, tag: str | None) -> str | None:
        """Return the sum that a tag may be; None if it cannot be one."""
        found = None if self._are_sums is False else _SUM.fullmatch(tag or "")
        return found.group(1).lower() if found else None
