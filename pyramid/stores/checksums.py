"""Bodies that are damaged on a way without TLS: found by the MD5 sums that services give as tags of objects.

S3, and Google in its XML API, tag an object that was put whole with the MD5 sum of its bytes; not so one that they
encrypt by a customer's key, nor every service that speaks as they do. Which it is shows in the answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Buffer

Piece = TypeVar("Piece", bound="Buffer")
_SUM = re.compile(r'"?([0-9a-fA-F]{32})"?')


class WrongSumError(Exception):
    """What came is not what was sent."""

    def __init__(self) -> None:
        super().__init__(
            "the body was damaged on its way: its MD5 sum is not the one answered; over https:// that cannot be"
        )


def md5(pieces: Iterable[Buffer]) -> str:
    """The MD5 sum of a body that comes in pieces, as services write it.

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
    """What is known of the tags that a service gives; used from many threads.

    Parameters
    ----------
    wanted
        Whether tags are looked at: under TLS nothing is damaged unnoticed, and to sum costs time.
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self._are_sums: bool | None = None if wanted else False
        self._odd: set[tuple[str, str]] = set()

    def check_sent(self, body: Buffer, tag: str | None, stored: Callable[[], str]) -> None:
        """Raise WrongSumError where the tag of what has arrived is not the sum of what was sent.

        Parameters
        ----------
        body
            What was sent.
        tag
            What the service answered.
        stored
            Asks for the object and gives its sum: made use of where no tag of this service was a sum yet.
        """
        told = self._told(tag)
        if told is None:
            return
        found = md5([body])
        if found == told:
            self._are_sums = True
        elif self._are_sums or stored() != found:
            raise WrongSumError
        else:
            self._are_sums = False

    def checked(self, key: str, pieces: Iterable[Piece], tag: str | None) -> Iterator[Piece]:
        """The pieces of an object; after the last WrongSumError where their sum is not the tag.

        Where no tag of this service was a sum yet, what comes twice alike is taken for what is there.
        """
        told = self._told(tag)
        if told is None:
            yield from pieces
            return
        digest = hashlib.md5(usedforsecurity=False)
        for piece in pieces:
            digest.update(piece)
            yield piece
        found = digest.hexdigest()
        if found == told:
            self._are_sums = True
        elif self._are_sums is None and (key, found) in self._odd:
            self._are_sums = False
        else:
            if self._are_sums is None:
                self._odd.add((key, found))
            raise WrongSumError

    def _told(self, tag: str | None) -> str | None:
        """The sum that a tag may be."""
        found = None if self._are_sums is False else _SUM.fullmatch(tag or "")
        return found.group(1).lower() if found else None
