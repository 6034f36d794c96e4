"""The preparation of a run: source, workers, plan, and a check of the target."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.report import RunReport
from pyramid.engine.schedulers import configured_value, configured_workers, local_scheduler
from pyramid.errors import OptionError, SourceError, explaining
from pyramid.model import Source, dask_array_of
from pyramid.options.convert import Options
from pyramid.planning import Plan, Resources, make_plan
from pyramid.planning.table import describe_scale, summarize
from pyramid.readers import open_source
from pyramid.reduce import load_method
from pyramid.stores import check_travels, locate, missing_folder

if TYPE_CHECKING:
    from pyramid.engine.build import Runner
    from pyramid.engine.cluster import ClusterRunner
    from pyramid.engine.local import LocalRunner
    from pyramid.engine.resuming import Unfinished

logger = logging.getLogger(__name__)

# Share of the free memory that a run takes by default: enough for speed, and other programs keep most of it.
MEMORY_SHARE = 0.25


@dataclass(frozen=True)
class PreparedRun:
    """A planned run of which nothing is done yet."""

    source: Source
    plan: Plan
    runner: Runner
    unfinished: Unfinished | None = None


@contextmanager
def prepare(
    source: object, target: str | None, options: Options, record: RunReport | None = None, *, starting: bool = False
) -> Iterator[PreparedRun]:
    """Open the source, find the workers, make the plan, and check the target.

    Nothing is written. The plan and the time of each step are noted in `record` if it is given. With `starting`, the
    cluster that the options describe is started once a plan for it holds; without, the plan for it is all.
    """
    record = record or RunReport("plan", source, target, options)
    _check_one_cluster(options)
    with record.stage("open"), explaining(SourceError, "the source cannot be opened"):
        opened = open_source(source, options)
    with ExitStack() as planning:
        planning.enter_context(record.stage("plan"))
        planner = _Planner(source, opened, target, options, load_method(options.method).centred)
        with ExitStack() as running:
            runner: LocalRunner | ClusterRunner
            if options.cluster is not None:
                runner, resources = _presumed_runner(options)
                decided, unfinished = planner.decide(resources, elsewhere=True)
            if options.cluster is None or starting:
                runner, resources = running.enter_context(_runner(options, opened))
                decided, unfinished = planner.decide(resources, elsewhere=runner.elsewhere)
            else:
                decided = _with_notices(
                    decided, (f"planned for the workers of {options.cluster}, which is not started",)
                )
            record.plan = decided
            logger.info("scale: %s", describe_scale(decided.spec, options))
            logger.info("plan: %s", summarize(decided))
            if target is not None:
                record.plan = decided = _with_notices(decided, missing_folder(locate(target)))
            planning.close()
            yield PreparedRun(opened, decided, runner.fitted(decided), unfinished)


@dataclass(frozen=True)
class _Planner:
    """The things that a plan follows from, besides workers and memory."""

    source: object
    opened: Source
    target: str | None
    options: Options
    centred: bool

    def decide(self, resources: Resources, *, elsewhere: bool) -> tuple[Plan, Unfinished | None]:
        """Return the plan, and the run that is to go on, once the target is checked."""
        options, opened, target = self.options, self.opened, self.target
        if elsewhere:
            _check_travels(self.source, target, options)
        resources = _resources(resources, opened, target, may_overlap=not elsewhere)
        unfinished = None
        if options.resume and target is not None:
            from pyramid.engine.resuming import find_unfinished  # noqa: PLC0415  (only to go on)

            unfinished = find_unfinished(target, options.target_storage_options)
        planned_for = resources if unfinished is None else unfinished.resources
        decided = make_plan(opened.spec, options, centred=self.centred, resources=planned_for)
        if unfinished is not None:
            decided = unfinished.fitted(decided, opened, resources)
        if target is not None:
            from pyramid.writing.create import check_target  # noqa: PLC0415  (zarr: only to write)

            check_target(opened.spec, target, options)
        return decided, unfinished


def _check_one_cluster(options: Options) -> None:
    """Raise OptionError if the options name two clusters."""
    given = [name for name in ("scheduler", "scheduler_file", "cluster") if getattr(options, name) is not None]
    if len(given) > 1:
        raise OptionError(f"{given[0]}: it and {given[1]}=... name two clusters; give one, not both")


def _with_notices(plan: Plan, notices: Iterable[str]) -> Plan:
    return replace(plan, spec=replace(plan.spec, notices=(*plan.spec.notices, *notices)))


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
        check_travels(target, options.target_storage_options)


def _presumed_runner(options: Options) -> tuple[LocalRunner, Resources]:
    """Return threads for a sample, and the likely resources of a cluster to start."""
    from pyramid.engine.cluster.classes import load_class, presumed_resources  # noqa: PLC0415  (as `_runner`)
    from pyramid.engine.local import LocalRunner  # noqa: PLC0415  (as `_runner`)

    assert options.cluster is not None  # the caller asks for nothing else
    load_class(options.cluster)
    return LocalRunner(available_cores()), presumed_resources(options.cluster, options.memory)


@contextmanager
def _runner(options: Options, source: Source) -> Iterator[tuple[LocalRunner | ClusterRunner, Resources]]:
    """Provide the runner of the tasks, and its resources.

    A cluster runs the tasks if one is named or active, otherwise this process does.
    """
    from pyramid.engine.local import LocalRunner  # noqa: PLC0415  (zarr: not at the import of the package)

    named = options.scheduler or options.scheduler_file or options.cluster
    configured = None if named else configured_value()
    if named or "distributed" in sys.modules:
        from pyramid.engine.cluster import find_client, prepare_cluster  # noqa: PLC0415  (slow to import, and an extra)

        with find_client(options, configured) as client:
            if client is not None:
                with prepare_cluster(client, source, options) as prepared:
                    yield prepared
                return
    if options.performance_report is not None:
        raise OptionError(
            "performance_report: Dask makes it on a cluster, and this run has none; give scheduler=... or cluster=..., "
            "or report=... for the timings of a run on threads"
        )
    scheduler = local_scheduler(configured)
    of_scheduler = None if scheduler is None else scheduler.workers
    workers = of_scheduler or options.workers or configured_workers() or available_cores()
    yield LocalRunner(workers, scheduler), Resources(workers, options.memory or int(free_bytes() * MEMORY_SHARE))
