"""Openers that turn what a user names into a `Source`, one for each kind of thing.

An opener is a callable of the entry point group ``pyramid.readers``. It takes what the user gave, and the options. It
returns None if the thing is not of its kind, which it decides cheaply, by type, suffix or first bytes. If the thing is
of its kind, it returns a `Source`, or raises SourceError if the thing cannot be read. Plug-ins are found in the same
way.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from pyramid.errors import OptionError, PyramidError, SeveralImagesError, SourceError
from pyramid.options.series import ALL
from pyramid.readers.diagnosis import (
    KINDS,
    explain_file,
    explain_folder,
    explain_inside,
    explain_missing,
    explain_refusal,
    has_file_before,
)
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import is_listed, is_url, local_path
from pyramid.readers.recognition import START_BYTES, file_test
from pyramid.stores import locate
from pyramid.tables import format_list, format_shape

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from pyramid.model import Source, SourceSpec
    from pyramid.options.convert import Options

logger = logging.getLogger(__name__)

GROUP = "pyramid.readers"  # of the entry points of readers, ours and those of plug-ins
MANY_FILES = "files"  # the reader of many files as one image


class Opener(Protocol):
    """A reader: the object that an entry point of the group ``pyramid.readers`` names.

    Its attribute ``priority``, a number, may put it before others. A reader without one has priority 0. Its attribute
    ``recognizes`` may be a function of a file's name (in small letters) and first bytes: see `recognized_by`.
    """

    def __call__(self, source: object, options: Options) -> Source | None:
        """Open `source`, or return None if it is of another kind."""
        ...


def open_source(source: object, options: Options) -> Source:
    """Open an image with the first reader that recognizes it.

    Parameters
    ----------
    source
        A path, a URL, or an array.
    options
        `axes`, `series`, `pattern` and `fill_missing` say how the source is read, `select` what of it. Readers of
        remote stores use `source_storage_options`.

    Raises
    ------
    SourceError
        If no reader recognizes the thing, or the one that does cannot read it.
    OptionError
        If an option is not for this kind of thing.

    Examples
    --------
    >>> import numpy as np
    >>> from pyramid.options.convert import Options
    >>> open_source(np.zeros((3, 64, 64), "u2"), Options()).spec.axes
    'zyx'
    """
    file, inside = split_inside(source)
    path = local_path(file)
    try:
        if _is_missing(source, path):
            if not has_file_before(str(path)):
                locate(str(source))  # raises a better error for a URL that lost a slash, and for empty text
            raise explain_missing(path or Path())
        for name, opener in _openers():
            opened = opener(source, options)
            if opened is not None:
                if name != MANY_FILES:
                    _refuse_for_one(source, options)
                _log(opened.spec, name, source)
                if options.expand_palette and not hasattr(opened, "palette"):
                    raise OptionError("expand_palette: only a TIFF has a palette; leave it out")
                return _edited(opened, options)
        raise explain_inside(file, inside) if inside is not None else _unknown(source, path)
    except PyramidError:
        raise
    except OSError as error:  # a file without permission to read, or a link that leads to itself
        raise explain_refusal(source, error) from error


def list_images(source: object, options: Options) -> Sequence[tuple[int, str]]:
    """Return number and name of each image that a file holds.

    A reader of a file with several images raises SeveralImagesError for ``series="all"``, which holds them.

    Raises
    ------
    SourceError
        If the file is missing, or cannot be read.
    """
    try:
        found = open_source(source, replace(options, series=ALL))
    except SeveralImagesError as error:
        return error.images
    return [(0, found.spec.name)]


def _edited(source: Source, options: Options) -> Source:
    """Return the pixels that options ask for of a source that any reader opened."""
    if options.select is not None:
        from pyramid.readers.selecting import select_source  # noqa: PLC0415  (NumPy: not at the import of the package)

        source = select_source(source, options.select)
    if options.dtype is not None or options.rescale is not None:
        from pyramid.readers.converting import convert_source  # noqa: PLC0415  (as above)

        source = convert_source(source, options.dtype, options.rescale)
    return source


def recognizes(path: Path, options: Options) -> bool:
    """Return whether a reader takes a file of this machine for one of its kind.

    Whether the reader can also read it is not known then. A reader with the attribute ``recognizes`` decides by the
    file's name and first bytes, another by opening it.

    Raises
    ------
    SourceError
        If the file may not be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
    except OSError as error:
        raise explain_refusal(path, error) from error
    for _, opener in _openers():
        test = file_test(opener)
        try:
            if test(path.name.lower(), start) if test else opener(str(path), options) is not None:
                return True
        except PyramidError:  # it is of that kind, and cannot be read
            return True
    return False


def _is_missing(source: object, path: Path | None) -> bool:
    """Return whether nothing is at a path, and it is not a glob."""
    if isinstance(source, str) and not source:
        return True
    return path is not None and not path.exists() and not is_listed(source)


def _refuse_for_one(source: object, options: Options) -> None:
    """Raise OptionError if options for many files are given for another source."""
    name = "pattern" if options.pattern is not None else "fill_missing" if options.fill_missing else None
    if name is not None:
        kind = "a single one" if is_url(source) or local_path(source) is not None else "an array"
        raise OptionError(f"{name}: it is for many TIFFs that are one image, and SOURCE is {kind}; leave it out")


def _log(spec: SourceSpec, reader: str, source: object) -> None:
    place = spec.location or f"an object of type {type(source).__qualname__}"
    shape = format_shape(spec.shape)
    logger.info("source: %s, by the reader %r: %r, %s %s %s", place, reader, spec.name, spec.axes, shape, spec.dtype)


@functools.cache
def _openers() -> list[tuple[str, Opener]]:
    """Return the name and the opener of all entry points, found once in a process.

    The highest priority is first; those of one priority are sorted by name.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415  (12 ms, which `info` need not wait for)

    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    named = [(entry.name, _opener(entry)) for entry in entries]
    return sorted(named, key=lambda pair: -getattr(pair[1], "priority", 0))


def _opener(entry: EntryPoint) -> Opener:
    """Load the opener of an entry point, or raise SourceError with the plug-in's name."""
    try:
        return cast("Opener", entry.load())
    except (ImportError, AttributeError) as error:
        raise SourceError(
            f"the reader {entry.name!r} ({entry.value}) cannot be loaded: {error}; repair or uninstall its package"
        ) from error


def _unknown(source: object, path: Path | None) -> SourceError:
    """Return the error that no reader recognizes `source`, with what they do."""
    if path is not None:
        return explain_folder(path) if path.is_dir() else explain_file(path)
    if is_url(source):
        return SourceError(f"{locate(str(source))} is not of a kind that can be read; give {KINDS}")
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    return SourceError(f"an object of type {kind} is not of a kind that can be read; {_object_remedy(source)}")


def _object_remedy(source: object) -> str:
    """Return what to give in place of an object that no reader recognizes."""
    if isinstance(source, bytes):
        return "give a path as text or as pathlib.Path"
    if type(source).__module__.startswith("pyramid.image"):
        return "give the url of the image, with select=... for a part, or its pixels, as image.levels[0].data"
    if hasattr(source, "read"):
        return "give the path of the file"
    if isinstance(source, list | tuple | set) and any(isinstance(item, str | PathLike) for item in source):
        return "a set has no order; give a list of paths"
    if hasattr(source, "data_vars"):  # a dataset of xarray
        return f"give one of its variables: {format_list([f'dataset[{name!r}]' for name in source.data_vars])}"
    hint = "; numpy.asarray makes an array of many other things" if source is not None else ""
    return f"give {KINDS}{hint}"
