"""Reads the metadata of what lies below a URL: by key, never by listing, and never a chunk.

Requests: of an image of Zarr format 3 its document, that of each level and that of ``labels``; of Zarr format 2 three,
two a level, and one. Of a collection its document and one member as a sample, unless all are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pyramid.errors import PyramidError, SourceError
from pyramid.image.arrays import read_facts
from pyramid.image.cells import listed
from pyramid.image.image import Collection, Image, Kind
from pyramid.image.level import Level, Place
from pyramid.image.other import tell_array, tell_group, tell_nothing
from pyramid.ngff import (
    Dataset,
    Group,
    Labels,
    Plate,
    Series,
    Well,
    parse_group,
    parse_versioned,
    read_paths,
    said_version,
)
from pyramid.nodes import Node, check_finished, join, parse_document, read_document, read_node, shown
from pyramid.stores import Location, Readable, locate, open_objects, side_by_side

T = TypeVar("T")
R = TypeVar("R")

# Requests at once: enough that their latency hides, and few enough for any server.
REQUESTS = 16
# Of a collection all of whose members are asked for.
MAX_MEMBERS = 10_000

_KINDS: Mapping[type[Group], Kind] = {Plate: "plate", Well: "well", Series: "series", Labels: "labels"}


def open_reader(url: str, options: Mapping[str, Any] | None) -> Reader:
    """A reader of what lies at and below a URL; nothing is asked yet."""
    return Reader(locate(url), url, options, Readable(open_objects(url, options)))


@dataclass(frozen=True)
class Reader:
    """Reads what lies at and below one URL.

    Parameters
    ----------
    location, url, options
        The URL; `options` may hold secrets.
    objects
        What lies there.
    alone
        Whether requests are made one after another: where they are quick, and where other readers make theirs.
    most
        Of a collection's members, where all are asked for; a plate's wells share them.
    """

    location: Location
    url: str
    options: Mapping[str, Any] | None = field(repr=False)
    objects: Readable
    alone: bool = False
    most: int = MAX_MEMBERS

    def read(self, path: str, zarr_format: int | None = None) -> Image | Collection:
        """What lies at a path; of a collection no member. Where its `zarr_format` is known, it is a group.

        Raises SourceError with what is there instead, or with the place of what is broken, and StorageError.
        """
        node = self._node(path, zarr_format, None if zarr_format is None else "group")
        if node is None:
            raise tell_nothing(self.objects.inner, path, self.objects.refusal)
        if node.array is not None:
            raise tell_array(node)
        check_finished(node)
        if "multiscales" in node.ome:
            return self._image(node)
        found = parse_group(node.attributes)
        if found is None:
            raise tell_group(self.objects.inner, node)
        return self._collection(node, *found)

    def _node(
        self, path: str, zarr_format: int | None = None, kind: Literal["array", "group"] | None = None
    ) -> Node | None:
        return read_node(self.objects, path, zarr_format, kind)

    def _image(self, node: Node) -> Image:
        version, metadata = parse_versioned(node.attributes)
        tasks: list[Dataset | None] = [*metadata.datasets, None]
        labels: tuple[str, ...] = ()
        notices = [*_odd_version(node, version.name)]

        def read(dataset: Dataset | None) -> Level | Labels | str:
            if dataset is not None:
                return self._level(node, dataset, metadata.axes)
            try:
                return self._labels(node)
            except PyramidError as error:  # an image is opened without its labels
                return f"its labels cannot be listed: {error}"

        levels = []
        for found in self._map(read, tasks):
            if isinstance(found, Level):
                levels.append(found)
            elif isinstance(found, Labels):
                labels = found.paths
            else:
                notices.append(found)
        notices += [*metadata.notices, *_odd_levels(levels)]
        return Image(self._at(node.path), version.name, metadata, tuple(levels), labels, tuple(notices))

    def _level(self, node: Node, dataset: Dataset, axes: str) -> Level:
        found = self._node(join(node.path, dataset.path), node.zarr_format, "array")
        if found is None:
            raise SourceError(f"level {dataset.path!r} is named in its metadata, but there is no such array")
        try:
            facts = read_facts(found)
        except SourceError as error:
            raise SourceError(f"level {dataset.path!r} cannot be read: {error}") from error
        if len(facts.shape) != len(axes):
            raise SourceError(
                f"level {dataset.path!r} has {len(facts.shape)} axes, and the image has {len(axes)}: {axes}"
            )
        place = Place(self.location, self.url, self.options, found)
        return Level(dataset.path, dataset.scale, dataset.translation, facts, place)

    def _labels(self, node: Node) -> Labels:
        """The list in ``labels/``, by one request; empty where there is none."""
        path = join(node.path, "labels")
        if node.zarr_format == 2:
            body = read_document(self.objects, key := f"{path}/.zattrs")
            content: Mapping[str, Any] = {} if body is None else parse_document(body, key)
        else:
            found = self._node(path, 3, "group")
            content = {} if found is None else found.ome
        return Labels(read_paths(content.get("labels", ()), f"{path}: labels"))

    def _collection(self, node: Node, version: str | None, group: Group) -> Collection:
        """What is told of it; images that are not listed are counted where that takes no requests."""
        paths, counted = group.paths, True
        if paths is None:
            paths = self._series(node)
        if not paths and isinstance(group, Series):
            counted = self.location.is_local
            paths = self._numbered(node.path, node.zarr_format) if counted else ("0",)
        notices = tuple(_odd_version(node, version))
        kind = _KINDS[type(group)]
        return Collection(self._at(node.path), kind, version, node.zarr_format, group, paths, counted, notices=notices)

    def _series(self, node: Node) -> tuple[str, ...]:
        """The images that are listed beside the metadata in ``OME``; empty where they are not."""
        found = self._node(join(node.path, "OME"), node.zarr_format, "group")
        return () if found is None else read_paths(found.ome.get("series", ()), "OME: series")

    def with_members(self, collection: Collection, path: str, *, every: bool) -> Collection:
        """The collection with its first member read, or all of them; what cannot be read is a notice."""
        if every and not collection.counted:
            collection = replace(collection, paths=self._numbered(path, collection.zarr_format), counted=True)
        paths = collection.paths
        chosen = paths[: self.most if every else 1]
        notices = list(collection.notices)
        if every and len(chosen) < len(paths):
            notices.append(f"it holds {len(paths)}, of which the first {self.most} are read")
        inner = replace(self, alone=self.alone or len(chosen) > 1, most=max(1, self.most // max(1, len(chosen))))
        members = []

        def read(name: str) -> Image | Collection | str:
            try:
                return inner._member(join(path, name), collection, every=every)
            except PyramidError as error:
                return f"{name} cannot be read: {error}"

        for found in self._map(read, chosen):
            if isinstance(found, str):
                notices.append(found)
            else:
                members.append(found)
                notices += [f"{found.url.removeprefix(collection.url + '/')}: {one}" for one in found.notices]
        return replace(collection, members=tuple(members), notices=tuple(notices))

    def _member(self, path: str, holder: Collection, *, every: bool) -> Image | Collection:
        """A well of a plate, with its own members, or an image of anything else."""
        found = self.read(path, holder.zarr_format)
        if holder.kind != "plate" and isinstance(found, Image):
            return found
        if holder.kind == "plate" and isinstance(found, Collection) and found.kind == "well":
            return self.with_members(found, path, every=every)
        raise SourceError(f"it is neither a well of a plate nor an image where one belongs, but {found!r}")

    def _numbered(self, path: str, zarr_format: int) -> tuple[str, ...]:
        """The images 0, 1, … up to the first that is not there."""
        found: list[str] = []
        while len(found) < MAX_MEMBERS and self._node(join(path, str(len(found))), zarr_format, "group"):
            found.append(str(len(found)))
        return tuple(found)

    def _map(self, do: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
        """What `do` makes of each item, in order; at once where that hides latency."""
        if self.alone or self.location.is_local or len(items) < 2:
            return map(do, items)
        made = side_by_side(lambda number: (number, do(items[number])), range(len(items)), min(REQUESTS, len(items)))
        return [found for _, found in sorted(made, key=lambda pair: pair[0])]

    def _at(self, path: str) -> str:
        return join(str(self.location), path)


def _odd_levels(levels: Sequence[Level]) -> Iterator[str]:
    """Notices of levels that are not of one kind, as the levels of an image are."""
    paths = [level.path for level in levels]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        yield f"several of its levels are the same array: {listed(twice)}"
    counts = [math.prod(level.shape) for level in levels]
    if max(counts) > counts[0]:
        largest = levels[counts.index(max(counts))].path
        yield f"its levels are not listed from the largest on: {paths[0]} is first, and {largest} is larger"
    others = [level for level in levels if level.dtype.newbyteorder("=") != levels[0].dtype.newbyteorder("=")]
    if others:
        named = [f"{level.path} of {level.dtype}" for level in others]
        yield f"its levels are not of one dtype: {levels[0].path} is of {levels[0].dtype}, {listed(named)}"


def _odd_version(node: Node, version: str | None) -> Iterator[str]:
    """A notice, where the version is not told as its specification has it."""
    said = said_version(node.attributes)
    if said is None and version is None:
        yield "it does not tell its version"
    elif said is None:
        yield f"it does not tell its version; it is read as {version}"
    elif said != version:
        yield f"its version, {shown(said)}, is read as {version}"
