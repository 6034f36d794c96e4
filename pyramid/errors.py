"""Errors for users, each with its exit status.

An error text is one sentence or a few: the rule that was broken, the value that broke it, and the remedy.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

# Exceptions that ask a thread or a process to end: they are not failures, and pass unchanged.
ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
# Characters of a foreign exception's text that are shown: a library may put a whole document into its message.
MAX_CAUSE = 1000
# The longest form of a value in an error: one line of a terminal.
MAX_VALUE_CHARACTERS = 80
# Exit status of an interrupted command: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130
# Exit status of a defect of this program: EX_SOFTWARE of sysexits.h.
UNFORESEEN = 70

# A bounded repr, because a value may be huge and deep.
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlist = _REPR.maxtuple = MAX_VALUE_CHARACTERS


class PyramidError(Exception):
    """Base of every error that a user can cause and fix."""

    exit_status: int = 2
    remedy: ClassVar[str] = "check what was given"


class OptionError(PyramidError, ValueError):
    """An option or combination of options cannot be used (exit status 2)."""

    exit_status = 2
    remedy = "the help of the command describes its options"


class SourceError(PyramidError, OSError):
    """The source cannot be read, or OME-Zarr cannot hold it (exit status 3)."""

    exit_status = 3
    remedy = "check that it is whole and that you may read it, or copy it again"


class SeveralImagesError(SourceError):
    """A file holds several images, and none of them is chosen.

    Attributes
    ----------
    images
        Number and name of each image that makes up a collection.
    """

    def __init__(self, message: str, images: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.images = tuple(images)


class TargetError(PyramidError, OSError):
    """The target cannot be written, or exists already (exit status 4)."""

    exit_status = 4
    remedy = "check its disk and that you may write there, or give another target"


class TakenError(TargetError):
    """Another run has taken the target, so that this one must write nothing more."""


class StoppedError(PyramidError, RuntimeError):
    """A run stopped half-way; the target has no ``multiscales`` (exit status 5)."""

    exit_status = 5
    remedy = "run it again"


class BatchError(PyramidError):
    """Some images of a batch are not done; the others are.

    Its attributes are `report`, the `BatchReport`, and `exit_status`, that of the command.
    """

    remedy = "the report has the reason for each"

    def __init__(self, message: str, report: Any = None, status: int = 5) -> None:  # noqa: ANN401  (a higher floor's)
        super().__init__(message)
        self.report = report
        self.exit_status = status


class StorageError(PyramidError, OSError):
    """A request to a store failed finally (exit status 4).

    A caller that knows the purpose of the request turns it into an error with another status.

    Parameters
    ----------
    message
        The key, the answer of the server, and the number of attempts, without secrets.
    permanent
        True if repeating the request could not have helped.
    status
        The HTTP status, if a server answered with one. 403 may mean that an object does not exist.
    """

    exit_status = 4
    remedy = "check the address, the credentials and the network"

    def __init__(self, message: str, permanent: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.status = status

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, bool, int | None]]:
        return type(self), (str(self), self.permanent, self.status)


class DiskError(StorageError):
    """The system of this machine refused to open, list, write or delete a file."""

    remedy = "check the path, its disk, and that you may read and write there"


class DamageError(StorageError):
    """A body was damaged in transfer, in every attempt."""


class PyramidWarning(UserWarning):
    """A notice: what was left out, assumed or repaired, in one sentence for the user."""


def exit_status(error: BaseException | None) -> int:
    """Return the exit status of a command that `error` ends; 0 if there is none.

    Examples
    --------
    >>> exit_status(None), exit_status(SourceError("lost")), exit_status(KeyboardInterrupt())
    (0, 3, 130)
    """
    if error is None:
        return 0
    if isinstance(error, PyramidError):
        return error.exit_status
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else UNFORESEEN


def with_remedy(error: Exception, remedy: str) -> str:
    """Return the text of an error with a remedy at its end.

    That is `remedy`, unless the text has one of its own.

    Examples
    --------
    >>> with_remedy(ValueError("it is cut off"), "copy it again")
    'it is cut off; copy it again'
    """
    text = str(error)
    return text if "; " in text or ": wait" in text else f"{text}; {remedy}"


def short_repr(value: object) -> str:
    """Return a value as an error shows it, in at most one line.

    However large a value is, only a part of it is read.

    Examples
    --------
    >>> short_repr("cells"), len(short_repr([0] * 10_000))
    ("'cells'", 80)
    """
    text = _REPR.repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[: MAX_VALUE_CHARACTERS - 3]}..."


def list_some(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """List at most `most` texts, and say how many are left out.

    Examples
    --------
    >>> list_some(["A/1", "A/2", "B/1"], 2), list_some(["A/1", "A/2", "B/1"], 1, "; ")
    ('A/1, A/2 and 1 more', 'A/1; and 2 more')
    """
    left = len(texts) - most
    more = f"{separator.strip(', ')} and {left} more" if left > 0 else ""
    return separator.join(texts[:most]) + more


@contextmanager
def explaining(kind: type[PyramidError], what: str) -> Iterator[None]:
    """Turn any exception from outside the package into an error for users.

    Parameters
    ----------
    kind
        The class of the error.
    what
        The beginning of the error's text: what cannot be done, and where.

    Raises
    ------
    PyramidError
        Also for exceptions that do not derive from `Exception`, as the panics of libraries written in Rust.

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


@contextmanager
def ending_with_remedy() -> Iterator[None]:
    """Add what to do to an error that does not say it.

    Examples
    --------
    >>> with ending_with_remedy():
    ...     raise StoppedError("the cluster gave no result")
    Traceback (most recent call last):
        ...
    pyramid.errors.StoppedError: the cluster gave no result; run it again
    """
    try:
        yield
    except PyramidError as error:
        text = str(error)
        if "; " not in text and not text.endswith("?") and len(error.args) == 1:
            error.args = (f"{text}; {error.remedy}",)
        raise


def explain(error: BaseException, kind: type[PyramidError], what: str) -> PyramidError:
    """Return the error for users that names `error` as its cause.

    Returns
    -------
    PyramidError
        Of class `kind`, or StoppedError if memory ran out.
    """
    if isinstance(error, MemoryError):
        return StoppedError(f"{what}: out of memory; give a smaller memory=...")
    if isinstance(error, RecursionError):
        return kind(f"{what}: the data is nested too deeply ({type(error).__name__})")
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    return kind(f"{what}: {cause[:MAX_CAUSE].rstrip(': ')}")
