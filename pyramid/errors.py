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
