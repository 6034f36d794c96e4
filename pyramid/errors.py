"""What can go wrong for a user, and the exit status that says so.

Every error here is one sentence or a few: the rule that was broken, the value that broke it, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

# Exceptions by which a thread or a process is asked to end: they are not failures.
ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
# Characters of a foreign exception's text that are shown, and of a traceback that travels between processes.
MAX_CAUSE, MAX_TRACEBACK = 1000, 20_000


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


class RemoteCause(Exception):
    """The traceback of an exception of another process, as text."""


@contextmanager
def explaining(kind: type[PyramidError], what: str) -> Iterator[None]:
    """Turn any exception that is not the package's own into a sentence.

    Parameters
    ----------
    kind
        The class of the error.
    what
        The beginning of the sentence: what cannot be done, and where.

    Raises
    ------
    PyramidError
        Also for what is not an `Exception`, as the panics of libraries written in Rust.

    Examples
    --------
    >>> with explaining(SourceError, "cells.tif cannot be read"):
    ...     {}["strip"]
    Traceback (most recent call last):
        ...
    pyramid.errors.SourceError: cells.tif cannot be read: KeyError: 'strip'
    """
    try:
        yield
    except (PyramidError, *ENDINGS):
        raise
    except BaseException as error:
        raise explain(error, kind, what) from error


def explain(error: BaseException, kind: type[PyramidError], what: str) -> PyramidError:
    """Return the error that says in a sentence that `error` was the cause."""
    if isinstance(error, MemoryError):
        return StoppedError(f"{what}: there is no memory left; give a smaller --memory")
    if isinstance(error, RecursionError):
        return kind(f"{what}: it is nested too deeply ({type(error).__name__})")
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    return kind(f"{what}: {cause[:MAX_CAUSE].rstrip(': ')}")


@dataclass(frozen=True)
class Failure:
    """An error that pickles whatever its class, its arguments and its cause are.

    In another process it is of the class of this module that it is derived from, in the same words and with the same
    notes; its cause is the text of the traceback.

    Parameters
    ----------
    error
        The error.
    """

    error: PyramidError

    def __reduce__(self) -> tuple[Callable[..., Failure], tuple[str, str, tuple[str, ...], str]]:
        kind = next(one for one in type(self.error).__mro__ if one.__module__ == __name__)
        notes = tuple(map(str, getattr(self.error, "__notes__", ())))
        return _restore, (kind.__name__, str(self.error), notes, _traceback_text(self.error))


def _traceback_text(error: BaseException) -> str:
    """Return the traceback of an error and its causes; nothing where one of them cannot be shown."""
    if isinstance(error.__cause__, RemoteCause):
        return str(error.__cause__)
    import traceback  # noqa: PLC0415  (only where a run fails)

    try:
        return "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]
    except Exception:  # of the class of a cause, which is not ours
        return ""


def _restore(kind: str, message: str, notes: tuple[str, ...], cause: str) -> Failure:
    error: PyramidError = globals()[kind](message)
    for note in notes:
        error.add_note(note)
    error.__cause__ = RemoteCause(cause)
    return Failure(error)
