"""Walk over the groups of an OME-Zarr, reading what its rules need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.keys import grid_of
from pyramid.hierarchy.nodes import Node, join_path, numbered_groups, read_node
from pyramid.model import StoreFormat
from pyramid.ngff.groups import LAYOUT_KEY
from pyramid.ngff.metadata import ome_content
from pyramid.ngff.values import list_or_empty, mapping_or_empty, path_below
from pyramid.ngff.version import MAX_LEVELS
from pyramid.stores import Readable
from pyramid.tables import format_count
from pyramid.validating.documents import Documents
from pyramid.validating.findings import RuleFinding
from pyramid.validating.rules import Breach, Document, LevelArray, Rule, objects_at
from pyramid.validating.table import apply_rules, make_finding
from pyramid.validating.versions import choose_version

# The most groups of a hierarchy that are looked at, and those that are read at a time.
MAX_GROUPS, CONCURRENT = 100_000, 16

_COPY = "copy it again, or take it out of the metadata"


def _found_by_the_walk(document: Document) -> Iterator[Breach]:
    return iter(())


def _rule(name: str, section: str, remedy: str = _COPY) -> Rule:
    return Rule(name, "error", section, _found_by_the_walk, remedy=remedy)


# Rules that the walk checks, since they are about more than one group.
MISSING_BASE = _rule("levels-exist", "multiscale-md")
MISSING_LEVEL = _rule("levels-exist", "multiscale-md", "pyramid add-levels URL --rebuild makes all but level 0 anew")
MISSING_GROUP = _rule("groups-exist", "image-layout")
UNREADABLE = _rule("documents", "image-layout", "correct it, or copy it again")
OTHER_VERSION = _rule("version-hierarchy", "metadata", "pyramid upgrade URL writes one version")
NOT_AN_IMAGE = _rule("labels-image", "labels-md", "write multiscales for the label image")
LABEL_LEVELS = _rule("labels-levels", "labels-md", "pyramid add-levels URL --rebuild makes as many as the image has")


class Member(NamedTuple):
    """A group to look at, and what is known from the group that names it.

    `parent` is the path of that group, and `place` the place in its attributes. `levels` is the number of levels that a
    label image must have.
    """

    path: str
    zarr_format: StoreFormat | None = None
    version: str | None = None
    place: str = ""
    levels: int | None = None
    parent: str = ""


class Visit(NamedTuple):
    """The findings about one group, and the groups that it names."""

    findings: list[RuleFinding]
    members: list[Member]


@dataclass(eq=False)
class Walk:
    """A walk over the groups below a URL.

    Parameters
    ----------
    objects
        The objects below the URL.
    metadata_only
        Whether only the attributes at the URL are read, and none of what they name.

    Attributes
    ----------
    groups
        The number of groups that were looked at.
    documents
        The documents that were read.
    """

    objects: Readable
    metadata_only: bool = False
    groups: int = 0
    documents: Documents = field(default_factory=Documents)

    def findings(self, root: Node) -> Iterator[RuleFinding]:
        """Yield the findings about the group at the URL, and all that it names."""
        visit = self._visit(root, Member(""))
        yield from visit.findings
        members = visit.members
        seen = {""}
        while members and self.groups < MAX_GROUPS:
            fresh = list({one.path: one for one in members if one.path not in seen}.values())
            seen.update(one.path for one in fresh)
            members = []
            for done in map_concurrently(self._read, fresh[: MAX_GROUPS - self.groups], CONCURRENT):
                yield from done.findings
                members += done.members
        yield from self.documents.findings(self.objects, root, choose_version(root.attributes, None))

    def _read(self, member: Member) -> Visit:
        """Read a group that metadata names, and look at it."""
        version = member.version or "0.5"
        try:
            node = read_node(self.objects, member.path, member.zarr_format, "group")
        except SourceError as error:
            return Visit([make_finding(UNREADABLE, member.path, version, Breach("", str(error)))], [])
        if node is None:
            breach = Breach(member.place, f"the group {short_repr(member.path)} is missing")
            return Visit([make_finding(MISSING_GROUP, member.parent, version, breach)], [])
        return self._visit(node, member)

    def _visit(self, node: Node, member: Member) -> Visit:
        self.groups += 1
        self.documents.add(node)
        content, prefix = ome_content(node.attributes)
        version = choose_version(node.attributes, member.version)
        bare = Document(node.path, version, content, prefix, node.zarr_format)
        if self.metadata_only:
            return Visit(list(apply_rules(bare)), [])
        found: list[RuleFinding] = []
        levels = tuple(self._levels(node, bare, found))
        found += apply_rules(Document(node.path, version, content, prefix, node.zarr_format, levels))
        found += self._neighbours(bare, member)
        members: list[Member] = []
        try:
            members += self._members(node, bare)
        except SourceError as error:
            found.append(make_finding(UNREADABLE, node.path, version, Breach("", str(error))))
        return Visit(found, members)

    def _neighbours(self, document: Document, member: Member) -> Iterator[RuleFinding]:
        """Yield findings about a group and the one that names it."""
        path, version = document.path, document.version
        if member.version is not None and version != member.version and version >= "0.5":
            text = f"it is of version {version}, and the group that names it of {member.version}"
            yield make_finding(OTHER_VERSION, path, version, Breach(document.prefix + "version", text))
        if "image-label" in document.content and "multiscales" not in document.content:
            yield make_finding(NOT_AN_IMAGE, path, version, Breach("", "multiscales are missing in a label image"))
        images = document.images()
        if member.levels is not None and images:
            count = len(list_or_empty(images[0][1].get("datasets")))
            if count != member.levels:
                text = f"it has {format_count(count, 'level')}, and its image has {member.levels}"
                yield make_finding(LABEL_LEVELS, path, version, Breach(f"{images[0][0]}.datasets", text))

    def _levels(self, node: Node, document: Document, found: list[RuleFinding]) -> Iterator[tuple[LevelArray, ...]]:
        """Yield the arrays of each image; what cannot be read goes to `found`."""
        for place, image in document.images():
            levels = []
            for where, dataset in objects_at(image.get("datasets"), f"{place}.datasets")[:MAX_LEVELS]:
                try:
                    path = join_path(node.path, path_below(dataset.get("path"), ""))
                except SourceError:  # a rule about paths says so
                    continue
                try:
                    array = read_node(self.objects, path, node.zarr_format, "array")
                    if array is not None:
                        self.documents.add(array)
                        levels.append(_read_level(array, where, dataset))
                        continue
                    text = f"the array {short_repr(path)} is missing"
                    rule = MISSING_BASE if where.endswith("datasets[0]") else MISSING_LEVEL
                    found.append(make_finding(rule, node.path, document.version, Breach(where, text)))
                except SourceError as error:
                    breach = Breach(where, f"{path}: {error}")
                    found.append(make_finding(UNREADABLE, node.path, document.version, breach))
            yield tuple(levels)

    def _members(self, node: Node, document: Document) -> Iterator[Member]:
        """Yield the groups that a group names."""
        content, prefix, version = document.content, document.prefix, document.version
        for key, listed in (("plate", "wells"), ("well", "images")):
            holder = mapping_or_empty(content.get(key))
            for place, item in objects_at(holder.get(listed), f"{prefix}{key}.{listed}"):
                yield from _member(node, item.get("path"), version, f"{place}.path")
        scene = mapping_or_empty(content.get("scene"))
        for place, item in objects_at(
            scene.get("coordinateTransformations"), f"{prefix}scene.coordinateTransformations"
        ):
            for key in ("input", "output"):
                if path := mapping_or_empty(item.get(key)).get("path"):
                    yield from _member(node, path, version, f"{place}.{key}.path")
        if "multiscales" in content:
            yield from self._labels(node, document)
        for i, path in enumerate(list_or_empty(content.get("labels"))):
            yield from _member(node, path, version, f"{prefix}labels[{i}]", _levels_above(document, node))
        if LAYOUT_KEY in content and not {"plate", "multiscales"} & content.keys():
            yield from self._series(node, version)

    def _labels(self, node: Node, document: Document) -> Iterator[Member]:
        """Yield the label images of an image, and the group that lists them."""
        path = join_path(node.path, "labels")
        try:
            labels = read_node(self.objects, path, node.zarr_format, "group")
        except SourceError:
            labels = None
        if labels is None:
            return
        yield Member(path, node.zarr_format, document.version)
        content, prefix = ome_content(labels.attributes)
        count = _levels_above(document, node)
        for i, name in enumerate(list_or_empty(content.get("labels"))):
            yield from _member(labels, name, document.version, f"{prefix}labels[{i}]", count)

    def _series(self, node: Node, version: str) -> Iterator[Member]:
        """Yield the images of a collection: those listed, else those numbered."""
        about = read_node(self.objects, join_path(node.path, "OME"), node.zarr_format, "group")
        content, prefix = ome_content(about.attributes if about else {})
        if about is not None:
            yield Member(about.path, node.zarr_format, version)
        if "series" in content:
            for i, path in enumerate(list_or_empty(content["series"])):
                yield from _member(node, path, version, f"{prefix}series[{i}]")
            return
        numbers = list(numbered_groups(self.objects, node.path, node.zarr_format, MAX_GROUPS)) or ["0"]
        for name in numbers:  # the first one must be there
            yield Member(join_path(node.path, name), node.zarr_format, version, LAYOUT_KEY, parent=node.path)


def _levels_above(document: Document, node: Node) -> int | None:
    """Return the number of levels of an image; None for any other group."""
    images = document.images()
    return len(list_or_empty(images[0][1].get("datasets"))) if images else None


def _member(node: Node, path: object, version: str, place: str, levels: int | None = None) -> Iterator[Member]:
    """Yield the group at a path; none if the path leads elsewhere, as a rule says."""
    try:
        below = path_below(path, place)
    except SourceError:
        return
    yield Member(join_path(node.path, below), node.zarr_format, version, place, levels, node.path)


def _read_level(node: Node, place: str, dataset: Mapping[str, Any]) -> LevelArray:
    facts, grid = read_facts(node), grid_of(node)
    return LevelArray(
        node.path,
        place,
        dataset,
        facts.shape,
        facts.chunks,
        facts.shards,
        str(facts.dtype),
        facts.dtype.itemsize,
        grid.separator,
        node.array or {},
    )
