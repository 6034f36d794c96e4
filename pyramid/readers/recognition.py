"""The test by which a reader recognizes a file, for walks through folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

# Takes a file's name in small letters and its first bytes; decides without opening the file again.
FileTest: TypeAlias = Callable[[str, bytes], bool]
# First bytes of a file that a test gets: the signs of all kinds are shorter.
START_BYTES = 64
_Opener = TypeVar("_Opener", bound=Callable[..., Any])


def recognized_by(test: FileTest) -> Callable[[_Opener], _Opener]:
    """Give an opener the attribute ``recognizes``.

    A walk through a folder asks it instead of opening each file.

    Examples
    --------
    >>> @recognized_by(lambda name, start: name.endswith(".cells"))
    ... def open_cells(source, options): ...
    >>> file_test(open_cells)("a.cells", b"")
    True
    """

    def decorate(opener: _Opener) -> _Opener:
        opener.__dict__["recognizes"] = test
        return opener

    return decorate


def file_test(opener: object) -> FileTest | None:
    """Return the test of an opener; None if only opening a file shows its kind."""
    test: FileTest | None = getattr(opener, "recognizes", None)
    return test


def recognizes_nothing(_name: str, _start: bytes) -> bool:
    """Return False: the reader takes folders or objects, and no file by its start."""
    return False
