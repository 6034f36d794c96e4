"""Paths within HDF5 files, followed link by link.

HDF5 itself opens whatever file an external link names, anywhere on the machine. Here a link is followed only to a file
in the folder of the file that holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyramid.errors import SourceError, short_repr
from pyramid.options.nearest import nearest
from pyramid.readers.files.file import DAMAGED, LocalFile, SourceFile, local_file
from pyramid.readers.hdf5.library import load_h5py, opened
from pyramid.readers.inside import join_inside

MAX_HOPS = 32  # links that are followed for one path: more of them lead in a circle
MAX_LISTED = 8  # names in an error
MAX_NAMES = 10_000  # members of a group that are looked at


@dataclass(frozen=True, slots=True)
class Place:
    """An object of an HDF5 file.

    Parameters
    ----------
    file, path
        The file, and the path in it from its root.
    """

    file: SourceFile
    path: str

    def __str__(self) -> str:
        """Return the text that a user gives for it."""
        return join_inside(self.file, self.path)

    def read(self) -> Any:  # noqa: ANN401  (h5py is not typed)
        """Return the open group or dataset."""
        return opened(self.file)[self.path]


def find_place(file: SourceFile, path: str) -> Place:
    """Return the object at a path, with all links on the way followed.

    Raises
    ------
    SourceError
        If nothing is there, with the nearest name; and for a link that leads out of the file's folder, or nowhere.
    """
    return _walk(file, "/", [part for part in path.split("/") if part not in ("", ".")], path)


def _walk(file: SourceFile, here: str, parts: list[str], asked: str) -> Place:
    h5py = load_h5py(file)
    hops = 0
    while parts:
        name = parts.pop(0)
        group = opened(file)[here]
        if not isinstance(group, h5py.Group):
            raise SourceError(f"{join_inside(file, here)} is an array and holds no {short_repr(name)}; leave it out")
        link = _link(group, name)
        if link is None:
            raise _missing(file, group, here, name, asked)
        if isinstance(link, h5py.HardLink):
            here = f"{here.rstrip('/')}/{name}"
            continue
        hops += 1
        if hops > MAX_HOPS:
            raise SourceError(f"{join_inside(file, asked)}: its links lead in a circle; {DAMAGED}")
        if isinstance(link, h5py.ExternalLink):
            file, here = neighbour(file, os.fsdecode(link.filename), f"the link {short_repr(name)}"), "/"
        elif link.path.startswith("/"):
            here = "/"
        parts = [part for part in link.path.split("/") if part not in ("", ".")] + parts
    return Place(file, here)


def _link(group: Any, name: str) -> Any:  # noqa: ANN401  (h5py is not typed)
    try:
        return group.get(name, getlink=True)
    except Exception as error:
        raise SourceError(f"{join_inside(group.file.filename, group.name)} cannot be read; {DAMAGED}") from error


def _missing(file: SourceFile, group: Any, here: str, name: str, asked: str) -> SourceError:  # noqa: ANN401
    names = list(member_names(group))
    near = nearest(name, names)
    base = here.rstrip("/")
    hint = (
        f"did you mean {join_inside(file, f'{base}/{near}')}?"
        if near
        else f"{here} holds {', '.join(map(short_repr, names[:MAX_LISTED])) or 'nothing'}"
    )
    return SourceError(f"{file} has nothing at {short_repr(asked)}; {hint}")


def member_names(group: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield names of a group's members, up to `MAX_NAMES`."""
    for number, name in enumerate(group):
        if number == MAX_NAMES:
            return
        yield name


def neighbour(file: SourceFile, name: str, what: str) -> SourceFile:
    """Return the file that an HDF5 file names.

    It must be in the same folder or below it.

    An absolute path from another machine counts by its last part.

    Raises
    ------
    SourceError
        For a file elsewhere, for one that is missing, and for any at a URL.
    """
    if not isinstance(file, LocalFile):
        raise SourceError(
            f"{file}: {what} leads to another file, {short_repr(name)}, which is not read from a URL; copy both to one "
            "folder of this machine"
        )
    folder = Path(file.path).parent
    is_absolute = name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name) is not None
    moved = is_absolute and not os.path.lexists(name)
    candidate = folder / (re.split(r"[\\/]", name)[-1] if moved else name)
    if _is_within(candidate, folder) and candidate.is_file():
        return local_file(candidate)
    reason = "is missing" if _is_within(candidate, folder) else f"is not in the folder {folder}, and not read"
    raise SourceError(f"{file}: {what} leads to the file {short_repr(name)}, which {reason}; copy it there")


def _is_within(path: Path, folder: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)
