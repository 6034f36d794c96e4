"""Validate an OME-Zarr by the rules of its version."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyramid.errors import SourceError, StorageError, ending_with_remedy, explaining
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.nodes import MAX_DOCUMENT_BYTES, Node, join_path, parse_document, read_node
from pyramid.hierarchy.unfinished import check_finished
from pyramid.image.diagnosis import explain_array, explain_missing
from pyramid.ngff.values import mapping_or_empty
from pyramid.stores import Location, Readable, open_objects, path_or_url
from pyramid.validating.findings import RuleFinding, Validation, sort_findings
from pyramid.validating.rules import Breach
from pyramid.validating.table import make_finding
from pyramid.validating.tree import UNREADABLE, Walk

__all__ = ["RuleFinding", "Validation", "validate"]


@ending_with_remedy()
def validate(
    url: str | os.PathLike[str],
    *,
    strict: bool = False,
    metadata_only: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Validation:
    """Validate an OME-Zarr by the rules of its version, 0.1 to 0.6.

    A broken MUST of the specification is an error, a broken SHOULD a warning. What viewers and stores suffer from is
    advice. No pixel is read.

    Parameters
    ----------
    url
        A path or URL of an image, labels, a plate, a well or a collection. All that it names is validated too.
    strict
        Whether warnings make it invalid too.
    metadata_only
        Whether only the attributes of the group at `url` are validated, without reading what they name. Then `url` may
        be a local JSON file with attributes, too.
    storage_options
        Options with which its store is opened, as ``{"anon": True}``.

    Returns
    -------
    Validation
        The list of findings, errors first. Its ``valid`` is true unless there is an error.

    Raises
    ------
    SourceError
        If the URL holds no Zarr group, an array, or a conversion that is not finished, or cannot be read.
    OptionError
        If an option cannot be used.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.ones((600, 700), "uint8"), f"{folder}/ones.ome.zarr")
    >>> validate(f"{folder}/ones.ome.zarr", strict=True).valid
    True
    """
    location = path_or_url(url, "url")
    objects = Readable(open_objects(location, storage_options))
    shown = str(objects.location)
    try:
        root = _read_file(objects.location, metadata_only=metadata_only) or _read_root(objects)
        if isinstance(root, RuleFinding):
            return Validation(shown, (root,), 0, strict)
        walk = Walk(objects, metadata_only)
        found = sort_findings(list(walk.findings(root)))
    except (SourceError, StorageError) as error:
        text = str(error)
        raise SourceError(text if text.startswith(shown) else f"{shown}: {text}") from error
    give_notices(objects.notices)
    return Validation(shown, tuple(_with_address(one, shown) for one in found), walk.groups, strict)


def _read_file(location: Location, *, metadata_only: bool) -> Node | RuleFinding | None:
    """Read a local JSON file with the attributes of a group.

    Returns None where that file does not exist, or where more than attributes is asked for.
    """
    if not (metadata_only and location.is_local and os.path.isfile(location.path)):
        return None
    with explaining(SourceError, f"{location} cannot be read"), open(location.path, "rb") as file:
        body = file.read(MAX_DOCUMENT_BYTES + 1)
    try:
        document = parse_document(body[:MAX_DOCUMENT_BYTES], str(location))
    except SourceError as error:
        return make_finding(UNREADABLE, "", "0.5", Breach("", str(error)))
    attributes = mapping_or_empty(document.get("attributes")) if "node_type" in document else document
    return Node("", 3 if "ome" in attributes else 2, attributes, None, {})


def _with_address(finding: RuleFinding, url: str) -> RuleFinding:
    """Return a finding whose remedy names the address of its group."""
    address = shlex.quote(join_path(url, finding.path))
    return replace(finding, remedy=re.sub(r"\bURL\b", lambda _: address, finding.remedy, count=1))


def _read_root(objects: Readable) -> Node | RuleFinding:
    """Read the group at the URL; a document that is broken is a finding."""
    try:
        node = read_node(objects)
    except SourceError as error:
        return make_finding(UNREADABLE, "", "0.5", Breach("", str(error)))
    if node is None:
        raise explain_missing(objects.inner, "", objects.refusal)
    if node.array is not None:
        raise explain_array(node)
    if node.zarr_format == "n5":
        raise SourceError(f"{objects.location} is N5, which has no rules for images; verify checks its pixels")
    check_finished(node)
    return node
