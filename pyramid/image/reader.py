"""Reader of the metadata below a URL, by key, without listing and without chunks.

An image of Zarr format 3 takes one request, one for each level, and one for ``labels``. An image of Zarr format 2 takes
three, two for each level, and one. A collection takes those of its document and of one member as a sample, unless all
are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import PyramidError, SourceError, short_repr
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.nodes import Node, join_path, numbered_groups, parse_document, read_document, read_node
from pyramid.hierarchy.unfinished import check_finished, is_in_progress
from pyramid.image.diagnosis import explain_array, explain_group, explain_missing
from pyramid.image.image import Collection, Image, Kind
from pyramid.image.level import ArrayAddress, ImageLevel
from pyramid.model import StoreFormat
from pyramid.ngff import (
    Dataset,
    Group,
    Labels,
    Plate,
    Series,
    Well,
    given_version,
    parse_group,
    parse_versioned,
    read_paths,
)
from pyramid.stores import Location, Readable, locate, open_objects
from pyramid.tables import format_list

T = TypeVar("T")
R = TypeVar("R")

# Requests at a time: enough that their latency hides, and few enough for any server.
MAX_REQUESTS = 16
# The most members of a collection that are read, where all are asked for: all are held in memory.
MAX_MEMBERS = 10_000

# The kind of a collection by the class of its metadata.
_KINDS: Mapping[type[Group], Kind] = {Plate: "plate", Well: "well", Series: "series", Labels: "labels"}


def open_reader(url: str, options: Mapping[str, Any] | None) -> Reader:
    """Return a reader of a URL, without making a request."""
    return Reader(locate(url), url, options, Readable(open_objects(url, options)))


@dataclass(frozen=True)
class Reader:
    """A reader of the metadata at and below one URL.

    Parameters
    ----------
    location, url, options
        The URL; `options` may hold secrets.
    objects
        The objects below it.
    sequential
        Whether requests are made one after another, because other readers make theirs at the same time.
    most
        The most members of a collection that are read, where all are asked for; a plate's wells share them.
    """

    location: Location
    url: str
    options: Mapping[str, Any] | None = field(repr=False)
    objects: Readable
    sequential: bool = False
    most: int = MAX_MEMBERS

    def read(self, path: str, zarr_format: StoreFormat | None = None) -> Image | Collection:
        """Read the image or collection at a path, without a collection's members.

        A group is expected where `zarr_format` is given.

        Raises
        ------
        SourceError
            If there is anything else, or broken metadata; the error names what is there or the place in the metadata.
        StorageError
            If the storage fails.
        """
        node = read_node(self.objects, path, zarr_format, None if zarr_format is None else "group")
        if node is None:
            raise explain_missing(self.objects.inner, path, self.objects.refusal)
        if node.array is not None:
            raise explain_array(node)
        if "multiscales" in node.ome and is_in_progress(node):
            return self._image(node, ("it is being written: pixels that have not come yet are 0",))
        check_finished(node)
        if "multiscales" in node.ome:
            return self._image(node)
        found = parse_group(node.attributes)
        if found is None:
            raise explain_group(self.objects.inner, node)
        return self._collection(node, *found)

    def _image(self, node: Node, notices: Sequence[str] = ()) -> Image:
        version, metadata = parse_versioned(node.attributes)
        tasks: list[Dataset | None] = [*metadata.datasets, None]
        labels: tuple[str, ...] = ()
        found_notices = [*notices, *_odd_version(node, version.name)]

        def read(dataset: Dataset | None) -> ImageLevel | Labels | str:
            if dataset is not None:
                return self._level(node, dataset, metadata.axes)
            try:
                return self._labels(node)
            except PyramidError as error:  # an image is opened without its labels
                return f"its labels cannot be listed: {error}"

        levels = []
        for found in self._map(read, tasks):
            if isinstance(found, ImageLevel):
                levels.append(found)
            elif isinstance(found, Labels):
                labels = found.paths
            else:
                found_notices.append(found)
        found_notices += [*metadata.notices, *_odd_levels(levels)]
        return Image(self._at(node.path), version.name, metadata, tuple(levels), labels, tuple(found_notices))

    def _level(self, node: Node, dataset: Dataset, axes: str) -> ImageLevel:
        found = read_node(self.objects, join_path(node.path, dataset.path), node.zarr_format, "array")
        if found is None:
            raise SourceError(
                f"level {dataset.path!r} is named in its metadata, but no such array exists; copy the image again"
            )
        try:
            facts = read_facts(found)
        except SourceError as error:
            raise SourceError(f"level {dataset.path!r} cannot be read: {error}") from error
        if len(facts.shape) != len(axes):
            raise SourceError(
                f"level {dataset.path!r} has {len(facts.shape)} axes, and the image has {len(axes)}: {axes}"
            )
        address = ArrayAddress(self.location, self.url, self.options, found)
        return ImageLevel(dataset.path, dataset.scale, dataset.translation, facts, address)

    def _labels(self, node: Node) -> Labels:
        """Read the list in ``labels/`` with one request; it is empty if missing."""
        path = join_path(node.path, "labels")
        if node.zarr_format == 2:
            body = read_document(self.objects, key := f"{path}/.zattrs")
            content: Mapping[str, Any] = {} if body is None else parse_document(body, key)
        else:
            found = read_node(self.objects, path, node.zarr_format, "group")
            content = {} if found is None else found.ome
        return Labels(read_paths(content.get("labels", ()), f"{path}: labels"))

    def _collection(self, node: Node, version: str | None, group: Group) -> Collection:
        """Return a collection without its members.

        Images that are not listed are looked for only on local disk, where that takes no requests.
        """
        paths, counted = group.paths, True
        if paths is None:
            paths = self._series(node)
        if not paths and isinstance(group, Series):
            counted = self.location.is_local
            paths = (
                tuple(numbered_groups(self.objects, node.path, node.zarr_format, MAX_MEMBERS)) if counted else ("0",)
            )
        notices = tuple(_odd_version(node, version))
        kind = _KINDS[type(group)]
        return Collection(self._at(node.path), kind, version, node.zarr_format, group, paths, counted, notices=notices)

    def _series(self, node: Node) -> tuple[str, ...]:
        """Read the list of images in the group ``OME``; it is empty if missing."""
        found = read_node(self.objects, join_path(node.path, "OME"), node.zarr_format, "group")
        return () if found is None else read_paths(found.ome.get("series", ()), "OME: series")

    def with_members(self, collection: Collection, path: str, *, every: bool) -> Collection:
        """Return a collection with its first member read, or all of them.

        A member that cannot be read becomes a notice.
        """
        if every:
            collection = self.counted(collection, path)
        paths = collection.paths
        chosen = paths[: self.most if every else 1]
        notices = list(collection.notices)
        if every and len(chosen) < len(paths):
            notices.append(f"it holds {len(paths)}, of which the first {self.most} are read")
        most = max(1, self.most // max(1, len(chosen)))
        inner = replace(self, sequential=self.sequential or len(chosen) > 1, most=most)
        members = []

        def read(name: str) -> Image | Collection | str:
            try:
                return inner._member(join_path(path, name), collection, every=every)
            except PyramidError as error:
                return f"{name} cannot be read: {error}"

        for found in self._map(read, chosen):
            if isinstance(found, str):
                notices.append(found)
            else:
                members.append(found)
                notices += [f"{found.url.removeprefix(collection.url + '/')}: {notice}" for notice in found.notices]
        return replace(collection, members=tuple(members), notices=tuple(notices))

    def counted(self, collection: Collection, path: str) -> Collection:
        """Return a collection with all its paths, looked for if it does not list them."""
        if collection.counted:
            return collection
        numbered = numbered_groups(self.objects, path, collection.zarr_format, MAX_MEMBERS)
        return replace(collection, paths=tuple(numbered), counted=True)

    def first_images(self, collection: Collection, paths: Sequence[str]) -> list[Image | str]:
        """Return the first image of each path of a collection, or why it is not read."""

        def read(path: str) -> Image | str:
            try:
                found = self.read(path, collection.zarr_format)
                if isinstance(found, Collection) and found.paths:
                    found = self.read(join_path(path, found.paths[0]), collection.zarr_format)
            except PyramidError as error:
                return f"{path} cannot be read: {error}"
            return found if isinstance(found, Image) else f"{path} holds no image"

        return list(self._map(read, paths))

    def _member(self, path: str, holder: Collection, *, every: bool) -> Image | Collection:
        """Read a well of a plate, with its own members, or an image of anything else."""
        found = self.read(path, holder.zarr_format)
        if holder.kind != "plate" and isinstance(found, Image):
            return found
        if holder.kind == "plate" and isinstance(found, Collection) and found.kind == "well":
            return self.with_members(found, path, every=every)
        wanted = "a well" if holder.kind == "plate" else "an image"
        raise SourceError(f"there must be {wanted}, not {found!r}")

    def _map(self, do: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
        """Return the result of `do` for each item, in order.

        Items are done concurrently where that hides latency.
        """
        if self.sequential or self.location.is_local or len(items) < 2:
            return map(do, items)
        made = map_concurrently(
            lambda number: (number, do(items[number])), range(len(items)), min(MAX_REQUESTS, len(items))
        )
        return [found for _, found in sorted(made, key=lambda pair: pair[0])]

    def _at(self, path: str) -> str:
        return join_path(str(self.location), path)


def _odd_levels(levels: Sequence[ImageLevel]) -> Iterator[str]:
    """Yield notices where levels are the same array, or differ in dtype."""
    paths = [level.path for level in levels]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        yield f"several of its levels are the same array: {format_list(twice)}"
    counts = [math.prod(level.shape) for level in levels]
    if max(counts) > counts[0]:
        largest = levels[counts.index(max(counts))].path
        yield f"its levels are not listed from the largest on: {paths[0]} is first, and {largest} is larger"
    others = [level for level in levels if level.facts.dtype.name != levels[0].facts.dtype.name]
    if others:
        named = [f"{level.path} of {level.facts.dtype}" for level in others]
        yield f"its levels are not of one dtype: {levels[0].path} is of {levels[0].facts.dtype}, {format_list(named)}"


def _odd_version(node: Node, version: str | None) -> Iterator[str]:
    """Yield a notice where the version is missing, or written in an unusual form."""
    given = given_version(node.attributes)
    if given is None and version is None:
        yield "it does not give its version"
    elif given is None:
        yield f"it does not give its version; it is read as {version}"
    elif given != version:
        yield f"its version, {short_repr(given)}, is read as {version}"
