"""h5py, and HDF5 files that it has open.

A local file is open only during a `session`: HDF5 locks what is open, and a program that writes to the file again is
not to be kept from it. A file at a URL stays open, with what was fetched of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from pyramid.errors import SourceError
from pyramid.readers.files.file import CUT_OFF, LocalFile, SourceFile
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.optional import load_optional

# Files at URLs that a process holds open.
MAX_OPEN = 4

# By process, since a child process must not use what its parent has open.
_remote: LastUsed[tuple[int, SourceFile], Any] = LastUsed(MAX_OPEN)
_session: ContextVar[dict[SourceFile, Any] | None] = ContextVar("session", default=None)


def load_h5py(file: object) -> Any:  # noqa: ANN401  (a module)
    """Return h5py; raise SourceError with the command that installs it."""
    return load_optional("h5py", "hdf5", f"{file} is HDF5")


@contextmanager
def session() -> Iterator[None]:
    """Keep the files open that this thread opens meanwhile.

    A session within another is a part of it.
    """
    if _session.get() is not None:
        yield
        return
    files: dict[SourceFile, Any] = {}
    token = _session.set(files)
    try:
        yield
    finally:
        _session.reset(token)
        for file in files.values():
            with suppress(Exception):  # nothing was written that closing could lose
                file.close()


def opened(file: SourceFile) -> Any:  # noqa: ANN401  (h5py is not typed)
    """Return the open `h5py.File` of a file, within a `session`.

    Raises
    ------
    SourceError
        If it is not HDF5, is damaged, or is being written.
    """
    files = _session.get()
    if not isinstance(file, LocalFile):
        return _remote.find((os.getpid(), file), lambda: _open(file))
    if files is None:
        raise RuntimeError("an HDF5 file is opened outside of a session")
    if file not in files:
        files[file] = _open(file)
    return files[file]


def _open(file: SourceFile) -> Any:  # noqa: ANN401
    h5py = load_h5py(file)
    try:
        if isinstance(file, LocalFile):
            found = h5py.File(file.path, "r", locking="best-effort")
            if found.mode != "r":  # this process writes to it, and HDF5 gives the same file again
                found.close()
                raise SourceError(f"{file} is open for writing in this program; close it first")
            return found
        return h5py.File(file.open(), "r")
    except SourceError:
        raise
    except Exception as error:  # h5py raises errors of many kinds over a damaged file
        raise _explain(file, error) from error


def _explain(file: SourceFile, error: Exception) -> SourceError:
    text = " ".join(str(error).split())
    if "lock file" in text or "already open for write" in text:
        return SourceError(
            f"{file} is open for writing in another program, or was not closed; wait for its end, or repair it with "
            "h5clear -s"
        )
    if "truncated file" in text:
        return SourceError(f"{file} is shorter than its own header says; {CUT_OFF}")
    return SourceError(f"{file} cannot be opened as HDF5: {text[:300] or type(error).__name__}; {CUT_OFF}")
