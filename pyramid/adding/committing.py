"""The end of a run: its levels become those of the group, the rest is removed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyramid.adding.documents import NewLevels
from pyramid.adding.finding import Base
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS
from pyramid.hierarchy.nodes import read_node
from pyramid.ngff import FORMATS
from pyramid.ngff.values import list_or_empty
from pyramid.stores import Objects, open_objects
from pyramid.stores.local import remove_partials
from pyramid.writing.changing import change_document, ensure_group
from pyramid.writing.claims import ADDING
from pyramid.writing.errors import wrap_errors
from pyramid.writing.generations import folders_of, level_paths, remove_paths
from pyramid.writing.journal import remove_journal
from pyramid.writing.level_documents import late_documents

if TYPE_CHECKING:
    from pyramid.writing.lease import Lease
    from pyramid.writing.target import Target

# The copies of all documents of a hierarchy of Zarr 2, which some writers add.
CONSOLIDATED = ".zmetadata"


def prepare_folders(base: Base, paths: Iterable[str], options: Mapping[str, Any] | None) -> None:
    """Write the groups that the paths of new levels lead through."""
    form = FORMATS[base.version].zarr_format
    if form == "n5":
        return
    with wrap_errors(base.url, "metadata"):
        for folder in dict.fromkeys(folder for path in paths for folder in folders_of(path)):
            ensure_group(open_objects(f"{base.url.rstrip('/')}/{folder}", options), form)


def commit(base: Base, new: NewLevels, target: Target, lease: Lease, replaced: Iterable[str]) -> None:
    """Make the new levels those of the group, by one replacement of its document.

    Parameters
    ----------
    base, new
        The group, and its levels.
    target, lease
        What was written, and the claim of the run.
    replaced
        The paths of levels that the group had.
    """
    objects, form = open_objects(target.url, target.storage_options), FORMATS[base.version].zarr_format
    key = ATTRIBUTE_KEYS[form]
    with wrap_errors(target.url, "metadata"):
        target.finish_objects()
        lease.end()
        lease.check()
        _remove_partials(objects, new)
        for late, body in late_documents(new.plan, new.multiscale()):
            objects.put(late, body)
        if form == 2:
            ensure_group(objects, form)
            if objects.get(CONSOLIDATED) is not None:
                objects.delete(CONSOLIDATED)
                give_notices((f"{CONSOLIDATED} is removed, for its copies do not have the new levels",), base.url)
        change_document(objects, key, lambda body: new.document(body, key), "run the command again with resume=True")
        clear(base, replaced, target.storage_options)


def _remove_partials(objects: Objects, new: NewLevels) -> None:
    """Remove the files that killed runs have left next to the documents of levels."""
    if objects.location.is_local:
        for number in range(1, len(new.plan.levels)):
            folder = os.path.join(objects.location.path, new.plan.level_path(number))
            with suppress(FileNotFoundError):
                remove_partials(folder, depth=0)


def clear(base: Base, paths: Iterable[str], storage_options: Mapping[str, Any] | None) -> None:
    """Remove levels that the group does not name, and what a run kept for itself.

    The claim of the run is removed last, so that a run that stops here goes on.
    """
    objects = open_objects(base.url, storage_options)
    node = read_node(objects, "", FORMATS[base.version].zarr_format)
    named = [base.path, *level_paths(node)]
    gone = [path for path in paths if not any(other == path or other.startswith(f"{path}/") for other in named)]
    remove_paths(objects, gone)
    for folder in sorted({folder for path in gone for folder in folders_of(path)}, reverse=True):
        if re.fullmatch(r"v\d+", folder) and not any(other.startswith(f"{folder}/") for other in named):
            remove_paths(objects, [folder])
    run = open_objects(f"{base.url.rstrip('/')}/{ADDING}", storage_options)
    remove_journal(run)
    for key in list(run.keys()):
        run.delete(key)
    if run.location.is_local:
        with suppress(OSError):
            os.rmdir(run.location.path)


def recorded_paths(record: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the paths under a key of a record; none where they are broken.

    Examples
    --------
    >>> recorded_paths({"paths": ["0", "1"]}, "paths"), recorded_paths({"paths": ["../a"]}, "paths")
    (('0', '1'), ())
    """
    paths = [str(path) for path in list_or_empty(record.get(name))]
    safe = all(path and not {"", ".", ".."} & set(path.split("/")) for path in paths)
    return tuple(paths) if safe else ()
