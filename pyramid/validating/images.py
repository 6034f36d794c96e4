"""Rules about an image as a whole, and its display settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyramid.errors import short_repr
from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty
from pyramid.validating.rules import Breach, Document, Rule, objects_at


def _type(document: Document) -> Iterator[Breach]:
    for place, image in document.images():
        if len(list_or_empty(image.get("datasets"))) > 1 and "type" not in image and "metadata" not in image:
            yield Breach(place, "type and metadata are missing: the method that made the levels")


def _metadata(document: Document) -> Iterator[Breach]:
    for place, image in document.images():
        if "metadata" in image and not isinstance(image["metadata"], Mapping):
            yield Breach(f"{place}.metadata", f"it must be an object, not {short_repr(image['metadata'])}")


def _twice(document: Document) -> Iterator[Breach]:
    for place, image in document.images():
        seen: set[str] = set()
        for where, dataset in objects_at(image.get("datasets"), f"{place}.datasets"):
            path = dataset.get("path")
            if isinstance(path, str) and path in seen:
                yield Breach(f"{where}.path", f"{short_repr(path)} is the path of two levels")
            seen.add(str(path))


def _several(document: Document) -> Iterator[Breach]:
    if len(document.images()) > 1:
        yield Breach(f"{document.prefix}multiscales[1]", "most viewers show only the first image")


def _window_order(document: Document) -> Iterator[Breach]:
    omero = mapping_or_empty(document.content.get("omero"))
    for place, channel in objects_at(omero.get("channels"), f"{document.prefix}omero.channels"):
        window = mapping_or_empty(channel.get("window"))
        low, high, start, end = (finite(window.get(key)) for key in ("min", "max", "start", "end"))
        if start is not None and end is not None and start > end:
            yield Breach(f"{place}.window", f"start {start:g} is above end {end:g}")
        if low is not None and high is not None and low > high:
            yield Breach(f"{place}.window", f"min {low:g} is above max {high:g}")


_WINDOW = "pyramid edit URL --windows auto writes it"
IMAGE_RULES = (
    Rule("multiscales.type-missing", "warning", "multiscale-md", _type, remedy="write how the levels were made"),
    Rule("multiscales.metadata-kind", "error", "multiscale-md", _metadata),
    Rule("multiscales.datasets.path-unique", "error", "multiscale-md", _twice),
    Rule("multiscales-several", "advice", "multiscale-md", _several, remedy="give each image a group of its own"),
    Rule("omero.channels.window-order", "warning", "omero-md", _window_order, remedy=_WINDOW),
)
