"""`convert` and `plan`, with the steps from the user's arguments to a run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import reporting
from pyramid.engine.schedulers import configured_value, configured_workers, local_scheduler
from pyramid.errors import PyramidError, SourceError, StoppedError, explaining
from pyramid.model import Source, dask_array_of
from pyramid.options.convert import Options, make_options
from pyramid.planning import Plan, Resources, make_plan
from pyramid.readers import open_source
from pyramid.reduce import load_method
from pyramid.stores import check_travels, counting_retries, locate

if TYPE_CHECKING:
    from pyramid.engine.build import ProgressCallback, Runner
    from pyramid.engine.cluster import ClusterRunner
    from pyramid.engine.local import LocalRunner
    from pyramid.image import Image

# Share of the free memory that a run takes by default: enough for speed, and other programs keep most of it.
MEMORY_SHARE = 0.25
# Time that a process takes besides what is measured until its first block, as a share of that and in seconds: Python
# itself begins and ends. Measured on two cores, with one and with eight processes at work.
PROCESS_SHARE, PROCESS_S = 0.3, 0.1


def convert(
    source: object, target: str | os.PathLike[str], *, progress: ProgressCallback | None = None, **options: Any
) -> Image:
    """Build the OME-Zarr pyramid of an image.

    Parameters
    ----------
    source
        A path or URL of a TIFF, a Zarr array, an OME-Zarr or a ``.npy``; or a NumPy, Dask or Zarr array.
    target
        A path, or an ``s3://``, ``gs://`` or ``az://`` URL, at which nothing exists yet.
    progress
        Called after each block with a `Progress`.
    **options
        The fields of `Options`. They are also the flags of ``pyramid convert``.

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
    run(source, os.fspath(target), parsed, progress)
    return read_back(os.fspath(target), parsed)


def read_back(target: str, options: Options) -> Image:
    """Return the image that a run has written.

    Raises
    ------
    SourceError
        If it cannot be read. The error says that the run itself is done.
    """
    from pyramid.image import open as open_image  # noqa: PLC0415  (zarr: not at the import of the package)

    try:
        return open_image(target, options.storage_options)
    except PyramidError as error:
        raise SourceError(
            f"the run is done and its target complete, but its metadata cannot be read back: {error}"
        ) from error


def plan(source: object, target: str | os.PathLike[str] | None = None, *, sample: bool = False, **options: Any) -> Plan:
    """Return the plan of `convert`, without reading pixels or writing anything.

    Parameters
    ----------
    source, target, **options
        As for `convert`. A `target` is checked if it is given.
    sample
        Whether some blocks are read, and written to a temporary folder, to estimate time and size after compression.

    Returns
    -------
    Plan
        Levels, chunks and passes of the run.

    Examples
    --------
    >>> import numpy as np
    >>> [level.shape for level in plan(np.zeros((600, 600)), scale_factors="y=3,x=3").levels]
    [(600, 600), (200, 200)]
    """
    given = None if target is None else os.fspath(target)
    return plan_parsed(source, given, make_options(options), sample=sample)


def plan_parsed(
    source: object, target: str | None, options: Options, *, sample: bool = False, begun_s: float | None = None
) -> Plan:
    """Return the plan, with an estimate if `sample` is set, and write its report.

    `begun_s` is when this process began, on the clock of `time.perf_counter`, if the run is to be in a new process.
    """
    record = RunReport("plan", source, target, options)
    with reporting(record, options.report), prepare(source, target, options, record) as job:
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


@dataclass(frozen=True)
class PreparedRun:
    """A planned run of which nothing is done yet."""

    source: Source
    plan: Plan
    runner: Runner


@contextmanager
def prepare(
    source: object, target: str | None, options: Options, record: RunReport | None = None
) -> Iterator[PreparedRun]:
    """Open the source, find the workers, make the plan, and check the target.

    Nothing is written. The plan and the time of each step are noted in `record` if it is given.
    """
    record = record or RunReport("plan", source, target, options)
    with record.stage("open"), explaining(SourceError, "the source cannot be opened"):
        opened = open_source(source, options)
    with ExitStack() as planning:
        planning.enter_context(record.stage("plan"))
        centred = load_method(options.method).centred
        with _runner(options, opened) as (runner, resources):
            if runner.elsewhere:
                _check_travels(source, target, options)
            resources = _resources(resources, opened, target, may_overlap=not runner.elsewhere)
            record.plan = decided = make_plan(opened.spec, options, centred=centred, resources=resources)
            if target is not None:
                from pyramid.writing.create import check_target  # noqa: PLC0415  (zarr: only to write)

                check_target(opened.spec, target, options)
            planning.close()
            yield PreparedRun(opened, decided, runner.fitted(decided.resources))


def _resources(resources: Resources, source: Source, target: str | None, *, may_overlap: bool) -> Resources:
    """Return the resources of a run, with what is known of its source and its target."""
    target_is_remote = _is_remote(target)
    return replace(
        resources,
        target_needs_whole_objects=target_is_remote,
        source_is_remote=_is_remote(source.spec.location),
        source_in_memory=dask_array_of(source) is not None,
        extra_blocks=int(target_is_remote and may_overlap),
    )


def _is_remote(url: str | None) -> bool:
    return url is not None and not locate(url).is_local


def _check_travels(source: object, target: str | None, options: Options) -> None:
    """Check that other processes can open the stores without being sent a secret."""
    if isinstance(source, str | os.PathLike):
        check_travels(os.fspath(source), options.source_storage_options)
    if target is not None:
        check_travels(target, options.storage_options)


@contextmanager
def _runner(options: Options, source: Source) -> Iterator[tuple[LocalRunner | ClusterRunner, Resources]]:
    """Provide the runner of the tasks, and its resources.

    A cluster runs the tasks if one is named or active, otherwise this process does.
    """
    from pyramid.engine.local import LocalRunner  # noqa: PLC0415  (zarr: not at the import of the package)

    named = options.scheduler or options.scheduler_file
    configured = None if named else configured_value()
    if named or "distributed" in sys.modules:
        from pyramid.engine.cluster import find_client, prepare_cluster  # noqa: PLC0415  (slow to import, and an extra)

        with find_client(options, configured) as client:
            if client is not None:
                with prepare_cluster(client, source, options.memory) as prepared:
                    yield prepared
                return
    scheduler = local_scheduler(configured)
    of_scheduler = None if scheduler is None else scheduler.workers
    workers = of_scheduler or options.workers or configured_workers() or available_cores()
    yield LocalRunner(workers, scheduler), Resources(workers, options.memory or int(free_bytes() * MEMORY_SHARE))


def run(
    source: object,
    target: str,
    options: Options,
    progress: ProgressCallback | None = None,
    record: RunReport | None = None,
) -> RunReport:
    """Build a pyramid as `convert` does, from parsed options.

    It raises the same errors as `convert`. After any of them, `target` has no ``multiscales``. The report of the run is
    made in `record` if it is given, which is complete also after an error.
    """
    record = record or RunReport("convert", source, target, options)
    with reporting(record, options.report), prepare(source, target, options, record) as job:
        _carry_out(job, target, options, record, progress)
    return record


def _carry_out(
    job: PreparedRun, target: str, options: Options, record: RunReport, progress: ProgressCallback | None
) -> None:
    """Do all blocks of a run, and commit its target."""
    from pyramid.engine.build import Tally, run_passes  # noqa: PLC0415  (dask and zarr: not at the import of the package)
    from pyramid.writing.create import open_target  # noqa: PLC0415
    from pyramid.writing.metadata import finish  # noqa: PLC0415

    with counting_retries() as again, ExitStack() as stack:
        stack.callback(lambda: record.count_requests(again.count))
        with record.stage("create"):
            opened, lease = stack.enter_context(open_target(job.plan, target, options))
        record.tally = tally = Tally(job.plan, progress)
        with record.stage("build"):
            run_passes(tally, job.source, opened, job.runner)
        with record.stage("metadata"), explaining(StoppedError, "the metadata cannot be finished"):
            finish(job.plan, opened, lease, tally.extremes)
