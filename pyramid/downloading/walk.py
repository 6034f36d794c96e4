"""The tree of an OME-Zarr's nodes, found by following its metadata from the root.

A group names its children: an image its levels and ``labels``, a plate its wells, a well its fields, a collection its
images. Groups on the way to a child, such as the row of a well, belong to it too. All names come from data. The tree is
walked one branch at a time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from pyramid.concurrency.pool import Pool
from pyramid.downloading.anndata import encoded_members, names_nothing, unknown_paths
from pyramid.downloading.children import (
    MAX_CHILDREN,
    MEMBER_LISTS,
    Child,
    Kind,
    by_first_part,
    check_count,
    consolidated_children,
    count_required,
    image_children,
    listed_paths,
)
from pyramid.downloading.levels import image_paths, with_levels
from pyramid.errors import SourceError, StorageError
from pyramid.hierarchy.keys import grid_of
from pyramid.hierarchy.nodes import Node, join_path, numbered_groups, read_document, read_node
from pyramid.hierarchy.unfinished import check_finished
from pyramid.model import StoreFormat
from pyramid.ngff.groups import LAYOUT_KEY, OTHER_GROUPS
from pyramid.ngff.thumbnails import thumbnail_keys
from pyramid.ngff.values import check_path
from pyramid.stores import Readable

# The longest consolidated metadata that is copied: a plate's holds that of all its arrays. If it is longer than a
# document may be, it is not parsed.
MAX_CONSOLIDATED_BYTES = 64 * 2**20
# The most keys of a table that are listed, on storage that can be listed: they are held in memory.
MAX_LISTED = 1_000_000
# The most parts of a path: a level of a label of a field of a well has seven.
MAX_DEPTH = 40
# Nodes that are read ahead of their turn, in each group that is being walked: their requests overlap.
MAX_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """A node whose children are walked when they are asked for.

    Parameters
    ----------
    node
        The node, with the metadata that is to be written.
    files
        Keys of single files that belong to it, each of which may be missing.
    children
        Its children; they can be iterated once.
    is_counted
        Whether its objects are in the total of the download.
    share
        Its share of what its parent's metadata names, from 0 to 1, as each of a plate's wells is one of all.
    """

    node: Node
    files: tuple[str, ...]
    children: Iterator[Branch]
    is_counted: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Walk:
    """A walk below a URL.

    Parameters
    ----------
    objects
        The objects below the URL.
    levels
        The levels of each image that are taken; None for all.
    pool
        The threads that request nodes, some ahead of their turn.

    Attributes
    ----------
    lacking
        A sentence for each part that metadata names and that is missing or cannot be read, as the walk finds them.
    notices
        Parts that the walk leaves out, and why.
    """

    objects: Readable
    levels: slice | None
    pool: Pool
    lacking: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def start(self) -> Branch:
        """Return the root.

        Raises
        ------
        SourceError
            If the URL holds no Zarr, or only a group whose metadata names no parts.
        """
        node = read_node(self.objects)
        if node is not None and node.array is None:
            self._check_finished(node)
        if node is None:
            self.objects.check_found()
            raise self._not_zarr()
        if (
            node.zarr_format == 2
            and (body := read_document(self.objects, ".zmetadata", MAX_CONSOLIDATED_BYTES)) is not None
        ):
            node = replace(node, documents={**node.documents, ".zmetadata": body})
        return self._branch(node, {})

    def _not_zarr(self) -> SourceError:
        """Return the error for an address without a Zarr."""
        location = self.objects.location
        if location.is_local and not os.path.lexists(location.path):
            return SourceError(f"{location} does not exist; check the path")
        if location.is_folder and not os.path.isdir(location.path):
            return SourceError(f"{location} is a file, and an OME-Zarr is a folder; give the path of the folder")
        return SourceError(
            f"{location} is not a Zarr or N5: it has no zarr.json, .zgroup, .zarray or attributes.json; give the URL "
            "of an OME-Zarr's root"
        )

    def _check_finished(self, node: Node) -> None:
        try:
            check_finished(node)
        except SourceError as error:
            raise SourceError(f"{self.objects.location} cannot be copied: {error}") from None

    def _branch(self, node: Node, beyond: Mapping[str, Child], *, leads: bool = True) -> Branch:
        """Return a node with the children that it names, and those `beyond` it.

        The keys of `beyond` are paths below the node.
        """
        if not leads or node.array is not None:
            return Branch(node, (), self._children(node, beyond))
        check_count(node)
        check_finished(node)
        self.notices.extend(unknown_paths(node))
        if node.path and names_nothing(node) and not beyond:
            return Branch(node, self._listed(node), iter(()))
        named = {**beyond, **self._named(node)}
        if self.levels is not None:
            images = node.ome.get("multiscales")
            for path in set(image_paths(images)) - set(image_paths(images, self.levels)):
                del named[path]
        if len(named) > MAX_CHILDREN:
            raise SourceError(f"{node.place} names {len(named)} nodes, and more than {MAX_CHILDREN} are not followed")
        if not node.path and not named:
            raise SourceError(
                f"{self.objects.location} is a group whose metadata names no image, plate, well or array, and a "
                "download lists nothing; give the URL of an image or array in it"
            )
        files: tuple[str, ...] = (join_path(node.path, "OME/METADATA.ome.xml"),) if LAYOUT_KEY in node.ome else ()
        files += tuple(join_path(node.path, key) for key in thumbnail_keys(node.attributes))
        return Branch(with_levels(node, self.levels), files, self._children(node, named))

    def _children(self, node: Node, named: Mapping[str, Child]) -> Iterator[Branch]:
        """Yield the branches below a node, reading a few ahead."""
        waiting: list[tuple[Child, dict[str, Child], Future[Node | SourceError | None]]] = []
        firsts, required = list(by_first_part(named)), count_required(named)
        parts = iter(firsts)
        while True:
            for child, beyond in itertools.islice(parts, MAX_AHEAD - len(waiting)):
                path = join_path(node.path, child.path)
                if path.count("/") >= MAX_DEPTH:
                    raise SourceError(f"{path!r} has more than {MAX_DEPTH} parts, and is not followed")
                read = self.pool.submit(self._read, path, node.zarr_format, child.kind)
                waiting.append((child, beyond, read))
            if not waiting:
                return
            child, beyond, read = waiting.pop(0)
            share = count_required({"": child, **beyond}) / required if required else 1 / len(firsts)
            yield from (replace(branch, share=share) for branch in self._found(node, child, beyond, read.result()))

    def _read(self, path: str, zarr_format: StoreFormat, kind: Kind | None) -> Node | SourceError | None:
        """Return a node, None where it is missing, or the reason it cannot be read."""
        try:
            return read_node(self.objects, path, zarr_format, kind)
        except StorageError as error:
            if self.objects.location.is_local and error.permanent:
                return SourceError(str(error))
            raise
        except SourceError as error:
            return error

    def _listed(self, node: Node) -> tuple[str, ...]:
        """Return the keys below a group whose metadata names no parts.

        Where they cannot be listed, none are returned, and a notice says so.
        """
        try:
            keys = list(itertools.islice(self.objects.keys(f"{node.path}/"), MAX_LISTED + 1))
        except StorageError:
            self.notices.append(
                f"{node.path} is copied without its contents: no metadata names them, and the server cannot list them"
            )
            return ()
        if len(keys) > MAX_LISTED:
            raise SourceError(f"{node.path} holds more than {MAX_LISTED} objects that no metadata names")
        return tuple(check_path(key) for key in keys if key not in node.documents)

    def _found(
        self, parent: Node, child: Child, beyond: dict[str, Child], node: Node | SourceError | None
    ) -> Iterator[Branch]:
        """Yield the branch of a child.

        Where the child itself is missing, the branch holds only those beyond it.
        """
        path = join_path(parent.path, child.path)
        if isinstance(node, Node):
            try:
                branch = self._branch(node, beyond, leads=child.leads)
                if child.path == "OME" and "multiscales" in parent.ome:
                    branch = replace(branch, files=("OME/METADATA.ome.xml",))
                if node.array is not None:
                    grid_of(node)
            except SourceError as error:
                self.lacking.append(f"{path!r} cannot be copied: {error}")
            else:
                yield branch
            return
        if node is not None:
            self.lacking.append(f"{path!r} cannot be read: {node}")
        elif child.required:
            self.lacking.append(f"{path!r} is named by metadata, but no such {child.kind or 'node'} exists")
        if beyond:
            bare = Node(join_path(parent.path, child.path), parent.zarr_format, {}, None, {})
            yield self._branch(bare, beyond, leads=False)

    def _named(self, node: Node) -> dict[str, Child]:
        """Return the children that a group's metadata names, by path below it."""
        ome = node.ome
        children = [*consolidated_children(node), *image_children(ome)]
        lists = {f"{key}.{part}": ome[key].get(part) for key, part in MEMBER_LISTS if isinstance(ome.get(key), Mapping)}
        lists |= {name: ome[name] for name in OTHER_GROUPS if isinstance(ome.get(name), list) and ome[name]}
        children += [Child(path, "group") for path in listed_paths(node, lists, self.lacking)]
        children += [Child(check_path(name), None, required=False) for name in encoded_members(node) or ()]
        if LAYOUT_KEY in ome:
            children += self._series(node, in_plate="plate" in ome)
        elif not node.path and "multiscales" in ome:
            children.append(Child("OME", "group", required=False))
        return {child.path: child for child in children if child.path}

    def _series(self, node: Node, *, in_plate: bool) -> list[Child]:
        """Return the images of a collection.

        They are those that its group ``OME`` names, or else 0, 1, … up to the first that is missing.
        """
        children = [Child("OME", "group", required=False)]
        if in_plate:
            return children
        about = read_node(self.objects, join_path(node.path, "OME"), node.zarr_format, "group")
        series = about.ome.get("series") if about is not None else None
        if about is not None and isinstance(series, list):
            paths = listed_paths(about, {"series": series}, self.lacking) if series else ()
            return [*children, *(Child(path, "group") for path in paths)]
        names = numbered_groups(self.objects, node.path, node.zarr_format, MAX_CHILDREN)
        return [*children, *(Child(name, "group") for name in names)]
