"""`convert` and `plan`, with the steps from the user's arguments to a run."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from pyramid.engine.preparation import PreparedRun, prepare
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import reporting
from pyramid.errors import OptionError, PyramidError, SourceError, StoppedError, ending_with_remedy, explaining
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.options.convert import Options, make_options
from pyramid.options.documented import with_options_listed
from pyramid.planning import Plan
from pyramid.stores import counting_retries, path_or_url, share_storage_options

if TYPE_CHECKING:
    from pyramid.engine.build import ProgressCallback
    from pyramid.image import Image
    from pyramid.options.keywords import ConvertOptions

# Time that a process takes besides what is measured until its first block, as a share of that and in seconds: Python
# itself begins and ends. Measured on two cores, with one and with eight processes at work.
PROCESS_SHARE, PROCESS_S = 0.3, 0.1


@with_options_listed
def convert(
    source: object,
    target: str | os.PathLike[str],
    *,
    progress: bool | ProgressCallback | None = None,
    **options: Unpack[ConvertOptions],
) -> Image:
    """Build the OME-Zarr pyramid of an image.

    Parameters
    ----------
    source
        A path or URL of a TIFF, of a folder or a glob of TIFFs that are one image, of a Zarr array, an OME-Zarr or a
        ``.npy``; or a NumPy, Dask or Zarr array.
    target
        A path, or an ``s3://``, ``gs://`` or ``az://`` URL, at which nothing exists yet.
    progress
        A function that is called after each block with a `Progress`. True shows progress, False shows none; by default
        a notebook shows it.
    **options
        As below; an unknown one is an error. They are also the flags of ``pyramid convert``.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Image
        The pyramid, with its metadata read back.

    Raises
    ------
    OptionError
        If an option is unknown, or has a value that cannot be used.
    SourceError
        If the source cannot be read. Also if the run is done, but the metadata cannot be read back; the error says so.
    TargetError
        If the target exists, or cannot be written.
    StoppedError
        If the run stopped half-way.

    Warns
    -----
    PyramidWarning
        For each notice: what is left out, assumed or repaired. The report has them too.

    Notes
    -----
    Runs on the active Dask client if there is one, otherwise on threads. `target` has no ``multiscales`` until the last
    step, so a half-written pyramid never looks whole.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr", scale={"y": 0.5, "x": 0.5})
    >>> [level.shape for level in image.levels]
    [(300, 400), (150, 200)]
    """
    parsed = make_options(options)
    where = path_or_url(target, "target")
    run(source, where, parsed, progress)
    return read_back(source, where, parsed)


@ending_with_remedy()
def read_back(source: object, target: str, options: Options) -> Image:
    """Return the image that a run has written.

    Raises
    ------
    SourceError
        If it cannot be read. The error says that the run itself is done.
    """
    from pyramid.image import read_image  # noqa: PLC0415  (zarr: not at the import of the package)

    try:
        return read_image(target, share_storage_options(options, source, target).target_storage_options)
    except PyramidError as error:
        raise SourceError(
            f"the run is done and its target complete, but its metadata cannot be read back: {error}"
        ) from error


@with_options_listed
def plan(
    source: object,
    target: str | os.PathLike[str] | None = None,
    *,
    sample: bool = False,
    **options: Unpack[ConvertOptions],
) -> Plan:
    """Return the plan of `convert`, without reading pixels or writing anything.

    Parameters
    ----------
    source, target
        As for `convert`. A `target` is checked if it is given.
    sample
        Whether some blocks are read, and written to a temporary folder, to estimate time and size after compression.
    **options
        As for `convert`.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Plan
        Levels, chunks and passes of the run.

    Warns
    -----
    PyramidWarning
        For each notice: what `convert` leaves out, assumes or repairs. The plan's ``spec.notices`` has them too.

    Examples
    --------
    >>> import numpy as np
    >>> [level.shape for level in plan(np.zeros((600, 600)), scale_factors="y=3,x=3").levels]
    [(600, 600), (200, 200)]
    """
    given = None if target is None else path_or_url(target, "target")
    return plan_parsed(source, given, make_options(options), sample=sample)


@ending_with_remedy()
def plan_parsed(
    source: object, target: str | None, options: Options, *, sample: bool = False, begun_s: float | None = None
) -> Plan:
    """Return the plan, with an estimate if `sample` is set, and write its report.

    `begun_s` is when this process began, on the clock of `time.perf_counter`, if the run is to be in a new process.
    """
    record = RunReport("plan", source, target, options)
    with reporting(record, options.report):
        shared = share_storage_options(options, source, target)
        with prepare(source, target, shared, record) as job:
            give_notices(job.plan.spec.notices, job.plan.spec.name)
            if sample:
                from pyramid.engine.estimate import estimate  # noqa: PLC0415  (zarr: only where pixels are read)

                begun_s = None if begun_s is None else _start_seconds(begun_s)
                estimated = estimate(job.plan, job.source, job.runner, target, begun_s)
                record.plan = replace(job.plan, estimate=estimated)
            return record.plan or job.plan


def _start_seconds(begun_s: float) -> float:
    """Return the time that a new process takes besides its blocks.

    It is this process's time so far, with the imports of a run and of `read_back`.
    """
    import pyramid.engine.build  # noqa: PLC0415  (as a run imports it)
    import pyramid.image  # noqa: F401, PLC0415

    return (time.perf_counter() - begun_s) * (1 + PROCESS_SHARE) + PROCESS_S


@ending_with_remedy()
def run(
    source: object,
    target: str,
    options: Options,
    progress: bool | ProgressCallback | None = None,
    record: RunReport | None = None,
) -> RunReport:
    """Build a pyramid as `convert` does, from parsed options.

    It raises the same errors as `convert`. After any of them, `target` has no ``multiscales``. The report of the run is
    made in `record` if it is given, which is complete also after an error.
    """
    record = record or RunReport("convert", source, target, options)
    with reporting(record, options.report), showing_progress(progress, "convert") as callback:
        shared = share_storage_options(options, source, target)
        if shared.resume and _has_nothing_left(target, shared):
            return record
        with prepare(source, target, shared, record) as job:
            give_notices(job.plan.spec.notices, job.plan.spec.name)
            _carry_out(job, target, shared, record, callback)
    return record


def _has_nothing_left(target: str, options: Options) -> bool:
    """Return whether a run that is to go on has ended before, and say so."""
    from pyramid.engine.resuming import is_finished  # noqa: PLC0415  (NumPy: not at the import of the package)
    from pyramid.stores import open_objects  # noqa: PLC0415
    from pyramid.writing.journal import remove_journal  # noqa: PLC0415

    if options.overwrite:
        raise OptionError("overwrite: resume=True goes on with what is there, and overwrite=True removes it; give one")
    if not is_finished(target, options.target_storage_options):
        return False
    remove_journal(open_objects(target, options.target_storage_options))  # of a run that was killed after its commit
    give_notices((f"{target} is finished: nothing is left to do",), target)
    return True


def _carry_out(
    job: PreparedRun, target: str, options: Options, record: RunReport, progress: ProgressCallback | None
) -> None:
    """Do all blocks of a run, and commit its target."""
    from pyramid.engine.build import Tally, run_passes  # noqa: PLC0415  (dask and zarr: not at the import of the package)
    from pyramid.engine.resuming import describe, go_on  # noqa: PLC0415
    from pyramid.stores import open_objects  # noqa: PLC0415
    from pyramid.writing.create import open_target  # noqa: PLC0415
    from pyramid.writing.journal import remove_journal  # noqa: PLC0415
    from pyramid.writing.metadata import finish  # noqa: PLC0415

    with counting_retries() as again, ExitStack() as stack:
        stack.callback(lambda: record.count_requests(again.count))
        with record.stage("create"):
            kept = describe(job.plan, job.source) if job.unfinished is None else job.unfinished.record
            opened, lease = stack.enter_context(open_target(job.plan, target, options, kept))
            record.tally = tally = Tally(job.plan, progress)
            objects = open_objects(target, options.target_storage_options)
            resumed = go_on(tally, objects, kept, job.unfinished)
        with record.stage("build"), resumed.journal:
            run_passes(tally, job.source, opened, job.runner, resumed)
        with record.stage("metadata"), explaining(StoppedError, "the metadata cannot be finished"):
            finish(job.plan, opened, lease, tally.extremes)
            if job.unfinished is not None or resumed.journal.is_used:
                remove_journal(objects)
