"""Folders around a target on local disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyramid.stores.location import Location


def missing_folder(location: Location) -> Iterator[str]:
    """Yield a notice if the folder around a target on local disk does not exist.

    It is made with the target, and may be mistyped.

    Examples
    --------
    >>> from pyramid.stores.location import locate
    >>> list(missing_folder(locate("/nowhere/cells.zarr"))), list(missing_folder(locate("/cells.zarr")))
    (['the folder /nowhere does not exist, and is made'], [])
    """
    around = os.path.dirname(location.path)
    if location.is_local and not os.path.exists(around):
        yield f"the folder {around} does not exist, and is made"
