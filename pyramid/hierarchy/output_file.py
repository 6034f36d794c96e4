"""A file that a run writes besides its target, whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pyramid.errors import PyramidError, TargetError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.stores import locate

# Bytes of the beginning of a file from which it is known.
BEGIN_BYTES = 256


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that is to be written.

    Parameters
    ----------
    option
        Name of the option that names it, for errors.
    path
        Its path.
    what
        What it is, for errors, as ``JSON``.
    may_be_replaced
        Whether a file that begins with these bytes may be replaced.
    in_target
        Why it must not be in the target, for errors.
    """

    option: str
    path: str
    what: str
    may_be_replaced: Callable[[bytes], bool]
    in_target: str = "is in the target"

    def check(self, source: object, target: object) -> None:
        """Check that it can be written, before anything else is done.

        Raises
        ------
        TargetError
            If it is a URL or a folder, its folder does not exist or cannot be written to, or what is there would be
            lost: the source, the target, or another kind of file.
        """
        file = Path(self.path).expanduser().absolute()
        if "://" in self.path:
            shown = self.path.partition("?")[0]
            raise TargetError(f"{self.option}: {shown} cannot be written, since it is a URL; give a path")
        if _is_within(file, target, own=True):
            raise TargetError(f"{self.option}: {self.path} {self.in_target}; give another file")
        if _is_within(file, source):
            raise TargetError(f"{self.option}: {self.path} is in the source, or is the source; give another file")
        if file.is_dir() or not os.access(file.parent, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
            raise TargetError(
                f"{self.option}: {self.path} cannot be written; give a file in a folder that exists and that you may "
                "write to"
            )
        if file.is_file() and not self._is_replaceable(file):
            raise TargetError(
                f"{self.option}: {self.path} exists and is not {self.what}, so it is not replaced; give another file"
            )

    @contextmanager
    def replacing(self) -> Iterator[IO[bytes]]:
        """Provide a new file, and replace an older one when the context ends well.

        Raises
        ------
        TargetError
            If it cannot be written.
        """
        try:
            file = Path(self.path).expanduser().resolve()
            if file.exists() and not file.is_file():  # a pipe or a terminal
                with file.open("wb") as opened:
                    yield opened
                return
            partial = file.with_name(f".{file.name[:200]}-{uuid.uuid4().hex}")
            try:
                with partial.open("wb") as opened:
                    yield opened
                os.replace(partial, file)
            finally:
                partial.unlink(missing_ok=True)
        except PyramidError:
            raise
        except OSError as error:
            raise TargetError(
                f"{self.option}: {self.path} cannot be written: {error.strerror}; make room there, or give another file"
            ) from error

    def _is_replaceable(self, file: Path) -> bool:
        try:
            with file.open("rb") as reader:
                return self.may_be_replaced(reader.read(BEGIN_BYTES))
        except OSError:
            return False


def _is_within(file: Path, place: object, *, own: bool = False) -> bool:
    """Return whether a file is a local path, or within a Zarr there.

    If the path is the run's own, a file within any folder there counts.
    """
    if not isinstance(place, str | os.PathLike):
        return False
    try:
        location = locate(os.fspath(place))
    except PyramidError:  # the place is not valid, and its own check says so
        return False
    if not location.is_local:
        return False
    inner, outer = file.resolve(), Path(location.path).resolve()
    return inner == outer or (outer in inner.parents and (own or _is_zarr(outer)))


def _is_zarr(folder: Path) -> bool:
    """Return whether a folder is a Zarr rather than a folder of files."""
    return any((folder / name).exists() for name in ROOT_KEYS)
