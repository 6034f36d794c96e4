"""The plan of a batch: the sums of all images, and those that would be refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.batch.report import failure_table
from pyramid.batch.running import MAX_AT_ONCE
from pyramid.concurrency.parallel import map_concurrently
from pyramid.engine.preparation import prepare
from pyramid.engine.reported_options import source_name, target_name
from pyramid.engine.resuming import SourceChangedError, is_finished
from pyramid.engine.workers import Workers, find_workers
from pyramid.errors import OptionError, PyramidError, ending_with_remedy, exit_status
from pyramid.feedback.notices import give_notices, without_warnings
from pyramid.feedback.progress import format_bytes
from pyramid.stores import locate, missing_folder, share_storage_options
from pyramid.tables import Row, Table, format_count, format_shape, render_html, render_text

if TYPE_CHECKING:
    from pyramid.planning import Plan

# Rows of images in a table: some screens; JSON has them all.
MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """The plan of one image of a batch, in numbers.

    Parameters
    ----------
    source, target
        Paths or URLs, without secrets; no target where no folder was given.
    name
        The target below the folder of the batch.
    axes, shape, dtype
        Of its pixels; empty if it is refused, or finished already.
    source_bytes, raw_bytes
        Size in bytes of its pixels, and of all levels before compression.
    objects
        Number of chunks or shards.
    peak_bytes
        Memory of one task.
    is_whole
        Whether an earlier run has finished it.
    exit_status, error
        The refusal; 0 and empty if there is none.
    notices
        What is left out, assumed or repaired.
    """

    source: str
    target: str | None
    name: str
    axes: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    source_bytes: int = 0
    raw_bytes: int = 0
    objects: int = 0
    peak_bytes: int = 0
    is_whole: bool = False
    exit_status: int = 0
    error: str = ""
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan of the image for JSON."""
        return {
            "source": self.source,
            "target": self.target,
            "axes": self.axes,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "source_bytes": self.source_bytes,
            "raw_bytes": self.raw_bytes,
            "objects": self.objects,
            "peak_bytes": self.peak_bytes,
            "finished": self.is_whole,
            "exit_status": self.exit_status,
            "error": self.error or None,
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The plan of a batch: one `PlannedImage` an image, in the order that was given.

    Parameters
    ----------
    images
        The plans.
    folder
        The folder of all targets, without secrets; None where none was given.
    notices
        Sentences about what was left out.
    """

    images: tuple[PlannedImage, ...]
    folder: str | None
    notices: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[PlannedImage, ...]:
        """Images that `convert` would refuse."""
        return tuple(image for image in self.images if image.error)

    @property
    def exit_status(self) -> int:
        """Exit status of the first image that is refused; 0 if none is."""
        return next((image.exit_status for image in self.refused), 0)

    @property
    def source_bytes(self) -> int:
        """Size in bytes of the pixels of all images that are not refused."""
        return sum(image.source_bytes for image in self.images)

    @property
    def raw_bytes(self) -> int:
        """Size in bytes of all levels before compression."""
        return sum(image.raw_bytes for image in self.images)

    @property
    def objects(self) -> int:
        """Number of chunks or shards."""
        return sum(image.objects for image in self.images)

    @property
    def peak_bytes(self) -> int:
        """Memory of the largest task."""
        return max((image.peak_bytes for image in self.images), default=0)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for JSON."""
        return {
            "folder": self.folder,
            "source_bytes": self.source_bytes,
            "raw_bytes": self.raw_bytes,
            "objects": self.objects,
            "peak_bytes": self.peak_bytes,
            "refused": len(self.refused),
            "notices": list(self.notices),
            "images": [image.to_dict() for image in self.images],
        }

    def tables(self) -> list[Table]:
        """Return the tables of the plan: the sums, the images, and those that are refused."""
        finished = sum(image.is_whole for image in self.images)
        counts = [format_count(len(self.images), "image")]
        counts += [f"{finished} finished before"] * bool(finished) + [f"{len(self.refused)} refused"] * bool(
            self.refused
        )
        facts: list[Row] = [
            ("folder", self.folder or "(none given)"),
            ("images", ", ".join(counts)),
            ("pixels", format_bytes(self.source_bytes)),
            (
                "all levels",
                f"{format_bytes(self.raw_bytes)} before compression, {format_count(self.objects, 'object')}",
            ),
            ("memory a task", f"at most {format_bytes(self.peak_bytes)}"),
        ]
        good = [
            (image.name, image.axes, format_shape(image.shape), image.dtype, format_bytes(image.source_bytes))
            for image in self.images
            if image.axes
        ]
        if len(good) > MAX_ROWS:
            good = [*good[:MAX_ROWS], (f"and {len(good) - MAX_ROWS} more", "", "", "", "")]
        heads = ("image", "axes", "shape", "dtype", "size")
        bad = failure_table([(image.name, image.exit_status, image.error) for image in self.refused])
        return [((), facts), (heads, good), bad]

    def __str__(self) -> str:
        """Return the tables as text."""
        return render_text(self.tables())

    def _repr_html_(self) -> str:
        return render_html(self.tables())


@ending_with_remedy()
def plan_batch(batch: Batch, *, sample: bool = False, chunks_report: bool = False) -> BatchPlan:
    """Plan every image of a batch; nothing is written, and no pixel is read.

    An image that would be refused is not an error here: see `BatchPlan.refused`.

    Raises
    ------
    OptionError
        If a sample or a report, also of chunks, is asked for, which one image has, or the workers cannot be found.
    """
    if sample:
        raise OptionError("sample: blocks are done for one image only; give one SOURCE, or leave the option out")
    if chunks_report:
        raise OptionError("chunks_report: it is of one image; give one SOURCE, or leave the option out")
    if batch.options.report is not None:
        raise OptionError("report: the plan of a batch writes none; leave the option out, and ask for JSON instead")
    with find_workers(batch.options) as workers:
        at_once = min(workers.runs_at_once, MAX_AT_ONCE)
        planned = dict(
            map_concurrently(lambda item: (item.target, _planned(item, batch, workers)), batch.items, at_once)
        )
    around = f"{batch.folder}/image" if batch.frame is None else str(batch.folder)
    made = () if batch.folder is None else missing_folder(locate(around))
    images = tuple(planned[item.target] for item in batch.items)
    found = BatchPlan(images, target_name(batch.folder), (*made, *batch.notices))
    give_notices((*found.notices, *_folded(images)))
    return found


def _planned(item: BatchItem, batch: Batch, workers: Workers) -> PlannedImage:
    """Plan one image, or return why it is refused."""
    target = None if batch.folder is None else item.target
    shown = None if batch.folder is None else item.final_target
    empty = PlannedImage(source_name(item.source), target_name(shown), item.name)
    try:
        with without_warnings(lambda _notice: None), ending_with_remedy():
            decided = _plan(item, target, workers)
    except PyramidError as error:
        return replace(empty, exit_status=exit_status(error), error=str(error))
    if decided is None:
        return replace(empty, is_whole=True)
    spec = decided.spec
    made = set() if target is None else set(missing_folder(locate(target)))
    return replace(
        empty,
        axes=spec.axes,
        shape=spec.shape,
        dtype=spec.dtype,
        source_bytes=math.prod(spec.shape) * spec.item_bytes,
        raw_bytes=decided.raw_bytes,
        objects=decided.objects,
        peak_bytes=decided.peak_bytes,
        notices=tuple(notice for notice in spec.notices if notice not in made),
    )


def _plan(item: BatchItem, target: str | None, workers: Workers) -> Plan | None:
    """Return the plan of one image; None if an earlier run has finished it."""
    shared = share_storage_options(item.options, item.source, target)
    if target is not None and shared.resume and is_finished(target, shared.target_storage_options):
        return None
    try:
        with prepare(item.source, target, shared, workers=workers) as job:
            return job.plan
    except SourceChangedError:  # a batch begins such an image again
        again = replace(shared, resume=False, overwrite=True)
        with prepare(item.source, target, again, workers=workers) as job:
            return job.plan


def _folded(images: tuple[PlannedImage, ...]) -> Iterator[str]:
    """Yield each notice once, with the first image that it is about and how many more."""
    first: dict[str, str] = {}
    counts: dict[str, int] = {}
    for image in images:
        for notice in image.notices:
            first.setdefault(notice, image.name)
            counts[notice] = counts.get(notice, 0) + 1
    for notice, name in first.items():
        more = f" and {counts[notice] - 1} more" if counts[notice] > 1 else ""
        yield f"{name}{more}: {notice}"
