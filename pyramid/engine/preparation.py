"""The preparation of a run: source, workers, plan, and a check of the target."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.engine.report import RunReport
from pyramid.engine.workers import Workers, find_workers
from pyramid.errors import OptionError, SourceError, TargetError, explaining
from pyramid.model import Source, SourceSpec, dask_array_of, own_levels_of
from pyramid.options.convert import Options
from pyramid.options.format import with_format
from pyramid.planning import KeptBase, Plan, Resources, make_plan
from pyramid.planning.table import describe_scale, summarize
from pyramid.readers import open_source
from pyramid.reduce import load_method, margins_of
from pyramid.stores import check_travels, locate, missing_folder

if TYPE_CHECKING:
    from pyramid.engine.build import Runner
    from pyramid.engine.resuming import Unfinished

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class InPlace:
    """A level 0 that is there, to which a run adds levels in place.

    Parameters
    ----------
    source
        The reader of level 0.
    kept
        Its chunks and shards.
    run_url
        URL of the folder with the claim and the journal of the run.
    paths
        From the plan and the record of an unfinished run, which is empty where one begins, to the path of each level.
    anew
        How a run begins from the start, as messages say it.
    """

    source: Source
    kept: KeptBase
    run_url: str
    paths: Callable[[Plan, Mapping[str, Any]], tuple[str, ...]]
    anew: str


@dataclass(frozen=True)
class PreparedRun:
    """A planned run of which nothing is done yet, and the workers that do it."""

    source: Source
    plan: Plan
    runner: Runner
    workers: Workers
    unfinished: Unfinished | None = None


@contextmanager
def prepare(  # noqa: PLR0913  (the things that a run follows from)
    source: object,
    target: str | None,
    options: Options,
    record: RunReport | None = None,
    workers: Workers | None = None,
    *,
    starting: bool = False,
    in_place: InPlace | None = None,
) -> Iterator[PreparedRun]:
    """Open the source, find the workers, make the plan, and check the target.

    Nothing is written. The plan and the time of each step are noted in `record` if it is given. `workers` are those
    that several runs share; None finds them for this one. With `starting`, the cluster that the options describe is
    started once a plan for it holds; without, the plan for it is all. A run `in_place` adds levels to a level 0.
    """
    record = record or RunReport("plan", source, target, options)
    options = with_format(options, target)
    check_one_cluster(options)
    with record.stage("open"), explaining(SourceError, "the source cannot be opened"):
        opened = open_source(source, options) if in_place is None else in_place.source
    with ExitStack() as planning:
        planning.enter_context(record.stage("plan"))
        decide = functools.partial(_decide, source, opened, target, options, in_place)
        if starting and workers is None and options.cluster is not None:
            with find_workers(options) as presumed, presumed.runner(opened, options) as (_, resources):
                decide(resources, elsewhere=True)
        found = find_workers(options, starting=starting) if workers is None else nullcontext(workers)
        with found as shared, shared.runner(opened, options) as (runner, resources):
            elsewhere = runner.elsewhere or shared.presumed is not None
            decided, unfinished = decide(resources, elsewhere=elsewhere)
            if shared.presumed is not None:
                sentence = f"planned for the workers of {options.cluster}, which is not started"
                decided = _with_notices(decided, (sentence,))
            record.plan = decided
            logger.info("scale: %s", describe_scale(decided.spec, options))
            logger.info("plan: %s", summarize(decided))
            check_manifest(options, source, target)
            if target is not None:
                record.plan = decided = _with_notices(decided, missing_folder(locate(target)))
            planning.close()
            yield PreparedRun(opened, decided, runner.fitted(decided), shared, unfinished)


def check_manifest(options: Options, source: object, target: str | None) -> None:
    """Raise TargetError if the manifest of a run cannot be written."""
    if options.manifest is None:
        return
    from pyramid.manifests.files import manifest_file  # noqa: PLC0415  (only for a manifest)

    manifest_file("manifest", options.manifest).check(source, target)
    if options.report is not None and os.path.realpath(options.report) == os.path.realpath(options.manifest):
        raise OptionError(f"manifest: {options.manifest} is the file of the report too; give another file")


def _unfinished(target: str | None, options: Options, in_place: InPlace | None) -> Unfinished | None:
    """Return the run that is to go on, None where one is to begin."""
    if target is None or not options.resume:
        return None
    from pyramid.engine.resuming import find_unfinished  # noqa: PLC0415  (only to go on)

    if in_place is not None:
        return find_unfinished(in_place.run_url, options.target_storage_options, in_place.anew)
    return find_unfinished(target, options.target_storage_options)


def _decide(  # noqa: PLR0913  (the things that a plan follows from)
    source: object,
    opened: Source,
    target: str | None,
    options: Options,
    in_place: InPlace | None,
    resources: Resources,
    *,
    elsewhere: bool,
) -> tuple[Plan, Unfinished | None]:
    """Return the plan, and the run that is to go on, once the target is checked."""
    if elsewhere:
        _check_travels(source, target, options)
    resources = resources_of(resources, opened, target, may_overlap=not elsewhere)
    unfinished, method = _unfinished(target, options, in_place), load_method(options.method)
    decided = make_plan(
        opened.spec,
        options,
        centred=method.centred,
        margins=functools.partial(margins_of, method),
        resources=resources if unfinished is None else unfinished.resources,
        own=_own_levels(opened, options),
        kept=None if in_place is None else in_place.kept,
    )
    if in_place is not None:
        paths = in_place.paths(decided, {} if unfinished is None else unfinished.record)
        decided = replace(decided, paths=paths)
    if unfinished is not None:
        decided = unfinished.fitted(decided, opened, resources)
    if target is not None and in_place is None:
        from pyramid.writing.create import check_target  # noqa: PLC0415  (zarr: only to write)

        if not check_target(opened.spec, target, options):
            _check_apart(opened, target)
    return decided, unfinished


def _check_apart(source: Source, target: str) -> None:
    """Raise TargetError if a target that is replaced holds the source's pixels."""
    if source.spec.location is not None:
        return
    from pyramid.readers.reach import reads_from  # noqa: PLC0415  (only before something is replaced)

    location = locate(target)
    if reads_from(source, location):
        raise TargetError(
            f"{location}: target and source overlap, as the array reads from it or names it; give another target"
        )


def _own_levels(source: Source, options: Options) -> list[SourceSpec]:
    """Return the smaller levels of a source that may be copied.

    Raises OptionError where what is read is not the whole of what the source holds.
    """
    if options.level_source == "rebuild":
        return []
    changed = [name for name in ("select", "dtype", "rescale") if getattr(options, name) is not None]
    if changed:
        raise OptionError(
            f"level_source: the source's own levels are those of its whole image, so they cannot be reused with "
            f"{changed[0]}; leave one of the two out"
        )
    return [level.spec for level in own_levels_of(source)]


def check_one_cluster(options: Options) -> None:
    """Raise OptionError if the options name two clusters."""
    given = [name for name in ("scheduler", "scheduler_file", "cluster") if getattr(options, name) is not None]
    if len(given) > 1:
        raise OptionError(f"{given[0]}: it and {given[1]}=... name two clusters; give one, not both")


def _with_notices(plan: Plan, notices: Iterable[str]) -> Plan:
    return replace(plan, spec=replace(plan.spec, notices=(*plan.spec.notices, *notices)))


def resources_of(resources: Resources, source: Source, target: str | None, *, may_overlap: bool) -> Resources:
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
