"""What can go wrong for a user, and the exit status that says so.

Every error here is one sentence or a few: the rule that was broken, the value that broke it, and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class PyramidError(Exception):
    """Base of every error that a user can cause and mend."""

    exit_status: ClassVar[int] = 2


class OptionError(PyramidError, ValueError):
    """An option, or a combination of options, that cannot be honoured (exit status 2)."""

    exit_status = 2


class SourceError(PyramidError, OSError):
    """The source cannot be read, or holds what OME-Zarr cannot (exit status 3)."""

    exit_status = 3


class TargetError(PyramidError, OSError):
    """The target cannot be written, or exists already (exit status 4)."""

    exit_status = 4


class StoppedError(PyramidError, RuntimeError):
    """A run stopped half-way; the target has no ``multiscales`` (exit status 5)."""

    exit_status = 5


class StorageError(PyramidError, OSError):
    """A store did not do what it was asked, for good (exit status 4 until a caller says what it was asked for).

    Parameters
    ----------
    message
        The key, what the server said, and the number of attempts; nothing secret.
    permanent
        Whether no repetition could have helped.
    status
        The status of HTTP, where a server answered one: 403 may stand for an object that is not there.
    """

    exit_status = 4

    def __init__(self, message: str, permanent: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.status = status

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, bool, int | None]]:
        return type(self), (str(self), self.permanent, self.status)


class DamageError(StorageError):
    """A body was damaged on its way however often it was sent."""
