"""A creation in the process that holds its target: gaps, growth, and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.creating.begun import BUILT
from pyramid.creating.canvas import Canvas
from pyramid.creating.declaring import LENGTH, Declared, sized_as_begun, with_length
from pyramid.creating.finishing import build_levels
from pyramid.creating.gathering import Gathering
from pyramid.creating.regions import show_box
from pyramid.creating.storing import Piece, RegionStore
from pyramid.decoding import DecodeError
from pyramid.errors import OptionError, StoppedError, ending_with_remedy, list_some
from pyramid.model import Box, Shape
from pyramid.options.convert import Options
from pyramid.planning import Plan
from pyramid.writing.errors import wrap_errors
from pyramid.writing.journal import remove_journal
from pyramid.writing.lease import Lease
from pyramid.writing.level_documents import early_documents

if TYPE_CHECKING:
    from pyramid.engine.build import ProgressCallback
    from pyramid.image import Image

# The most regions that an error lists.
MAX_LISTED = 4


@dataclass(eq=False)
class CreationRun:
    """A creation that this process holds.

    Parameters
    ----------
    canvas, plan, declared, options
        The image, its plan, and what the user gave.
    record, lease
        What the target says of the creation, and the claim on it.
    gathering
        Parts of objects.
    held
        Ends the claim.
    """

    canvas: Canvas
    plan: Plan
    declared: Declared
    options: Options
    record: dict[str, Any]
    lease: Lease
    gathering: Gathering
    held: ExitStack = field(default_factory=ExitStack)
    is_open: bool = True
    _length: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check_open(self) -> None:
        """Raise an error if the image takes no more pixels."""
        if not self.is_open:
            raise OptionError(f"{self.canvas.store.target.url} is finished or closed; nothing more is written")
        self.lease.check_held()

    def write(self, whole: list[Piece], parts: list[Piece]) -> None:
        """Write whole objects, and gather parts of others.

        All are looked at before anything is changed.
        """
        self.gathering.raise_failed()
        self.gathering.check_same([*whole, *parts])
        parts = self.gathering.in_room(parts)
        self._reopen()
        self.canvas.write_all(whole, self.gathering.workers)
        for box, _ in whole:
            self.gathering.drop(self.canvas.store.index(box))
        for part in parts:
            self.gathering.add(*part)
        self._note([*whole, *parts])

    def _note(self, pieces: list[Piece]) -> None:
        """Note how far the image goes on t."""
        if self.declared.grows:
            t = self.plan.spec.axes.index("t")
            with self._lock:
                before, self._length = self._length, max(self._length, *(box.stop[t] for box, _ in pieces))
                if self.canvas.coarse is not None and self._length > before:
                    self._write_documents(with_length(self.plan, self._length))

    def _reopen(self) -> None:
        """Forget the levels that an earlier run began: their pixels may differ now."""
        with self._lock:
            if BUILT in self.record:
                self.record = {key: value for key, value in self.record.items() if key != BUILT}
                self.lease.record(self.record)
                remove_journal(self.canvas.store.objects)

    def note_built(self, built: Mapping[str, Any]) -> None:
        """Keep the plan of the levels that are being built, so that another run can go on."""
        if self.record.get(BUILT) != built:
            self.record = {**self.record, BUILT: built}
            self.lease.record(self.record)

    def flush(self) -> None:
        """Wait until every object that is whole is stored."""
        self.check_open()
        self.gathering.flush()

    def missing(self) -> list[Box]:
        """Return the regions of objects of level 0 that are not stored."""
        store = self._sized(self.canvas.store.there())[1]
        return [store.box(index) for index in _absent(store)]

    def _sized(self, there: set[Shape]) -> tuple[Plan, RegionStore]:
        """Return the plan and the store of the image as long as it is so far."""
        if not self.declared.grows:
            return self.plan, self.canvas.store
        t = self.plan.spec.axes.index("t")
        edge = self.plan.levels[0].object_shape[t]
        length = max([self._length, *((index[t] + 1) * edge for index in there)])
        plan = with_length(self.plan, max(1, length))
        return plan, self.canvas.store.of_levels(plan.levels)

    def finish(self, fill_missing: bool | None, progress: bool | ProgressCallback | None) -> Image:
        """Build the levels and write the metadata, once all pixels are there."""
        with ending_with_remedy():
            self.flush()
            plan, store = self._sized(self.canvas.store.there())
            absent = list(_absent(store))
            fill = self.options.fill_missing if fill_missing is None else fill_missing
            gaps = [gap for index in absent for gap in self._gaps(store, index)]
            if gaps and not fill:
                raise self._incomplete(store, gaps, len({store.index(gap) for gap in gaps}))
            if self.declared.grows:
                self._settle(plan, store)
            self._fill(store, absent)
            with explaining_damage():
                image = build_levels(self, plan, store, progress)
            self._end()
            return image

    def _settle(self, plan: Plan, store: RegionStore) -> None:
        """Keep the length of the image, and write the documents of its levels."""
        self.record = {**self.record, LENGTH: plan.spec.shape[plan.spec.axes.index("t")]}
        self.lease.record(self.record)
        self.declared, self.plan = sized_as_begun(self.declared, self.plan, self.record)
        self.canvas = replace(self.canvas, shape=self.declared.shape, store=store)
        self._write_documents(plan)

    def _write_documents(self, plan: Plan) -> None:
        """Write the documents of the levels, as long as a plan has them."""
        url = self.canvas.store.target.url
        with wrap_errors(url, "metadata"):
            for key, body in early_documents(plan):
                self.canvas.store.objects.put(key, body)

    def _gaps(self, store: RegionStore, index: Shape) -> Iterator[Box]:
        """Yield the parts of an object that have not come."""
        found = self.gathering.find(index)
        box = store.box(index)
        yield from [box] if found is None else found.coverage.missing(box)

    def _incomplete(self, store: RegionStore, gaps: list[Box], count: int) -> StoppedError:
        regions = list_some([show_box(store.axes, gap) for gap in gaps], MAX_LISTED, "; ")
        return StoppedError(
            f"{store.target.url}: {count} of the {store.level.objects} objects of level 0 never came whole "
            f"({regions}); write what is missing, or give finish(fill_missing=True) to make it 0"
        )

    def _fill(self, store: RegionStore, absent: list[Shape]) -> None:
        """Write the objects that are not there, with 0 for what has not come.

        Objects that hold only zeros are left out if the encoding says so.
        """
        leaves_out = self.plan.encoding.skip_empty
        wanted = [index for index in absent if not leaves_out or self.gathering.find(index) is not None]

        def write(index: Shape) -> None:
            store.write([(store.box(index), self._filled(store, index))])

        for _ in map_concurrently(write, wanted, min(self.gathering.workers, len(wanted)) or 1):
            pass

    def _filled(self, store: RegionStore, index: Shape) -> NDArray[Any]:
        box = store.box(index)
        found = self.gathering.find(index)
        if found is None:
            return np.broadcast_to(np.zeros((), store.dtype), box.shape)
        for gap in found.coverage.missing(box):
            found.view(gap)[...] = 0
        return found.view(box)

    def close(self, error: BaseException | None) -> None:
        """Store what is whole, and leave the image unfinished.

        An error that ends the creation gets a note that it can go on.
        """
        self.is_open = False
        try:
            if error is None or isinstance(error, Exception):
                self.gathering.flush()
        finally:
            self.gathering.close()
            if error is None:
                self.lease.give_back(self.canvas.store.objects)
                self.held.close()
            else:
                self.held.__exit__(type(error), error, error.__traceback__)

    def _end(self) -> None:
        """Release what a finished creation held."""
        self.is_open = False
        self.gathering.close()
        self.held.close()


@contextmanager
def explaining_damage() -> Iterator[None]:
    """Say what to do where level 0 is damaged, as after a loss of power."""
    try:
        yield
    except StoppedError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, DecodeError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise StoppedError(f"{error}; write that region of level 0 again, and finish again") from error


def _absent(store: RegionStore) -> Iterator[Shape]:
    """Yield the indices of the objects of level 0 that are not there."""
    there = store.there()
    grid = (-(-n // edge) for n, edge in zip(store.level.shape, store.level.object_shape, strict=True))
    yield from (index for index in np.ndindex(*grid) if index not in there)
