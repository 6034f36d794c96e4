"""Arrays and images that are given as objects of zarr-python."""

from __future__ import annotations

from typing import Any

import zarr

from pyramid.errors import SourceError
from pyramid.ngff.groups import OTHER_GROUPS
from pyramid.options.convert import Options
from pyramid.readers.zarr.found import FoundArray, reason
from pyramid.readers.zarr.library import attributes_of, of_zarr
from pyramid.readers.zarr.opening import OpenedImage, open_image, source_of
from pyramid.readers.zarr.source import ZarrSource

# A group of zarr, as messages name it, for it may not have a location.
GROUP = "the Zarr group"


def open_zarr_node(node: Any, options: Options) -> ZarrSource:  # noqa: ANN401  (zarr's own types, checked by the caller)
    """Open an array or image given as an object of zarr (see `open_zarr`)."""
    if isinstance(node, zarr.Array):
        opened = OpenedImage(of_zarr(node, node), None, {}, [])
    else:
        others = [name for name in OTHER_GROUPS if name in node]
        opened = open_image(attributes_of(node), lambda path: _level_of(node, path), lambda: others, GROUP)
    return source_of(opened, options, None)


def _level_of(group: zarr.Group, path: str) -> FoundArray:
    try:
        array = group[path]
    except Exception as error:  # a level that is missing or damaged
        raise SourceError(
            f"{GROUP}: its largest level cannot be opened: {reason(error)}; copy the image again"
        ) from error
    if not isinstance(array, zarr.Array):
        raise SourceError(f"{GROUP}: {path!r} is a group where the largest level should be")
    return of_zarr(array, array)
