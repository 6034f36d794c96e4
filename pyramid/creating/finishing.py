"""The end of a creation: its levels, made by the engine, and the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pyramid.creating.begun import BUILT
from pyramid.creating.declaring import DeclaredSource, plan_rest
from pyramid.engine.build import Tally, run_passes
from pyramid.engine.preparation import PreparedRun, check_one_cluster, resources_of
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import check_report, is_page, reporting
from pyramid.engine.resuming import Unfinished, describe, digest_of, go_on
from pyramid.engine.workers import Workers, find_workers
from pyramid.errors import OptionError, StoppedError, explaining
from pyramid.feedback.showing import showing_progress
from pyramid.image import Image, read_image
from pyramid.image.additions import additions_of
from pyramid.image.reported import look_at
from pyramid.options.convert import Options
from pyramid.planning import Plan, Resources
from pyramid.stores import check_travels, counting_retries
from pyramid.writing.journal import read_segments, remove_journal
from pyramid.writing.metadata import finish

if TYPE_CHECKING:
    from pyramid.creating.run import CreationRun
    from pyramid.creating.storing import RegionStore
    from pyramid.engine.build import ProgressCallback
    from pyramid.engine.cluster import ClusterRunner
    from pyramid.engine.local import LocalRunner


def build_levels(run: CreationRun, plan: Plan, store: RegionStore, progress: bool | ProgressCallback | None) -> Image:
    """Build the levels above level 0, and write the metadata.

    Returns the image, with the report of the run.
    """
    options, target, source = run.options, store.target, DeclaredSource(plan.spec)
    record = RunReport("create", None, target.url, options)
    with reporting(record, options.report), showing_progress(progress, "create") as callback, ExitStack() as stack:
        with record.stage("plan"):
            workers = stack.enter_context(find_workers(options, starting=True))
            runner, resources = stack.enter_context(_runner(workers, plan, target.url, options))
            record.plan = decided = plan_rest(plan, _began(run) or resources)
            decided, unfinished = _fitted(run, decided, resources)
        stack.enter_context(workers.held(decided))
        job = PreparedRun(source, decided, runner.fitted(decided), workers, unfinished)
        _carry_out(run, job, store, Tally(decided, callback), record)
        if options.report is not None:
            picture = is_page(options.report)
            record.look = lambda: look_at(target.url, target.storage_options, with_picture=picture)
    return replace(read_image(target.url, target.storage_options), report=record)


def check_ahead(url: str, plan: Plan, options: Options) -> None:
    """Check what `build_levels` will need: its workers, their memory, and its report.

    So an acquisition does not end with a mistake of its beginning.

    Raises
    ------
    OptionError
        If options do not fit each other, or a block does not fit the memory.
    """
    check_one_cluster(options)
    if options.report is not None:
        check_report(options.report, None, url)
    with find_workers(options) as workers, _runner(workers, plan, url, options) as (_, resources):
        plan_rest(plan, resources)


@contextmanager
def _runner(
    workers: Workers, plan: Plan, url: str, options: Options
) -> Iterator[tuple[LocalRunner | ClusterRunner, Resources]]:
    """Provide the runner of the levels, and its resources."""
    source = DeclaredSource(plan.spec)
    with workers.runner(source, options) as (runner, resources):
        elsewhere = runner.elsewhere or workers.presumed is not None
        if elsewhere:
            check_travels(url, options.target_storage_options)
        yield runner, resources_of(resources, source, url, may_overlap=not elsewhere)


def _began(run: CreationRun) -> Resources | None:
    """Return the resources for which an earlier run has planned the levels."""
    try:
        return Resources(**run.record[BUILT]["resources"])
    except (KeyError, TypeError):  # none has begun, or one of another version
        return None


def _fitted(run: CreationRun, plan: Plan, resources: Resources) -> tuple[Plan, Unfinished | None]:
    """Return the plan for the workers of today, and the run that goes on with it."""
    store, built = run.canvas.store, run.record.get(BUILT)
    if built is None:
        return plan, None
    segments, synced = read_segments(store.objects, digest_of(built))
    unfinished = Unfinished(str(store.objects.location), built, tuple(segments), synced)
    try:
        return unfinished.fitted(plan, DeclaredSource(plan.spec), resources), unfinished
    except OptionError:  # another version planned them in another way, or for more memory: they are made anew
        remove_journal(store.objects)
        return plan_rest(plan, resources), None


def _carry_out(run: CreationRun, job: PreparedRun, store: RegionStore, tally: Tally, record: RunReport) -> None:
    """Do the blocks of the levels, and commit the image."""
    objects, decided = store.objects, job.plan
    with counting_retries() as again, ExitStack() as stack:
        stack.callback(lambda: record.count_requests(again.count))
        record.tally = tally
        built = describe(decided, job.source) if job.unfinished is None else job.unfinished.record
        run.note_built(built)
        resumed = go_on(tally, objects, built, job.unfinished)
        resumed.check_held = run.lease.check_held
        with record.stage("build"), resumed.journal:
            run_passes(tally, job.source, store.target, job.runner, resumed)
        with record.stage("metadata"), explaining(StoppedError, "the metadata cannot be finished"):
            whole = replace(decided, keeps_base=False)  # the documents of level 0 are among those that are written
            finish(whole, store.target, run.lease, tally.extremes, additions_of(run.options, whole, store.target))
            remove_journal(objects)
