"""The manifest of a collection or a plate, which is made of those of its images."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.concurrency.pool import Pool
from pyramid.engine.machine import available_cores
from pyramid.errors import StorageError, TargetError, explaining
from pyramid.manifests.digesting import digest_objects
from pyramid.manifests.files import manifest_file
from pyramid.manifests.sorting import Sorter
from pyramid.manifests.text import format_entries, read_entries
from pyramid.stores import Objects
from pyramid.writing.digested import ALGORITHM
from pyramid.writing.objects import REQUESTS


@dataclass(frozen=True, slots=True)
class GroupManifest:
    """The manifest of a collection or a plate.

    Parameters
    ----------
    path
        The file that it is written to.
    items
        The images, of which each writes a manifest of its own.
    """

    path: str
    items: tuple[BatchItem, ...]

    def write(self, objects: Objects) -> None:
        """Write the file, once all images and groups are written.

        What no image of this run has is read: the groups, and images that were there before.

        Raises
        ------
        TargetError
            If it cannot be written. It says that the run itself is done.
        """
        try:
            with explaining(TargetError, "manifest"), Sorter() as sorter:
                for item in self.items:
                    file_name = str(item.options.manifest)
                    with open(file_name, "rb") as file:
                        entries = read_entries(file, file_name)
                        sorter.extend(entry._replace(key=f"{item.name}/{entry.key}") for entry in entries)
                self._add_others(objects, sorter)
                with manifest_file("manifest", self.path).replacing() as file:
                    file.writelines(format_entries(sorter.sorted(), ALGORITHM))
        except (TargetError, StorageError) as error:
            place = objects.location
            raise TargetError(
                f"all images of {place} are written, but not its manifest: {error}; give the same with resume=True"
            ) from error

    def _add_others(self, objects: Objects, sorter: Sorter) -> None:
        """Digest the objects that are in no manifest of an image."""
        names = {item.name for item in self.items}
        others = (key for key in objects.keys() if not names.intersection(_parents(key)))  # noqa: SIM118  (not a mapping)
        with Pool(available_cores() if objects.location.is_local else REQUESTS) as pool:
            found = digest_objects(objects, others, ALGORITHM, pool)
            sorter.extend(entry for entry in found if entry is not None)


@contextmanager
def group_manifest(batch: Batch) -> Iterator[tuple[Batch, GroupManifest | None]]:
    """Provide a batch whose images write manifests, and the manifest of all.

    It is the same batch, and None, if no manifest is wanted.
    """
    path = batch.options.manifest
    if path is None or batch.frame is None:
        yield batch, None
        return
    with tempfile.TemporaryDirectory(prefix="pyramid-") as folder:
        items = tuple(_with_manifest(item, os.path.join(folder, str(n))) for n, item in enumerate(batch.items))
        yield replace(batch, items=items), GroupManifest(path, items)


def _with_manifest(item: BatchItem, path: str) -> BatchItem:
    """Return an image with a manifest: its own, or one at `path`."""
    return replace(item, options=replace(item.options, manifest=item.options.manifest or path))


def _parents(key: str) -> Iterator[str]:
    return itertools.accumulate(key.split("/")[:-1], "{}/{}".format)
