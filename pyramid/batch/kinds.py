"""The sources that stand for several images, recognized without reading them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# The beginning of a list: a text or a CSV that names images.
MARK = "@"
# Fields of a pattern that only a plate has.
_WELL = re.compile(r"\{\s*(row|column|well)\s*[:}]", re.IGNORECASE)


def is_list(source: object) -> bool:
    """Return whether a source names a list: text that starts with ``@``.

    Examples
    --------
    >>> is_list("@cells.csv"), is_list("./@cells.tif")
    (True, False)
    """
    return isinstance(source, str) and source.startswith(MARK)


def is_batch(source: object, *, each: bool) -> bool:
    """Return whether a source stands for several images, each into a pyramid.

    Examples
    --------
    >>> is_batch(["a.tif"], each=False), is_batch("@list.txt", each=False), is_batch("a.tif", each=False)
    (True, True, False)
    """
    if each or is_list(source):
        return True
    if isinstance(source, list | tuple):
        return not source or any(isinstance(item, str | os.PathLike) for item in source)
    return isinstance(source, Iterator) and not hasattr(source, "read")  # files are iterators too


def is_plate(options: Options) -> bool:
    """Return whether a pattern has fields for wells.

    Examples
    --------
    >>> from pyramid.options.convert import Options
    >>> is_plate(Options(pattern="{row}{column}_{c}.tif")), is_plate(Options(pattern="t{t:d}.tif"))
    (True, False)
    """
    return options.pattern is not None and _WELL.search(options.pattern) is not None


def is_grouped(options: Options) -> bool:
    """Return whether options ask for several images in one OME-Zarr."""
    return options.series == "all" or is_plate(options)
