"""`add_levels`, with the steps from the user's arguments to a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from pyramid.adding.committing import clear, commit, prepare_folders, recorded_paths
from pyramid.adding.documents import NewLevels
from pyramid.adding.finding import Base, find_base
from pyramid.adding.fitting import fitted_options, kept_base, source_of
from pyramid.adding.naming import free_paths, usual_paths
from pyramid.engine.build import ProgressCallback, Tally, run_passes
from pyramid.engine.preparation import InPlace, PreparedRun, prepare
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import reporting
from pyramid.engine.resuming import REPLACED, describe, go_on
from pyramid.errors import OptionError, SourceError, StoppedError, TargetError, ending_with_remedy, explaining
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS
from pyramid.image import Image, read_image
from pyramid.ngff import FORMATS
from pyramid.options.adding import ADDING_OPTIONS, make_adding_options
from pyramid.options.convert import Options
from pyramid.options.documented import with_options_listed
from pyramid.planning import Plan
from pyramid.readers.zarr.source import ZarrSource
from pyramid.reduce import load_method
from pyramid.stores import counting_retries, open_objects, path_or_url
from pyramid.writing.claims import ADDING, read_record
from pyramid.writing.create import open_target
from pyramid.writing.generations import remove_paths
from pyramid.writing.metadata import measured_channels

if TYPE_CHECKING:
    from pyramid.options.keywords import AddLevelsOptions

ANEW = "without resume"


@with_options_listed(ADDING_OPTIONS)
def add_levels(
    url: str | os.PathLike[str],
    *,
    rebuild: bool = False,
    progress: bool | ProgressCallback | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **options: Unpack[AddLevelsOptions],
) -> Image:
    """Build the coarser levels of an array or image in place; level 0 is not touched.

    An array in a group of Zarr or N5 becomes level 0 of an image, which the group then is. All metadata of others is
    kept. New levels are stored as level 0 is, unless options say otherwise.

    Parameters
    ----------
    url
        Path or URL of an OME-Zarr 0.4 to 0.6 or an N5 with only level 0, or of an array in a group.
    rebuild
        Whether levels that are there are replaced. Readers see the old until the new are whole.
    progress
        As for `convert`.
    storage_options
        Options with which the store is opened, as for `convert`.
    **options
        As for `convert`.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Image
        The image with its levels. Its ``report`` says what was done.

    Raises
    ------
    OptionError
        If an option does not fit.
    SourceError
        If nothing is there that levels can be added to, or level 0 cannot be read.
    TargetError
        If there are levels and `rebuild` is not set, or the store cannot be written.
    StoppedError
        If the run stopped half-way; the same with ``resume=True`` goes on.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> path = f"{tempfile.mkdtemp()}/zeros.ome.zarr"
    >>> image = pyramid.convert(np.zeros((600, 700), "uint8"), path, levels=1)
    >>> [level.shape for level in add_levels(path).levels]
    [(600, 700), (300, 350), (150, 175)]
    """
    where, parsed = path_or_url(url, "url"), make_adding_options(options, storage_options)
    record = RunReport("add-levels", where, where, parsed)
    run_adding(record, rebuild=rebuild, progress=progress)
    return replace(read_image(record.target or where, storage_options), report=record)


@dataclass(frozen=True)
class _Job:
    """Levels that are to be added: level 0, its reader, and the options."""

    base: Base
    source: ZarrSource
    options: Options
    rebuild: bool

    @property
    def run_url(self) -> str:
        return f"{self.base.url.rstrip('/')}/{ADDING}"

    def in_place(self) -> InPlace:
        return InPlace(self.source, kept_base(self.base), self.run_url, self.paths, ANEW)

    def paths(self, plan: Plan, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the path of each level; raise OptionError if none is to be made."""
        count = len(plan.levels)
        if count < 2:
            raise OptionError(
                f"levels: level 0 is small enough to need no other, as y and x are at most {self.options.min_size}; "
                "give levels=... or min_size=..."
            )
        storage = self.options.target_storage_options
        objects = open_objects(self.base.url, storage)
        usual = usual_paths(self.base.path, count, FORMATS[plan.version].level_prefix)
        begun = record or read_record(open_objects(self.run_url, storage)) or {}
        own = recorded_paths(begun, "paths")[1:]
        if record and len(own) + 1 == count:
            return (self.base.path, *own)
        return free_paths(self.base.group, objects, usual, own, replaces=self.rebuild and bool(self.base.old_paths))


@ending_with_remedy()
def run_adding(record: RunReport, *, rebuild: bool, progress: bool | ProgressCallback | None) -> RunReport:
    """Add the levels that a new report is about, and complete the report."""
    source, options = record.source, record.options
    assert isinstance(source, str)  # a path or URL is all that is taken
    with reporting(record, options.report), showing_progress(progress, "add levels") as callback:
        base = find_base(source, options.target_storage_options)
        record.target = base.url
        if _clear_committed(base, options) and options.resume:
            give_notices((f"{base.location} is finished: nothing is left to do",), str(base.location))
            return record
        _check_levels(base, rebuild=rebuild)
        reader = source_of(base, options)
        fitted = fitted_options(options, base, reader.spec.axes)
        job = _Job(base, reader, fitted, rebuild)
        with prepare(source, base.url, fitted, record, starting=True, in_place=job.in_place()) as prepared:
            _check_document(job, prepared.plan)
            give_notices((*prepared.plan.spec.notices, *_path_notice(prepared.plan)), str(base.location))
            with prepared.workers.held(prepared.plan):
                _carry_out(job, prepared, record, callback)
    return record


def _clear_committed(base: Base, options: Options) -> bool:
    """Remove what a run has left that was killed after it had committed its levels.

    Returns whether there was such a run.
    """
    storage = options.target_storage_options
    record = read_record(open_objects(f"{base.url.rstrip('/')}/{ADDING}", storage)) or {}
    paths = recorded_paths(record, "paths")
    if not paths or paths != (base.path, *base.old_paths):
        return False
    clear(base, recorded_paths(record, REPLACED), storage)
    return True


def _check_levels(base: Base, *, rebuild: bool) -> None:
    """Raise TargetError if there are levels that are not to be replaced."""
    if not base.old_paths:
        return
    count = len(base.old_paths) + 1
    if not rebuild:
        raise TargetError(f"{base.location} has {count} levels already; rebuild=True makes all but level 0 anew")
    if base.version == "n5":
        raise TargetError(
            f"{base.location} is N5, in which levels have fixed names and cannot be replaced at once; pyramid convert "
            "writes it with new levels, to another target"
        )


def _check_document(job: _Job, plan: Plan) -> None:
    """Raise SourceError if the group's document cannot name the levels."""
    group = job.base.group
    key = ATTRIBUTE_KEYS[FORMATS[plan.version].zarr_format]
    new = NewLevels(plan, job.base.image, (), load_method(plan.method).centred)
    try:
        new.document(None if group is None else group.documents.get(key), key)
    except SourceError as error:
        raise SourceError(f"{job.base.location}: {error}") from error


def _path_notice(plan: Plan) -> tuple[str, ...]:
    usual = usual_paths(plan.paths[0], len(plan.paths), FORMATS[plan.version].level_prefix)
    if plan.paths == usual:
        return ()
    return (f"something is at the usual paths of levels, so the new ones are at {', '.join(plan.paths[1:])}",)


def _carry_out(job: _Job, prepared: PreparedRun, record: RunReport, progress: ProgressCallback | None) -> None:
    """Do all blocks of a run, and make the levels those of the group."""
    base, plan, options = job.base, prepared.plan, job.options
    storage = options.target_storage_options
    objects = open_objects(job.run_url, storage)
    with counting_retries() as again, ExitStack() as stack:
        stack.callback(lambda: record.count_requests(again.count))
        with record.stage("create"):
            kept = _record(job, prepared)
            claiming = replace(options, overwrite=not options.resume)
            begin = _beginning(job, prepared)
            place = open_target(plan, base.url, claiming, kept, run=ADDING, base=prepared.source, claimed=begin)
            opened, lease = stack.enter_context(place)
            record.tally = tally = Tally(plan, progress)
            resumed = go_on(tally, objects, kept, prepared.unfinished)
            resumed.check_held = lease.check_held
        with record.stage("build"), resumed.journal:
            run_passes(tally, prepared.source, opened, prepared.runner, resumed)
        with record.stage("metadata"), explaining(StoppedError, "the metadata cannot be finished"):
            channels = () if base.image is not None else measured_channels(plan, opened, tally.extremes)
            new = NewLevels(plan, base.image, channels, load_method(plan.method).centred)
            commit(base, new, opened, lease, recorded_paths(kept, REPLACED))


def _beginning(job: _Job, prepared: PreparedRun) -> Callable[[], None]:
    """Return what is done once the group is claimed.

    Levels that a run has left unfinished are removed, unless this one goes on with them.
    """
    storage, begun = job.options.target_storage_options, prepared.unfinished is not None
    record = None if begun else read_record(open_objects(job.run_url, storage))
    left = [path for path in recorded_paths(record or {}, "paths") if path not in (job.base.path, *job.base.old_paths)]

    def begin() -> None:
        remove_paths(open_objects(job.base.url, storage), left)
        prepare_folders(job.base, prepared.plan.paths[1:], storage)

    return begin


def _record(job: _Job, prepared: PreparedRun) -> Mapping[str, Any]:
    """Return what the run does, and which levels it replaces."""
    if prepared.unfinished is not None:
        return prepared.unfinished.record
    return {**describe(prepared.plan, job.source), REPLACED: list(job.base.old_paths)}
