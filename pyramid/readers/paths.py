"""Paths on this machine, from a user's path or URL."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

from pyramid.stores import locate

# The start of a URL. A drive's letter is followed by one slash, so that a path on Windows is not a URL.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

WILD = "*?["  # letters of a glob that are for others


def is_url(source: object) -> bool:
    """Return whether `source` is text that starts with a scheme.

    Examples
    --------
    >>> is_url("s3://bucket/key"), is_url("C:/cells.tif")
    (True, False)
    """
    return isinstance(source, str) and _SCHEME.match(source) is not None


def local_path(source: object) -> Path | None:
    """Return the absolute path that `source` names on this machine.

    Returns
    -------
    Path | None
        None for a remote URL, and for an object that is not a path.

    Examples
    --------
    >>> local_path("file:///data/cells.tif").as_posix()
    '/data/cells.tif'
    """
    if isinstance(source, str) and source[:7].lower() == "file://":
        return Path(locate(source).path)
    if is_url(source) or not isinstance(source, str | os.PathLike):
        return None
    return Path(os.path.abspath(os.path.expanduser(os.fsdecode(source))))


def has_glob(path: str) -> bool:
    """Return whether a path has letters that stand for others.

    Examples
    --------
    >>> has_glob("cells/*.tif"), has_glob("cells/a.tif")
    (True, False)
    """
    return any(letter in path for letter in WILD)


def is_listed(source: object) -> bool:
    """Return whether a source is a glob, and not a file of that name."""
    path = local_path(source)
    if path is not None:
        return has_glob(str(path)) and not path.exists()
    return is_url(source) and "*" in str(source).partition("?")[0]


def stem(path: PurePath) -> str:
    """Return the name of an image file without its suffixes.

    A number after a dot belongs to the name, as in that of a folder.

    Examples
    --------
    >>> stem(Path("cells.v2.ome.tif")), stem(Path("scan_0.5"))
    ('cells.v2', 'scan_0.5')
    """
    if path.suffix[1:].isdecimal():
        return path.name
    return path.stem.removesuffix(".ome") or path.name
