"""Rules about documents as they are stored: JSON, and copies of them in one place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.errors import SourceError
from pyramid.hierarchy.nodes import Node, join_path, parse_document, read_document
from pyramid.ngff.values import mapping_or_empty
from pyramid.stores import Readable
from pyramid.validating.findings import RuleFinding
from pyramid.validating.rules import ZARR_PAGE, Breach, Document, Rule
from pyramid.validating.table import make_finding

# The document with copies of all others, in Zarr 2.
CONSOLIDATED = ".zmetadata"
_ZMETADATA = "https://zarr.readthedocs.io/en/stable/user-guide/consolidated_metadata.html"


def _found_here(document: Document) -> Iterator[Breach]:
    return iter(())


NOT_JSON = Rule("json", "error", ZARR_PAGE, _found_here, remedy="write numbers that JSON has")
TWICE = Rule("json-keys", "warning", ZARR_PAGE, _found_here, remedy="write each key once")
DISAGREES = Rule("consolidated", "warning", _ZMETADATA, _found_here, remedy="consolidate again, or remove the copies")
INLINE = Rule("consolidated-inline", "advice", _ZMETADATA, _found_here, remedy="remove it: Zarr 3 does not have it yet")


@dataclass(eq=False)
class Documents:
    """The documents that a validation read, by key."""

    _parsed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _odd: list[tuple[str, Rule, str]] = field(default_factory=list)
    _adding: threading.Lock = field(default_factory=threading.Lock)

    def add(self, node: Node) -> None:
        """Add the documents of a group or an array."""
        for key, body in node.documents.items():
            parsed, odd = _parse(body)
            with self._adding:
                if key in self._parsed:
                    continue
                self._parsed[key] = parsed
                self._odd += [(key, rule, text) for rule, text in odd]

    def findings(self, objects: Readable, root: Node, version: str) -> Iterator[RuleFinding]:
        """Yield findings about the documents, and about copies of them at the root."""
        for key, rule, text in self._odd:
            folder, _, name = key.rpartition("/")
            yield make_finding(rule, folder, version, Breach(name, text))
        for rule, place, text in self._copies(objects, root):
            yield make_finding(rule, "", version, Breach(place, text))

    def _copies(self, objects: Readable, root: Node) -> Iterator[tuple[Rule, str, str]]:
        if root.zarr_format == 2:
            try:
                body = read_document(objects, CONSOLIDATED)
                copies = {} if body is None else mapping_or_empty(parse_document(body, CONSOLIDATED).get("metadata"))
            except SourceError as error:
                yield DISAGREES, CONSOLIDATED, str(error)
                return
            place = CONSOLIDATED
        else:
            inline = mapping_or_empty(self._parsed.get("zarr.json", {}).get("consolidated_metadata"))
            copies = mapping_or_empty(inline.get("metadata"))
            place = "consolidated_metadata"
            if inline:
                yield INLINE, place, "the group holds copies of the documents below it"
        for path, copy in copies.items():
            key = path if place == CONSOLIDATED else join_path(path, "zarr.json")
            own = self._parsed.get(key)
            if own is not None and _plain(own) != _plain(mapping_or_empty(copy)):
                yield DISAGREES, place, f"the copy of {key} differs from it"


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without copies of others."""
    return {key: value for key, value in document.items() if key != "consolidated_metadata"}


def _parse(body: bytes) -> tuple[Mapping[str, Any], list[tuple[Rule, str]]]:
    """Return a document, and what is odd in its JSON."""
    odd: list[tuple[Rule, str]] = []

    def constant(name: str) -> float:
        odd.append((NOT_JSON, f"it holds {name}, which is not a number of JSON"))
        return 0.0

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(items)) < len(items):
            odd.append((TWICE, "an object in it has a key twice, of which the last one counts"))
        return found

    parsed = json.loads(body, parse_constant=constant, object_pairs_hook=pairs)
    return mapping_or_empty(parsed), list(dict.fromkeys(odd))
