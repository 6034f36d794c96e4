"""Remove a label: first from the listing, then its objects."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from typing import Any

from pyramid.editing.attributes import consolidate
from pyramid.editing.documents import Change, writing
from pyramid.errors import OptionError, SourceError, list_some, short_repr
from pyramid.hierarchy.documents import encode_document
from pyramid.hierarchy.nodes import Node, join_path, read_node
from pyramid.stores import Objects, open_objects
from pyramid.writing.claims import check_no_run

# The most names of labels that an error lists.
_MAX_LISTED = 8


def unlist_label(objects: Objects, image: Node, name: str, storage_options: Mapping[str, Any] | None) -> list[Change]:
    """Return the changes that take a label out of the listing.

    There are none if it is out of it already, as after an interrupted removal.

    Raises
    ------
    OptionError
        If no such label exists, or another one is stored in its folder.
    TargetError
        If a live run writes it.
    """
    listing = read_node(objects, "labels", image.zarr_format, "group")
    names = [] if listing is None else listing.ome.get("labels", [])
    if not isinstance(names, list):
        raise SourceError(f"labels: it is {short_repr(names)}, and it must be a list of names")
    inside = [str(other) for other in names if str(other).startswith(f"{name}/")]
    if inside:
        raise OptionError(f"remove_label: {inside[0]!r} is in the folder of {name!r}; remove that first")
    _check_inside(objects, name)
    check_no_run(open_objects(f"{objects.location.address}/labels/{name}", storage_options))
    if listing is None or name not in names:
        if next(iter(objects.keys(f"labels/{name}/")), None) is None:
            known = list_some([str(other) for other in names], _MAX_LISTED) or "none"
            raise OptionError(f"remove_label: the image has no label {name!r}; its labels are: {known}")
        return []
    return _without(objects, listing, name)


def _check_inside(objects: Objects, name: str) -> None:
    """Raise OptionError for a label whose folder is elsewhere, by a symbolic link."""
    if objects.location.is_local:
        root = os.path.realpath(objects.location.path)
        if os.path.realpath(os.path.join(root, "labels", name)) != os.path.join(root, "labels", name):
            raise OptionError(f"remove_label: the folder of {name!r} is a link to another place; remove it by hand")


def _without(objects: Objects, listing: Node, name: str) -> list[Change]:
    attributes = copy.deepcopy(dict(listing.attributes))
    content = attributes["ome"] if isinstance(attributes.get("ome"), dict) else attributes
    content["labels"] = [other for other in content["labels"] if other != name]
    key = join_path("labels", "zarr.json" if listing.zarr_format == 3 else ".zattrs")
    before = listing.documents[key]
    whole = {**json.loads(before), "attributes": attributes} if listing.zarr_format == 3 else attributes
    listed = Change(key, before, encode_document(whole))
    if listing.zarr_format == 2:
        return [listed, *consolidate(objects, {key: attributes}, f"labels/{name}/")]
    return [listed]


def remove_label_objects(objects: Objects, name: str, *, dry_run: bool) -> int:
    """Remove the objects of a label, its documents last, and return their number."""
    with writing(objects.location):
        keys = sorted(objects.keys(f"labels/{name}/"), key=lambda key: key.count("/"), reverse=True)
        if not dry_run:
            objects.delete_all(keys)
            _remove_folders(objects, name)
    return len(keys)


def _remove_folders(objects: Objects, name: str) -> None:
    """Remove the empty folders that are left on local disk."""
    if not objects.location.is_local:
        return
    top = os.path.join(objects.location.path, "labels", *name.split("/"))
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:  # something else is in it
            return
