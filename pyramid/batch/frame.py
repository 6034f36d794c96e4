"""The groups around the images of a collection or a plate.

While its images are converted, the root says that a conversion is in progress. The groups are written when all images
are whole, the root last. So half a collection never looks whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pyramid.errors import SourceError, TargetError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, group_documents
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.hierarchy.unfinished import is_in_progress
from pyramid.ngff.groups import LAYOUT_KEY
from pyramid.ngff.version import Version
from pyramid.packing.converting import pack_target, tidy
from pyramid.stores import Location, Objects, locate, open_objects
from pyramid.stores.local import remove_partials
from pyramid.writing.changing import change_document
from pyramid.writing.claims import check_no_run, check_no_run_around, enclosing, read_record
from pyramid.writing.create import remove_content
from pyramid.writing.errors import wrap_errors
from pyramid.writing.lease import Lease
from pyramid.writing.name import check_name

Kind: TypeAlias = Literal["collection", "plate"]
# Returns key and body of each document but those of the root, and the attributes of the root.
MakeDocuments: TypeAlias = Callable[[Objects, Node | None], tuple[Mapping[str, bytes], Mapping[str, Any]]]
_KEYS: Mapping[Kind, str] = {"collection": LAYOUT_KEY, "plate": "plate"}


@dataclass
class Frame:
    """The root of a collection or a plate, and the groups between it and its images.

    Parameters
    ----------
    url
        Path or URL of the root.
    kind
        What it is.
    version
        The version that is written.
    documents
        Returns key and body of each object but those of the root, and the attributes of the root, given the node that
        was there before.
    storage_options
        Options of its store.
    overwrite, resume
        Whether what is there is replaced, or gone on with.
    archive
        Path or URL of the zipped OME-Zarr that is made of it in the end, or that it is already if `url` is the same;
        None for none.
    """

    url: str
    kind: Kind
    version: Version
    documents: MakeDocuments
    storage_options: Mapping[str, Any] | None = field(default=None, repr=False)
    overwrite: bool = False
    resume: bool = False
    archive: str | None = None

    def archived(self, path: str) -> str:
        """Return path or URL of an image in the archive; empty if there is none."""
        return f"{self.archive}/{path}" if self.archive else ""

    @property
    def final_url(self) -> str:
        """Path or URL of the root when all is done."""
        return self.archive or self.url

    def check(self) -> Node | None:
        """Return the finished root that is added to, if there is one.

        Raises
        ------
        TargetError
            If something is there that is neither to be replaced nor to go on.
        """
        location, objects = locate(self.url), self._objects()
        if self._is_packed:
            return self._packed(objects)
        check_name(location)
        if location.is_local:
            check_no_run_around(Location("file", "", os.path.dirname(location.path)))
            if os.path.lexists(location.path) and not os.path.isdir(location.path):
                raise TargetError(f"{location} is a file, but an OME-Zarr is a folder; give another TARGET")
        with wrap_errors(self.url, "what is there", "read"):
            if next(iter(objects.keys()), None) is None:
                return None
            check_no_run(objects)
            return self._existing(objects, location)

    def _packed(self, objects: Objects) -> Node:
        """Return the node of a root that is packed already, and stays as it is."""
        with wrap_errors(self.url, "what is there", "read"):
            node = read_node(objects, "")
        if node is None or _KEYS[self.kind] not in node.ome:
            raise TargetError(f"{self.url} exists, and is not a {self.kind}; give another target, or overwrite=True")
        return node

    def _existing(self, objects: Objects, location: Location) -> Node | None:
        """Return the node of a root that exists, if it is finished and stays."""
        if not (self.overwrite or self.resume):
            raise TargetError(
                f"{location} exists; give another target, or overwrite=True to replace it, or resume=True to go on "
                f"with a {self.kind}"
            )
        try:
            node = read_node(objects, "")
        except SourceError as error:
            raise TargetError(f"{location}: {error}; start again with overwrite=True") from error
        if self.overwrite:
            if node is None:
                raise TargetError(f"{location} exists and is not a Zarr; remove it yourself, or give another target")
            return None
        if node is not None and is_in_progress(node):
            if (read_record(objects) or {}).get("groups") != self.kind:
                raise TargetError(f"{location} is an unfinished image and not a {self.kind}; give another target")
            return None
        if node is None or _KEYS[self.kind] not in node.ome:
            raise TargetError(f"{location} exists, and is not a {self.kind}; give another target, or overwrite=True")
        if node.zarr_format != self.version.zarr_format:
            raise TargetError(
                f"{location} is of Zarr {node.zarr_format}, and {self.version.title} is of Zarr "
                f"{self.version.zarr_format}; give its version, as ome_zarr_version"
            )
        return node

    @contextmanager
    def building(
        self,
        is_whole: Callable[[], bool],
        finished: Callable[[Objects], None] | None = None,
        progress: object = False,
    ) -> Iterator[None]:
        """Hold the root while its images are written, and end it with them.

        At the end all groups are written, and the archive is made of them. Nothing of this is done unless `is_whole`.
        `finished` is called with the objects when all are written. `progress` is the choice for the batch.
        """
        before, objects = self.check(), self._objects()
        with self._held(before, objects, is_whole):
            yield
        if not is_whole():
            return
        if finished is not None:
            finished(objects)
        if self._is_packed:
            tidy(self.url, self.storage_options)
        elif self.archive is not None:
            pack_target(self.url, self.archive, self.storage_options, progress)

    @contextmanager
    def _held(self, before: Node | None, objects: Objects, is_whole: Callable[[], bool]) -> Iterator[None]:
        if self._is_packed:
            yield
            return
        lease = Lease(objects, self.version.zarr_format, {"groups": self.kind})
        try:
            if before is None:
                self._begin(objects, lease)
            with enclosing(lease.run):
                yield
            if is_whole():
                with wrap_errors(self.url, "metadata"):
                    self._finish(objects, lease, before)
        finally:
            if before is None:
                lease.give_back(objects)

    def _begin(self, objects: Objects, lease: Lease) -> None:
        location = objects.location
        with wrap_errors(self.url, "metadata"):
            if location.is_local:
                os.makedirs(location.path, exist_ok=True)
                remove_partials(location.path, depth=0)
            if self.overwrite:
                remove_content(location, objects)
            lease.take(replaces=True)

    def _finish(self, objects: Objects, lease: Lease, before: Node | None) -> None:
        if before is not None:  # others may add to it at the same time
            remedy = "run the same with resume=True"
            change_document(objects, self._key, lambda _: self._put_others(objects, read_node(objects, "")), remedy)
            return
        lease.end()
        lease.check()
        objects.put(self._key, self._put_others(objects, None))

    def _put_others(self, objects: Objects, before: Node | None) -> bytes:
        """Write all documents but the last one, and return that."""
        documents, attributes = self.documents(objects, before)
        root = group_documents(self.version.zarr_format, attributes)
        for key, body in {**documents, **root}.items():
            if key != self._key:
                objects.put(key, body)
        return root[self._key]

    @property
    def _is_packed(self) -> bool:
        return self.url == self.archive

    @property
    def _key(self) -> str:
        """Key of the document with the attributes of the root."""
        return ATTRIBUTE_KEYS[self.version.zarr_format]

    def _objects(self) -> Objects:
        return open_objects(self.url, self.storage_options)
