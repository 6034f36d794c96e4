"""Openers that turn what a user names into a `Source`, one for each kind of thing.

An opener is a callable of the entry point group ``pyramid.readers``. It takes what the user gave, and the options. It
returns None if the thing is not of its kind, which it decides cheaply, by type, suffix or first bytes. If the thing is
of its kind, it returns a `Source`, or raises SourceError if the thing cannot be read. Plug-ins are found in the same
way.
"""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from pyramid.errors import PyramidError, SourceError
from pyramid.readers.paths import is_url, local_path
from pyramid.stores import locate
from pyramid.tables import format_shape

if TYPE_CHECKING:
    from pyramid.model import Source, SourceSpec
    from pyramid.options.convert import Options

logger = logging.getLogger(__name__)

GROUP = "pyramid.readers"  # of the entry points of readers, ours and those of plug-ins
# The kinds that can be read, for errors: a list of all is the remedy where none fits.
KINDS = "a TIFF, a .npy file, a Zarr array or an OME-Zarr image; in Python also an array of NumPy, Dask, xarray or Zarr"


class Opener(Protocol):
    """A reader: the object that an entry point of the group ``pyramid.readers`` names.

    Its attribute ``priority``, a number, may put it before others. A reader without one has priority 0.
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
        `axes` and `series` say how the source is read. Readers of remote stores use `source_storage_options`.

    Raises
    ------
    SourceError
        If no reader recognizes the thing, or the one that does cannot read it.

    Examples
    --------
    >>> import numpy as np
    >>> from pyramid.options.convert import Options
    >>> open_source(np.zeros((3, 64, 64), "u2"), Options()).spec.axes
    'zyx'
    """
    path = local_path(source)
    try:
        if (isinstance(source, str) and not source) or (path is not None and not path.exists()):
            locate(str(source))  # raises a better error for a URL that lost a slash, and for empty text
            raise SourceError(
                f"the file or folder {path} does not exist; check the spelling, and that its disk is mounted"
            )
        for name, opener in _openers():
            opened = opener(source, options)
            if opened is not None:
                _log(opened.spec, name, source)
                return opened
    except PyramidError:
        raise
    except OSError as error:  # a file without permission to read, or a link that leads to itself
        raise SourceError(f"{error.filename or source} cannot be read: {error.strerror or error}") from error
    raise SourceError(_unknown(source, path))


def _log(spec: SourceSpec, reader: str, source: object) -> None:
    place = spec.location or f"an object of type {type(source).__qualname__}"
    shape = format_shape(spec.shape)
    logger.info("source: %s, by the reader %r: %r, %s %s %s", place, reader, spec.name, spec.axes, shape, spec.dtype)


def _openers() -> list[tuple[str, Opener]]:
    """Return the name and the opener of all entry points.

    The highest priority is first; those of one priority are sorted by name.
    """
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


def _unknown(source: object, path: Path | None) -> str:
    """Return the message that no reader recognizes `source`, and what they do."""
    if path is not None and path.is_dir():
        return f"the folder {path} is neither a Zarr array nor an OME-Zarr image; give {KINDS}"
    if path is None and not is_url(source):
        kind = f"{type(source).__module__}.{type(source).__qualname__}"
        hint = "; numpy.asarray makes an array of many other things" if source is not None else ""
        return f"an object of type {kind} is not of a kind that can be read; give {KINDS}{hint}"
    return f"{path or source} is not of a kind that can be read; give {KINDS}"
