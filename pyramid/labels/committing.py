"""Make a converted label image the label of its name, and list it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from pyramid.errors import TargetError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, encode_document, group_documents
from pyramid.hierarchy.nodes import Node, parse_document, read_document, read_node
from pyramid.ngff import FORMATS
from pyramid.ngff.groups import read_paths
from pyramid.ngff.values import mapping, mapping_or_empty
from pyramid.stores import Objects, open_objects
from pyramid.stores.local import remove_partials
from pyramid.writing.changing import change_document, ensure_group
from pyramid.writing.errors import wrap_errors
from pyramid.writing.generations import generation_of, level_paths, remove_paths


def commit_label(
    root: str, name: str, generation: int, version: str, storage_options: Mapping[str, Any] | None
) -> None:
    """Make the levels of a generation those of the label, and remove older ones.

    Those of the generation before stay, for readers that have the label open.

    Parameters
    ----------
    root, name
        The URL of the image, and the name of the label.
    generation
        0 for a label that was converted in its place.
    version
        Of the image.
    storage_options
        Options of its store.
    """
    group = open_objects(f"{root.rstrip('/')}/labels", storage_options)
    label = open_objects(f"{root.rstrip('/')}/labels/{name}", storage_options)
    with wrap_errors(root, f"labels/{name}"):
        if label.location.is_local:
            remove_partials(label.location.path, depth=0)
        if generation:
            _point_to(label, f"v{generation}")
        _list(group, name, version)
        _remove_others(label)


def _point_to(label: Objects, folder: str) -> None:
    """Write the document of a label, with the levels in a folder of it."""
    made = read_node(label, folder)
    if made is None or "multiscales" not in made.ome:
        if generation_of(read_node(label) or Node("", 3, {}, None, {})) == int(folder[1:]):
            return  # an earlier run has come so far
        raise TargetError(f"{label.location}/{folder} is gone; convert the labels again")
    attributes = json.loads(json.dumps(made.attributes))
    content = attributes.get("ome", attributes)
    for dataset in content["multiscales"][0]["datasets"]:
        dataset["path"] = f"{folder}/{dataset['path']}"
        for moved in dataset.get("coordinateTransformations", ()):
            if "path" in mapping_or_empty(moved.get("input")):
                moved["input"]["path"] = dataset["path"]
    key = ATTRIBUTE_KEYS[made.zarr_format]
    label.put(key, group_documents(made.zarr_format, attributes)[key])
    for document, body in group_documents(made.zarr_format, {}).items():  # no image of its own any more
        label.put(f"{folder}/{document}", body)


def _list(group: Objects, name: str, version: str) -> None:
    """Add a label to the list of an image's labels, which others may change too."""
    form = FORMATS[version]
    key = ATTRIBUTE_KEYS[form.zarr_format]
    ensure_group(group, form.zarr_format)
    change_document(group, key, lambda body: _listed(body, name, version), "convert the labels again with resume=True")


def _listed(body: bytes | None, name: str, version: str) -> bytes | None:
    """Return the document of the group ``labels`` with a name; None if it has it."""
    form = FORMATS[version]
    if body is None:
        held: dict[str, Any] = {"version": version, "labels": [name]}
        attributes = {"ome": held} if form.below_ome else {"labels": [name]}
        return group_documents(form.zarr_format, attributes)[ATTRIBUTE_KEYS[form.zarr_format]]
    document = json.loads(json.dumps(parse_document(body, "the list of labels")))
    attributes = document.setdefault("attributes", {}) if form.zarr_format == 3 else document
    mapping(attributes, "the list of labels: attributes")
    content = attributes.setdefault("ome", {"version": version}) if form.below_ome else attributes
    mapping(content, "the list of labels: ome")
    names = list(read_paths(content.get("labels", ()), "the list of labels"))
    if name in names:
        return None
    content["labels"] = [*names, name]
    return encode_document(document)


def check_list(group: Objects, name: str, version: str) -> None:
    """Raise SourceError if the list of labels is damaged."""
    _listed(read_document(group, ATTRIBUTE_KEYS[FORMATS[version].zarr_format]), name, version)


def _remove_others(label: Objects) -> None:
    """Remove levels that neither this generation of a label nor the one before has."""
    node = read_node(label)
    kept = {path.partition("/")[0] for path in level_paths(node)}
    before = generation_of(node) - 1 if node is not None else -1
    for folder in _folders(label) - kept:
        found = re.fullmatch(r"v(\d{1,9})|(\d+)", folder)
        if found and int(found[1] or 0) != before:
            remove_paths(label, [folder])


def _folders(label: Objects) -> set[str]:
    """Return the names of folders below a label.

    On disk these have no files where a run was killed between files and folders.
    """
    found = {key.partition("/")[0] for key in list(label.keys())}
    if label.location.is_local:
        with os.scandir(label.location.path) as entries:
            found |= {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
    return found
