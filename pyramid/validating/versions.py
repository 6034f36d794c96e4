"""Rules about versions, and the version whose rules hold for a group."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyramid.errors import short_repr
from pyramid.ngff import FORMATS, VERSIONS, given_version
from pyramid.ngff.metadata import ome_content
from pyramid.ngff.values import list_or_empty, mapping_or_empty
from pyramid.ngff.version import first_image
from pyramid.validating.rules import Breach, Document, Rule

# The first version whose keys are under ``ome``.
_BELOW_OME = "0.5"
_CANDIDATE = re.compile(r"(\d+\.\d+)(\.\d+)?(rc\d+)?")
# Names of drafts and candidates, whose numbers have no leading zero, and of other people's drafts, as 0.4-dev-x.
_NAME = re.compile(r"\d+\.\d+(\.\d+)?(\.?(rc|dev)(0|[1-9]\d*)|-.+)?")


def choose_version(attributes: Mapping[str, Any], parent: str | None) -> str:
    """Return the version whose rules hold for a group.

    It is the one that the group gives, else that of its `parent`, else the one that its keys have the form of.

    Examples
    --------
    >>> choose_version({"multiscales": [{"version": "0.4"}]}, None), choose_version({"well": {}}, "0.2")
    ('0.4', '0.2')
    >>> choose_version({"ome": {"multiscales": [{"coordinateSystems": []}]}}, None)
    '0.6'
    """
    given = given_version(attributes)
    if given is None:
        given = mapping_or_empty(ome_content(attributes)[0].get("image-label")).get("version")
    family = next((name for name in VERSIONS if FORMATS[name].belongs(given)), None)
    return family or parent or _guess(attributes)


def _guess(attributes: Mapping[str, Any]) -> str:
    content, prefix = ome_content(attributes)
    first = first_image(content)
    if prefix:
        return "0.6" if "coordinateSystems" in first else _BELOW_OME
    plate = mapping_or_empty(content.get("plate"))
    wells = [mapping_or_empty(well) for well in list_or_empty(plate.get("wells"))]
    if plate and not any("rowIndex" in well or "columnIndex" in well for well in wells):
        return "0.3"
    if not first or any(isinstance(axis, Mapping) for axis in list_or_empty(first.get("axes"))):
        return "0.4"
    return "0.3" if "axes" in first else "0.1"


def _holders(document: Document) -> Iterator[tuple[str, object]]:
    """Yield each version that a group gives, with its place."""
    content, prefix = document.content, document.prefix
    if prefix:
        if "version" in content:
            yield f"{prefix}version", content["version"]
        return
    for place, image in document.images():
        if "version" in image:
            yield f"{place}.version", image["version"]
    for key in ("plate", "well", "image-label"):
        holder = mapping_or_empty(content.get(key))
        if "version" in holder:
            yield f"{key}.version", holder["version"]


def _known(document: Document) -> Iterator[Breach]:
    for place, given in _holders(document):
        if not isinstance(given, str):
            yield Breach(place, f"a version is text, not {short_repr(given)}")
        elif not _is_known(given):
            yield Breach(place, f"{short_repr(given)} is none of the versions {', '.join(VERSIONS)}")


def _placed(document: Document) -> Iterator[Breach]:
    below = document.version >= _BELOW_OME
    if below and not document.prefix:
        yield Breach("", f"the keys of OME-Zarr {document.version} must be under ome")
    elif not below and document.prefix:
        yield Breach("ome", f"OME-Zarr {document.version} has its keys among all attributes, not under ome")


def _missing(document: Document) -> Iterator[Breach]:
    if document.prefix and "version" not in document.content:
        yield Breach("ome", "version is missing")


def _same(document: Document) -> Iterator[Breach]:
    given = [(place, one) for place, one in _holders(document) if isinstance(one, str)]
    for place, one in given:
        if not FORMATS[document.version].belongs(one) and _is_family(one):
            yield Breach(place, f"{short_repr(one)} and {document.version} are both there: a group has one version")


def _draft(document: Document) -> Iterator[Breach]:
    for place, given in _holders(document):
        found = _CANDIDATE.fullmatch(given) if isinstance(given, str) else None
        if isinstance(given, str) and (found is None or found[1] not in FORMATS) and _is_known(given):
            yield Breach(place, f"{short_repr(given)} is a draft, and is read as {document.version}")


def _candidate(document: Document) -> Iterator[Breach]:
    for place, given in _holders(document):
        found = _CANDIDATE.fullmatch(given) if isinstance(given, str) else None
        if found and found[3] and _is_known(given):
            yield Breach(place, f"{short_repr(given)} is a candidate of {document.version}")


def _is_known(given: object) -> bool:
    return isinstance(given, str) and _is_family(given) and _NAME.fullmatch(given) is not None


def _is_family(given: str) -> bool:
    return any(FORMATS[name].belongs(given) for name in VERSIONS)


_UPGRADE = "pyramid upgrade URL writes a released version"
VERSION_RULES = (
    Rule("version-known", "error", "metadata", _known, remedy=_UPGRADE),
    Rule("version-missing", "error", "metadata", _missing, since="0.5", remedy="write the version there"),
    Rule("version-one", "error", "metadata", _same, remedy=_UPGRADE),
    Rule("version-place", "error", "metadata", _placed, remedy=_UPGRADE),
    Rule("version-draft", "warning", "metadata", _draft, remedy=_UPGRADE),
    Rule("version-candidate", "advice", "metadata", _candidate, remedy=_UPGRADE),
)
