"""Change a document of a group that other runs may change too."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pyramid.errors import StorageError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, group_documents
from pyramid.hierarchy.nodes import read_document
from pyramid.model import StoreFormat
from pyramid.stores import Objects
from pyramid.stores.local import remove_partials
from pyramid.stores.objects import NO_CONDITIONS
from pyramid.writing.folder_lock import one_at_a_time

# Times that a document is written again because another run has changed it.
TRIES = 20


def ensure_group(group: Objects, zarr_format: StoreFormat) -> None:
    """Write the documents of a group without attributes, where they are missing."""
    for key, body in group_documents(zarr_format, {}).items():
        if key != ATTRIBUTE_KEYS[zarr_format] and group.get(key) is None:
            group.put(key, body)


def change_document(group: Objects, key: str, change: Callable[[bytes | None], bytes | None], remedy: str) -> None:
    """Replace a document by what is made of it, while other runs may change it.

    On local disk a lock keeps other runs away meanwhile; on object storage the request has a condition.

    Parameters
    ----------
    group
        The objects of the group.
    key
        The document.
    change
        Makes the new document of the old one; None for no change. The old one is None where nothing is there.
    remedy
        What to do if others change the document all the time.

    Raises
    ------
    StorageError
        If it cannot be written, or others change it all the time.
    """
    if group.location.is_local:
        os.makedirs(group.location.path, exist_ok=True)
    with one_at_a_time(group.location):
        if group.location.is_local:
            remove_partials(group.location.path, depth=0)
        for _ in range(TRIES):
            before = None if group.location.is_local else group.version(key)
            body = change(read_document(group, key))
            if body is None or _put(group, key, body, before):
                return
    raise StorageError(f"{group.location}/{key} changes all the time; {remedy}")


def _put(group: Objects, key: str, body: bytes, before: Any) -> bool:  # noqa: ANN401  (a version of a store)
    """Write a document unless it has changed, where the store has conditions."""
    if not group.location.is_local:
        try:
            return group.put_if(key, body, before) is not None
        except StorageError as error:
            if error.status not in (NO_CONDITIONS, 400, 405, 501):
                raise
    group.put(key, body)
    return True
