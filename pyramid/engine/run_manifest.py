"""The manifest of a run: digests that were taken while its objects were written."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType

from pyramid.concurrency.pool import Pool
from pyramid.engine.machine import available_cores
from pyramid.errors import OptionError, StorageError, TargetError, explaining
from pyramid.manifests.digesting import digest_objects
from pyramid.manifests.entry import Entry
from pyramid.manifests.files import manifest_file
from pyramid.manifests.sorting import Sorter
from pyramid.manifests.text import format_entries, read_entries
from pyramid.model import Box, reduced_shape
from pyramid.planning import Plan
from pyramid.stores import Objects
from pyramid.writing.digested import ALGORITHM
from pyramid.writing.encode import stored_levels
from pyramid.writing.journal import Segment, entries_key
from pyramid.writing.level_documents import early_documents
from pyramid.writing.objects import REQUESTS

logger = logging.getLogger(__name__)


class RunManifest:
    """The manifest of a run, a context manager, which one thread uses.

    Parameters
    ----------
    path
        The file that it is written to.
    plan, objects
        The plan of the run, and its target.
    """

    def __init__(self, path: str, plan: Plan, objects: Objects) -> None:
        self._file = manifest_file("manifest", path)
        self._plan = plan
        self._objects = objects
        self._sorter = Sorter()
        self._not_digested: list[Segment] = []

    def take(self, entries: Iterable[Entry]) -> None:
        """Take the objects of a block."""
        self._sorter.extend(entries)

    def restore(self, segments: Sequence[Segment]) -> None:
        """Take the objects of an earlier run from its journal.

        Where that has no digests, the objects are read at the end.
        """
        for number, segment in enumerate(segments):
            if not segment.digested or not self._restore(number, segment):
                self._not_digested.append(segment)

    def write(self, documents: Mapping[str, bytes]) -> None:
        """Write the file, with the metadata of a run that is finished.

        Raises
        ------
        TargetError
            If it cannot be written. It says that the run itself is done.
        """
        bodies = [*early_documents(self._plan), *documents.items()]
        self.take(Entry(key, len(body), hashlib.sha256(body).hexdigest()) for key, body in bodies)
        try:
            with explaining(TargetError, "manifest"):
                self._read_back()
                with self._file.replacing() as file:
                    file.writelines(format_entries(self._sorter.sorted(), ALGORITHM))
        except (TargetError, StorageError) as error:
            place = self._objects.location
            raise TargetError(
                f"the run is done and {place} complete, but not its manifest: {error}; pyramid manifest {place} makes "
                "it again"
            ) from error

    def __enter__(self) -> RunManifest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sorter.__exit__(kind, error, at)

    def _restore(self, number: int, segment: Segment) -> bool:
        """Take the digests of a segment, and return whether all of them are there."""
        objects = sum(count.objects for count in segment.stored.values())
        if not objects:
            return True
        key = entries_key(number)
        try:
            body = self._objects.get(key)
            entries = [] if body is None else list(read_entries(io.BytesIO(body), key))
        except (OptionError, StorageError) as error:
            logger.warning("%s cannot be used: %s", key, error)
            return False
        if len(entries) != objects:
            return False
        self.take(entries)
        return True

    def _read_back(self) -> None:
        """Digest the objects whose digests an earlier run did not keep."""
        keys = (key for segment in self._not_digested for key in _keys(self._plan, segment))
        workers = available_cores() if self._objects.location.is_local else REQUESTS
        if self._not_digested:
            with Pool(workers) as pool:
                found = digest_objects(self._objects, keys, ALGORITHM, pool)
                self.take(entry for entry in found if entry is not None)


def _keys(plan: Plan, segment: Segment) -> Iterator[str]:
    """Yield the keys of a segment's objects, of which empty ones may be left out."""
    pass_, levels = plan.passes[segment.pass_], stored_levels(plan)
    for first, last in segment.blocks:
        for index in range(first, last + 1):
            box, number = pass_.box(index), pass_.source or 0
            while number <= pass_.last:
                if number >= pass_.first or pass_.source is None:
                    stored = levels[number]
                    yield from (stored.key(at) for at in box.grid_positions(stored.level.object_shape))
                number += 1
                if number <= pass_.last:
                    factors = plan.levels[number].factors
                    start = tuple(a // f for a, f in zip(box.start, factors, strict=True))
                    box = Box(start, reduced_shape(box.shape, factors))
