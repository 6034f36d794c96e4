"""The conversion of a batch, with its report and its list of failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.batch.definition import Batch
from pyramid.batch.failures import FailureList
from pyramid.batch.manifest import GroupManifest, group_manifest
from pyramid.batch.report import BatchReport
from pyramid.batch.running import BatchCallback, BatchRun, RunImage, make_folder_around
from pyramid.engine.report_file import check_report, write_report
from pyramid.engine.workers import find_workers
from pyramid.errors import PyramidError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.stores import locate, missing_folder


@ending_with_remedy()
def convert_batch(
    batch: Batch, run: RunImage, progress: bool | BatchCallback | None = None, report: BatchReport | None = None
) -> BatchReport:
    """Convert the images of a batch with the same workers.

    Parameters
    ----------
    batch
        The images.
    run
        Converts one image.
    progress
        As for `pyramid.convert`; a function receives a `BatchProgress` after each image.
    report
        The record to fill, which is complete also after an error; a new one by default.

    Returns
    -------
    BatchReport
        The outcome of each image. An image that fails is not an error here: see `BatchReport.check`.

    Raises
    ------
    OptionError
        If the workers cannot be found. Nothing is written then.
    TargetError
        If the report or the list of failures cannot be written. Nothing is written then.
    """
    report = report or BatchReport(batch)
    with find_workers(batch.options, starting=True) as workers:
        made = missing_folder(locate(f"{batch.folder}/image" if batch.frame is None else str(batch.folder)))
        give_notices((*made, *batch.notices))
        with (
            group_manifest(batch) as (images, manifest),
            _around(batch, report, manifest, progress) as failures,
            _ending(report, failures, batch.options.report),
            showing_progress(progress, "convert") as callback,
        ):
            BatchRun(images, workers, run, callback, report)()
    return report


@contextmanager
def _around(
    batch: Batch, report: BatchReport, manifest: GroupManifest | None, progress: object
) -> Iterator[FailureList | None]:
    """Make the folder of the images, or the groups around them in one OME-Zarr.

    Yields the list of failures; None for one OME-Zarr, which holds nothing else.
    """
    if batch.frame is None:
        make_folder_around(f"{batch.folder}/image")
        yield FailureList(batch)
        return
    if batch.options.report is not None:
        check_report(batch.options.report, None, batch.folder)
    finished = None if manifest is None else manifest.write
    with batch.frame.building(lambda: not report.exit_status, finished, progress):
        yield None


@contextmanager
def _ending(report: BatchReport, failures: FailureList | None, path: str | None) -> Iterator[None]:
    """End a report with the context, and write it with the list of failures.

    An interrupt gets notes about what is done and how to go on.
    """
    try:
        yield
    except BaseException as error:
        report.end(error)
        for sentence in _write(report, failures, path):
            error.add_note(sentence)
        error.add_note(f"{len(report.done)} of {len(report.outcomes)} images are done{report.remedy()}")
        raise
    report.end()
    for sentence in _write(report, failures, path):
        report.stopped = f"{report.stopped}; {sentence}" if report.stopped else sentence


def _write(report: BatchReport, failures: FailureList | None, path: str | None) -> Iterator[str]:
    """Write the list of failures and the report, and yield why one cannot be written."""
    try:
        if failures is not None:
            failures.write(report)
    except PyramidError as error:
        yield str(error)
    if path is not None:
        try:
            write_report(report.to_dict(), path)
        except PyramidError as error:
            yield str(error)
