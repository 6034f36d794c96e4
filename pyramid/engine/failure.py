"""The error of a block on its way from another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyramid import errors
from pyramid.errors import PyramidError

# Characters of a traceback that is sent between processes, for a library may put a whole document into its message.
MAX_TRACEBACK = 20_000


class RemoteCause(Exception):
    """The traceback of an exception in another process, as text."""


@dataclass(frozen=True)
class Failure:
    """A wrapper with which any error pickles, whatever its arguments and its cause.

    In another process the error has its class of `pyramid.errors`, the same text and the same notes.
    Its cause is the text of the traceback.

    Parameters
    ----------
    error
        The error.
    """

    error: PyramidError

    def __reduce__(self) -> tuple[Callable[..., Failure], tuple[str, str, tuple[str, ...], str]]:
        kind = next(base for base in type(self.error).__mro__ if base.__module__ == errors.__name__)
        notes = tuple(map(str, getattr(self.error, "__notes__", ())))
        return _restore, (kind.__name__, str(self.error), notes, _traceback_text(self.error))


def _traceback_text(error: BaseException) -> str:
    """Return the traceback of an error and its causes.

    It is empty if one of them cannot be shown.
    """
    if isinstance(error.__cause__, RemoteCause):
        return str(error.__cause__)
    import traceback  # noqa: PLC0415  (only if a run fails)

    try:
        return "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]
    except Exception:  # a foreign class of exception may fail to show itself
        return ""


def _restore(kind: str, message: str, notes: tuple[str, ...], cause: str) -> Failure:
    error: PyramidError = getattr(errors, kind)(message)
    for note in notes:
        error.add_note(note)
    error.__cause__ = RemoteCause(cause)
    return Failure(error)
