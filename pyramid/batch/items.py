"""The images of a batch: what each is read from, and where it is written.

The rule of names: the source's own name without its endings, and ``.ome.zarr``. Names are made before anything runs,
and two that are the same are refused.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pyramid.errors import OptionError, PyramidError, list_some, short_repr
from pyramid.options.convert import Options
from pyramid.options.format import N5, N5_ENDING
from pyramid.readers.paths import is_url, stem
from pyramid.stores import locate

ENDING = ".ome.zarr"
# The separator of a file and a path inside it; with the slash, since an address of IPv6 may hold two colons.
INSIDE = "::/"
# How many names an error lists.
MAX_LISTED = 3
_ZARR = ".zarr"


@dataclass(frozen=True, slots=True)
class Request:
    """An image that was asked for, before its name is known to be its own.

    Parameters
    ----------
    source
        A path or URL.
    name
        Its path below the folder of the batch, with ``/`` between parts.
    origin
        The place of a list that asks for it, as ``list.csv:3``; empty for the command.
    own
        The options of its own, as they were given.
    is_found
        Whether a walk through a folder found it, rather than the user named it.
    site
        The texts of a list that place it on a plate, by column; empty if it is on none.
    """

    source: str
    name: str
    origin: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)
    is_found: bool = False
    site: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.source} ({self.origin})" if self.origin else self.source


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One image of a batch.

    Parameters
    ----------
    source
        A path or URL.
    target
        The path or URL of its pyramid.
    name
        The target below the folder of the batch.
    options
        The options of this image.
    own
        Those of them that a list gave for it, as they were given.
    archived
        The path or URL of its pyramid in the archive that is made of all; empty where none is.
    """

    source: str
    target: str
    name: str
    options: Options
    own: Mapping[str, Any]
    archived: str = ""

    @property
    def final_target(self) -> str:
        """The path or URL of its pyramid when all is done."""
        return self.archived or self.target


def derive_name(source: str, below: str = "") -> str:
    """Return the name of an image by its source.

    Parameters
    ----------
    source
        A path or URL, with a path inside the file after ``::`` if there is one.
    below
        The folder of the source within the folder that is walked.

    Raises
    ------
    OptionError
        If the source has no name of its own, as the root of a disk.

    Examples
    --------
    >>> derive_name("/data/cells.ome.tif"), derive_name("s3://bucket/a/cells.zarr"), derive_name("b.tiff", "day1")
    ('cells.ome.zarr', 'cells.ome.zarr', 'day1/b.ome.zarr')
    >>> derive_name("cells.h5::/setup0/s0")
    'cells_setup0_s0.ome.zarr'
    """
    path, _, inside = source.partition(INSIDE)
    location = locate(path)
    own = PurePosixPath(location.path).name if is_url(path) else os.path.basename(os.path.abspath(location.path))
    if not own:
        raise OptionError(f"{source} has no name that its pyramid could have; give the path of an image")
    parts = [stem(PurePosixPath(own)).removesuffix(".companion"), *inside.split("/")]
    name = "_".join(part for part in parts if part) + ENDING
    return f"{below}/{name}" if below else name


def check_name(name: str) -> str:
    """Return the name that a user gives an image, with the ending of an OME-Zarr.

    Raises
    ------
    OptionError
        If it would leave the folder, or is not a name.

    Examples
    --------
    >>> check_name("day1/cells"), check_name("cells.zarr")
    ('day1/cells.ome.zarr', 'cells.zarr')
    >>> check_name("../cells")
    Traceback (most recent call last):
        ...
    pyramid.errors.OptionError: '../cells' leaves the folder; give a name below it, without '..'
    """
    parts = name.split("/")
    if name.startswith(("/", "~")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise OptionError(f"{short_repr(name)} is not below the folder; give a name, as cells{ENDING}")
    if ".." in parts:
        raise OptionError(f"{short_repr(name)} leaves the folder; give a name below it, without '..'")
    if "\\" in name or not name.isprintable() or any(part in ("", ".") for part in parts):
        raise OptionError(f"{short_repr(name)} is not a name; give one, with / between folders, as day1/cells{ENDING}")
    return name if name.endswith((_ZARR, N5_ENDING)) else name + ENDING


def make_items(requests: Sequence[Request], folder: str, options: Sequence[Options]) -> tuple[BatchItem, ...]:
    """Return the images of a batch with their targets.

    Parameters
    ----------
    requests, options
        The images, and the options of each.
    folder
        A path or URL.

    Raises
    ------
    OptionError
        If two of them have the same target, or one is within another. It names both.
    """
    _check_apart(requests)
    base = folder.rstrip("/") or "/"
    return tuple(
        BatchItem(request.source, f"{base.rstrip('/')}/{name}", name, chosen, request.own)
        for request, chosen in zip(requests, options, strict=True)
        for name in (_name_in(chosen.format, request.name),)
    )


def _name_in(format: str, name: str) -> str:
    """Return a name with the ending of a format."""
    return f"{name.removesuffix(ENDING)}{N5_ENDING}" if format == N5 and name.endswith(ENDING) else name


def _check_apart(requests: Sequence[Request]) -> None:
    """Check that no two targets are the same, and none is within another."""
    by_name: dict[str, Request] = {}
    clashes = []
    for request in requests:
        name = unicodedata.normalize("NFC", request.name)
        other = by_name.setdefault(name, request)
        if other is not request:
            same = _is_same_place(other.source, request.source)
            clashes.append(
                f"{request} is given twice" if same else f"{other} and {request} would both be {request.name}"
            )
    for name, request in by_name.items():
        around = next((outer for outer in _folders(name) if outer in by_name), None)
        if around is not None:
            clashes.append(f"{by_name[around]} would be {around}, and {request} within it")
    if clashes:
        remedy = (
            "leave one out, or give each a name of its own in the column 'target' of a list, as docs/batch.md has it"
        )
        raise OptionError(f"{list_some(clashes, MAX_LISTED, '; ')}; {remedy}")


def _folders(name: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(name).parents][:-1]


def _is_same_place(one: str, other: str) -> bool:
    try:
        return one == other or locate(one) == locate(other)
    except PyramidError:
        return False
