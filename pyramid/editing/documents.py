"""Replace documents one by one, each only if it is still the one that was read."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pyramid.errors import SourceError, StorageError, TargetError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS
from pyramid.hierarchy.nodes import read_node
from pyramid.hierarchy.unfinished import check_finished
from pyramid.stores import Location, Objects
from pyramid.stores.local import remove_partials
from pyramid.stores.objects import place_of
from pyramid.writing.claims import check_no_run
from pyramid.writing.errors import wrap_errors
from pyramid.writing.folder_lock import one_at_a_time

# The statuses of services that do not know a condition.
_UNKNOWN_CONDITION = (400, 405, 501)


@dataclass(frozen=True, slots=True)
class Change:
    """A document that is written, replaced or removed.

    Parameters
    ----------
    key
        Key below the URL.
    before, after
        Its bytes before and after; None where it does not exist.
    """

    key: str
    before: bytes | None
    after: bytes | None


def describe(changes: Sequence[Change]) -> str:
    """Return the changes as a unified diff of indented JSON.

    Examples
    --------
    >>> print(describe([Change("zarr.json", b'{"a": 1}', b'{"a": 2}')]))
    --- zarr.json
    +++ zarr.json
    @@ -1,3 +1,3 @@
     {
    -  "a": 1
    +  "a": 2
     }
    """
    lines: list[str] = []
    for change in changes:
        old, new = (change.key if body is not None else "/dev/null" for body in (change.before, change.after))
        lines += difflib.unified_diff(_lines(change.before), _lines(change.after), old, new, lineterm="")
    return "\n".join(lines)


def _lines(body: bytes | None) -> list[str]:
    if body is None:
        return []
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False).splitlines()


def apply_changes(objects: Objects, changes: Sequence[Change]) -> None:
    """Write, replace or remove documents, one by one and one run at a time.

    What a killed process has left unfinished next to them is removed.

    Raises TargetError if a live run writes to the store, or one of the documents cannot be written.
    """
    if not changes:
        return
    with one_at_a_time(objects.location):
        check_no_run(objects)
        if objects.location.is_local:
            _remove_partials(objects.location, changes)
        for change in changes:
            _apply_change(objects, change)


def _remove_partials(location: Location, changes: Sequence[Change]) -> None:
    with wrap_errors(str(location), "what is left of a killed run", "removed"):
        for folder in {os.path.dirname(os.path.join(location.path, change.key)) for change in changes}:
            if os.path.isdir(folder):
                remove_partials(folder, depth=0)


def check_no_writer(objects: Objects) -> None:
    """Raise an error if a run is writing a store, or was interrupted."""
    check_no_run(objects)
    for zarr_format in ATTRIBUTE_KEYS:
        node = read_node(objects, "", zarr_format)
        if node is not None:
            check_finished(node)
        if node is not None and zarr_format == "n5":
            raise SourceError(f"{objects.location} is N5, whose metadata is not changed; convert it to an OME-Zarr")


def _apply_change(objects: Objects, change: Change) -> None:
    """Write, replace or remove one document.

    On object storage it is put under the condition that nobody has replaced it since, where the service knows one.

    Raises
    ------
    TargetError
        If another program has changed the document since, or it cannot be written.
    """
    with writing(objects.location):
        if change.after is None:
            objects.delete(change.key)
        elif objects.location.is_local:
            _check_unchanged(objects, change)
            objects.put(change.key, change.after)
        else:
            _put_remote(objects, change, change.after)


def _put_remote(objects: Objects, change: Change, after: bytes) -> None:
    try:
        version = objects.version(change.key)
        _check_unchanged(objects, change)
        if objects.put_if(change.key, after, version) is None and objects.get(change.key) != after:
            raise _changed(objects, change)
    except StorageError as error:
        if error.status not in _UNKNOWN_CONDITION:
            raise
        _check_unchanged(objects, change)
        objects.put(change.key, after)


def _check_unchanged(objects: Objects, change: Change) -> None:
    if objects.get(change.key) != change.before:
        raise _changed(objects, change)


def _changed(objects: Objects, change: Change) -> TargetError:
    place = place_of(objects.location, change.key)
    return TargetError(f"{place} was changed by another program in the meantime; run the command again")


@contextmanager
def writing(location: Location) -> Iterator[None]:
    """Turn errors of a store that is written into TargetError."""
    try:
        yield
    except StorageError as error:
        raise TargetError(_with_address(location, error)) from error.__cause__


@contextmanager
def reading(location: Location) -> Iterator[None]:
    """Turn errors of a store that is read into SourceError, with its address."""
    try:
        yield
    except (StorageError, SourceError) as error:
        text = _with_address(location, error)
        remedy = "" if "; " in text else "; correct that in its metadata, or ask whoever wrote them"
        raise SourceError(text + remedy) from error.__cause__


def _with_address(location: Location, error: Exception) -> str:
    text = str(error)
    return text if text.startswith(str(location)) else f"{location}: {text}"
