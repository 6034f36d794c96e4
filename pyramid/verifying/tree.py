"""The images at and below a URL, each with its levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyramid.errors import SourceError
from pyramid.hierarchy.nodes import Node, join_path, numbered_groups, read_node
from pyramid.hierarchy.unfinished import is_in_progress
from pyramid.image.diagnosis import explain_group, explain_missing
from pyramid.ngff import PROGRAM, Multiscale, Series, parse, parse_group, read_paths
from pyramid.readers.zarr.at_url import Hierarchy
from pyramid.stores import Readable
from pyramid.verifying.arrays import Level, open_level
from pyramid.verifying.findings import Finding

# The most images that are looked for where no metadata lists them.
MAX_NUMBERED = 100_000


@dataclass(frozen=True, eq=False)
class FoundImage:
    """An image, or a plain array as an image of one level.

    Parameters
    ----------
    path
        Path below the URL.
    levels
        The levels that can be read, in the order of the metadata.
    metadata
        Its metadata; None for a plain array.
    is_ours
        Whether this program wrote it.
    may_lack
        Whether its writer may leave out objects.
    """

    path: str
    levels: tuple[Level, ...]
    metadata: Multiscale | None = None
    is_ours: bool = False
    may_lack: bool = True

    @property
    def is_label(self) -> bool:
        """True for labels, of which most pixels are often background."""
        return self.metadata is not None and (self.metadata.label is not None or "/labels/" in f"/{self.path}/")


@dataclass(eq=False)
class Tree:
    """The nodes below a URL, read as they are asked for.

    Parameters
    ----------
    objects, url, options
        The objects below the URL, the URL, and its storage options.

    Attributes
    ----------
    nodes
        The nodes that were read, by path.
    """

    objects: Readable
    url: str
    options: Mapping[str, Any] | None = field(repr=False)
    nodes: dict[str, Node] = field(default_factory=dict)

    def images(self) -> Iterator[FoundImage | Finding]:
        """Yield all images, and a finding for each part that cannot be read.

        Raises
        ------
        SourceError
            If the URL holds no Zarr, or a group that names no image.
        """
        node = read_node(self.objects)
        if node is None:
            raise explain_missing(self.objects.inner, "", self.objects.refusal)
        yield from self._below(node)

    def _below(self, node: Node) -> Iterator[FoundImage | Finding]:
        self.nodes[node.path] = node
        if node.array is not None:
            hierarchy = Hierarchy(self.url, self.options, node, self.objects)
            yield FoundImage(node.path, (open_level(hierarchy, node),))
        elif is_in_progress(node):
            address = join_path(str(self.objects.location), node.path)
            message = (
                f"its conversion is not finished; wait for it, or go on: pyramid convert SOURCE {address} resume=True"
            )
            yield Finding("unfinished", message, node.path)
        elif "multiscales" in node.ome:
            yield from self._image(node)
            for path in self._labels(node):
                yield from self._member(node, path)
        else:
            for path in self._members(node):
                yield from self._member(node, path)

    def _member(self, parent: Node, path: str) -> Iterator[FoundImage | Finding]:
        """Yield the images at a path that metadata names."""
        path = join_path(parent.path, path)
        try:
            node = read_node(self.objects, path, parent.zarr_format, "group")
            if node is None:
                yield Finding("unreadable", "it is named by metadata, but no such group exists", path)
                return
            self._note_groups_above(path, parent)
            yield from self._below(node)
        except SourceError as error:
            yield Finding("unreadable", str(error), path)

    def _note_groups_above(self, path: str, parent: Node) -> None:
        """Note the groups between a parent and its member, as the row of a well is."""
        while (path := path.rpartition("/")[0]) != parent.path and path:
            if path not in self.nodes:
                found = read_node(self.objects, path, parent.zarr_format, "group")
                if found is not None:
                    self.nodes[path] = found

    def _image(self, node: Node) -> Iterator[FoundImage | Finding]:
        metadata = parse(node.attributes)
        is_ours = metadata.provenance.get("name") == PROGRAM
        may_lack = not is_ours or bool(metadata.provenance.get("skip_empty"))
        hierarchy = Hierarchy(self.url, self.options, node, self.objects)
        levels: list[Level] = []
        for number, dataset in enumerate(metadata.datasets):
            path = join_path(node.path, dataset.path)
            try:
                found = read_node(self.objects, path, node.zarr_format, "array")
                if found is None:
                    raise SourceError("it is named by the image's metadata, but no such array exists")
                self.nodes[path] = found
                self._note_groups_above(path, node)
                level = open_level(hierarchy, found, image=node.path, number=number, is_complete=not may_lack)
                if len(level.shape) != len(metadata.axes):
                    raise SourceError(f"it has {len(level.shape)} axes, and the image has {len(metadata.axes)}")
                levels.append(replace(level, scale=dataset.scale))
            except SourceError as error:
                yield Finding("unreadable", f"level {number}: {error}", node.path, path, number)
        yield FoundImage(node.path, tuple(levels), metadata, is_ours, may_lack)

    def _labels(self, node: Node) -> tuple[str, ...]:
        """Return the paths of the label images that ``labels`` lists."""
        found = read_node(self.objects, path := join_path(node.path, "labels"), node.zarr_format)
        if found is None or found.array is not None:
            return ()
        self.nodes[path] = found
        return tuple(join_path("labels", name) for name in read_paths(found.ome.get("labels", ()), f"{path}: labels"))

    def _members(self, node: Node) -> tuple[str, ...]:
        """Return the paths that the metadata of a collection names."""
        parsed = parse_group(node.attributes)
        if parsed is None:
            raise explain_group(self.objects.inner, node)
        group = parsed[1]
        if group.paths is not None and not isinstance(group, Series):
            return group.paths
        paths = group.paths
        about = read_node(self.objects, join_path(node.path, "OME"), node.zarr_format, "group")
        if about is not None:
            self.nodes[about.path] = about
            if paths is None:
                paths = read_paths(about.ome.get("series", ()), "OME: series")
        return paths or tuple(numbered_groups(self.objects, node.path, node.zarr_format, MAX_NUMBERED))
