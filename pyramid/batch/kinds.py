"""The sources that stand for several images, recognized without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterator

# The beginning of a list: a text or a CSV that names images.
MARK = "@"


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
