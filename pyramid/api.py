"""`convert` and `plan`, with the steps from the user's arguments to a run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.report import Result, check_report, plan_report, write_report
from pyramid.engine.schedulers import configured_value, configured_workers, local_scheduler
from pyramid.errors import PyramidError, SourceError, StoppedError, ending_with_remedy, explaining
from pyramid.model import Source
from pyramid.options.convert import Options, make_options
from pyramid.planning import Plan, Resources, make_plan
from pyramid.readers import open_source
from pyramid.readers.dask import DaskSource
from pyramid.reduce import load_method
from pyramid.stores import check_travels, counting_retries, locate, share_storage_options

if TYPE_CHECKING:
    from pyramid.engine.build import ProgressCallback, Runner
    from pyramid.engine.cluster import ClusterRunner
    from pyramid.engine.local import LocalRunner
    from pyramid.image import Image
    from pyramid.writing.estimate import Estimate

# Share of the free memory that a run takes by default: enough for speed, and other programs keep most of it.
MEMORY_SHARE = 0.25


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
    return read_back(source, os.fspath(target), parsed)


@ending_with_remedy()
def read_back(source: object, target: str, options: Options) -> Image:
    """Return the image that a run has written.

    Raises
    ------
    SourceError
        If it cannot be read. The error says that the run itself is done.
    """
    from pyramid.image import open as open_image  # noqa: PLC0415  (zarr: not at the import of the package)

    try:
        return open_image(target, share_storage_options(options, source, target).target_storage_options)
    except PyramidError as error:
        raise SourceError(
            f"the run is done and its target complete, but its metadata cannot be read back: {error}"
        ) from error


def plan(source: object, target: str | os.PathLike[str] | None = None, **options: Any) -> Plan:
    """Return the plan of `convert`, without reading pixels or writing anything.

    Parameters
    ----------
    source, target, **options
        As for `convert`. A `target` is checked if it is given.

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
    return plan_parsed(source, None if target is None else os.fspath(target), make_options(options))[0]


@ending_with_remedy()
def plan_parsed(
    source: object, target: str | None, options: Options, *, sample: bool = False
) -> tuple[Plan, Estimate | None]:
    """Return the plan, and an estimate if `sample` is set.

    The estimate is made from a few chunks. It holds the size after compression and the time.
    """
    options = share_storage_options(options, source, target)
    with prepare(source, target, options) as job:
        estimated = None
        if sample:
            from pyramid.writing.estimate import estimate  # noqa: PLC0415  (zarr: only where pixels are read)

            estimated = estimate(job.plan, job.source)
        if options.report is not None:
            write_report(plan_report(job.plan, estimated), options.report)
        return job.plan, estimated


@dataclass(frozen=True)
class PreparedRun:
    """A planned run of which nothing is done yet."""

    source: Source
    plan: Plan
    runner: Runner


@contextmanager
def prepare(source: object, target: str | None, options: Options) -> Iterator[PreparedRun]:
    """Open the source, find the workers, make the plan, and check the target.

    Nothing is written. The storage options are those that `share_storage_options` returns.
    """
    with explaining(SourceError, "the source cannot be opened"):
        opened = open_source(source, options)
    method = load_method(options.method)
    with _runner(options, opened) as (runner, resources):
        if runner.elsewhere:
            _check_travels(source, target, options)
        target_is_remote = _is_remote(target)
        resources = replace(
            resources,
            target_needs_whole_objects=target_is_remote,
            source_is_remote=_is_remote(opened.spec.location),
            source_in_memory=isinstance(opened, DaskSource),
            extra_blocks=int(target_is_remote and not runner.elsewhere),
        )
        decided = make_plan(opened.spec, options, centred=method.centred, resources=resources)
        if target is not None:
            from pyramid.writing.create import check_target  # noqa: PLC0415  (zarr: only where something is written)

            check_target(opened.spec, target, options)
        if options.report is not None:
            check_report(options.report)
        yield PreparedRun(opened, decided, runner.fitted(decided.resources))


def _is_remote(url: str | None) -> bool:
    return url is not None and not locate(url).is_local


def _check_travels(source: object, target: str | None, options: Options) -> None:
    """Check that other processes can open the stores without being sent a secret."""
    if isinstance(source, str | os.PathLike):
        check_travels(os.fspath(source), options.source_storage_options)
    if target is not None:
        check_travels(target, options.target_storage_options)


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


@ending_with_remedy()
def run(source: object, target: str, options: Options, progress: ProgressCallback | None = None) -> Result:
    """Build a pyramid as `convert` does, from parsed options.

    It raises the same errors as `convert`. After any of them, `target` has no ``multiscales``.
    """
    options = share_storage_options(options, source, target)
    with prepare(source, target, options) as job:
        from pyramid.engine.build import build  # noqa: PLC0415  (dask and zarr: not at the import of the package)
        from pyramid.writing.create import open_target  # noqa: PLC0415
        from pyramid.writing.metadata import finish  # noqa: PLC0415

        started_s = time.perf_counter()
        with counting_retries() as again, open_target(job.plan, target, options) as (opened, lease):
            tally = build(job.plan, job.source, opened, job.runner, progress)
            with explaining(StoppedError, "the metadata cannot be finished"):
                finish(job.plan, opened, lease, tally.extremes)
        seconds = time.perf_counter() - started_s
        requests_again = tally.requests_again + again.count
        result = Result(job.plan, str(locate(target)), seconds, tally.retries, requests_again)
        if options.report is not None:
            write_report(result.to_dict(), options.report)
        return result
