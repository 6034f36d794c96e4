"""`convert`, with the steps from the user's arguments to a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from pyramid.api.finished import has_nothing_left, note_other_source
from pyramid.batch.kinds import is_batch, is_grouped
from pyramid.engine.preparation import PreparedRun, prepare
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import is_page, reporting
from pyramid.errors import (
    PyramidError,
    SeveralImagesError,
    SourceError,
    StoppedError,
    ending_with_remedy,
    explaining,
)
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.documented import with_options_listed
from pyramid.packing.converting import building_place, pack_target, tidy
from pyramid.stores import counting_retries, path_or_url, share_storage_options

if TYPE_CHECKING:
    from pyramid.batch.report import BatchReport
    from pyramid.batch.running import BatchCallback
    from pyramid.engine.build import ProgressCallback
    from pyramid.engine.workers import Workers
    from pyramid.image import Image
    from pyramid.options.keywords import ConvertOptions


@overload
def convert(  # type: ignore[overload-overlap]  # the first that fits counts
    source: list[Any] | tuple[Any, ...] | Iterator[Any],
    target: str | os.PathLike[str],
    *,
    each: bool = False,
    progress: bool | BatchCallback | None = None,
    **options: Unpack[ConvertOptions],
) -> BatchReport: ...


@overload
def convert(
    source: object,
    target: str | os.PathLike[str],
    *,
    each: Literal[True],
    progress: bool | BatchCallback | None = None,
    **options: Unpack[ConvertOptions],
) -> BatchReport: ...


@overload
def convert(
    source: object,
    target: str | os.PathLike[str],
    *,
    each: Literal[False] = False,
    progress: bool | ProgressCallback | None = None,
    **options: Unpack[ConvertOptions],
) -> Image: ...


@with_options_listed(option_specs())
def convert(
    source: object,
    target: str | os.PathLike[str],
    *,
    each: bool = False,
    progress: Any = None,
    **options: Unpack[ConvertOptions],
) -> Image | BatchReport:
    """Build the OME-Zarr pyramid of an image, or of each of several images.

    Parameters
    ----------
    source
        A path or URL of a TIFF, of a folder or a glob of TIFFs that are one image, of a Zarr array, an OME-Zarr, or a
        file of another kind in docs/sources.md; or a NumPy, Dask or Zarr array. A list of paths and URLs is a batch,
        as is the path of a list after ``@``: see docs/batch.md.
    target
        A path, or an ``s3://``, ``gs://`` or ``az://`` URL, at which nothing exists yet. Of a batch, the folder of all
        its pyramids.
    each
        Whether `source` is a folder of which each image is converted into its own, with those in its folders.
    progress
        A function that is called after each block with a `Progress`, or after each image of a batch with a
        `BatchProgress`. True shows progress, False shows none; by default a notebook shows it.
    **options
        As below; an unknown one is an error. They are also the flags of ``pyramid convert``.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Image or BatchReport
        The pyramid, with its metadata read back, and the `report` of the run; of a batch, and of a file with several
        images, the outcome of each.

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
    BatchError
        If an image of a batch failed. The others are done, and the error holds the report.

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
    if not is_batch(source, each=each) and not is_grouped(parsed):
        try:
            record = run(source, where, parsed, progress)
            return replace(read_back(source, record.target or where, parsed), report=record.without_pixels())
        except SeveralImagesError as error:
            from pyramid.batch.series import for_all_images  # noqa: PLC0415  (only for several images)

            parsed = for_all_images(parsed, where, error)
    from pyramid.batch.converting import convert_batch  # noqa: PLC0415  (only for a batch)
    from pyramid.batch.gathering import gather  # noqa: PLC0415

    report = convert_batch(gather(source, where, parsed, each=each), run_recorded, progress)
    report.check()
    return report


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
    if options.labels is None:
        return run_recorded(record, progress)
    from pyramid.labels import write_label  # noqa: PLC0415  (only for labels)

    return ending_with_remedy()(write_label)(record, lambda begun: run_recorded(begun, progress))


@ending_with_remedy()
def run_recorded(
    record: RunReport, progress: bool | ProgressCallback | None = None, workers: Workers | None = None
) -> RunReport:
    """Build the pyramid that a new report is about, and complete the report.

    `workers` are those that the runs of a batch share; None finds them for this run.
    """
    source, target, options = record.source, record.target, record.options
    assert target is not None  # only a plan has none
    with reporting(record, options.report):
        with showing_progress(progress, "convert") as callback:
            shared = share_storage_options(options, source, target)
            place = building_place(source, target, shared)
            if place is None:
                tidy(target, shared.target_storage_options)
                note_other_source(source, target, shared)
                return record
            if not (shared.resume and has_nothing_left(source, place, shared)):
                with prepare(source, place, shared, record, workers, starting=True) as job:
                    give_notices(job.plan.spec.notices, job.plan.spec.name)
                    with job.workers.held(job.plan):
                        _carry_out(job, place, shared, record, callback)
        if options.report is not None:
            from pyramid.image.reported import look_at  # noqa: PLC0415  (only for a report)

            picture = is_page(options.report)
            record.look = lambda: look_at(target, shared.target_storage_options, with_picture=picture)
        if place != target:
            with record.stage("metadata"):
                pack_target(place, target, shared.target_storage_options, progress)
    return record


def _carry_out(
    job: PreparedRun, target: str, options: Options, record: RunReport, progress: ProgressCallback | None
) -> None:
    """Do all blocks of a run, and commit its target."""
    from pyramid.engine.build import Tally, run_passes  # noqa: PLC0415  (dask and zarr: not at the import of the package)
    from pyramid.engine.measuring import measured  # noqa: PLC0415
    from pyramid.engine.resuming import describe, go_on  # noqa: PLC0415
    from pyramid.image.additions import additions_of, manifest_of  # noqa: PLC0415
    from pyramid.stores import open_objects  # noqa: PLC0415
    from pyramid.writing.create import open_target  # noqa: PLC0415
    from pyramid.writing.journal import remove_journal  # noqa: PLC0415
    from pyramid.writing.metadata import finish  # noqa: PLC0415
    from pyramid.writing.ome_group import ome_xml_of  # noqa: PLC0415

    with counting_retries() as again, ExitStack() as stack:
        stack.callback(lambda: record.count_requests(again.count))
        with record.stage("create"):
            kept = describe(job.plan, job.source) if job.unfinished is None else job.unfinished.record
            decided, source = measured(job.plan, job.source)
            opened, lease = stack.enter_context(open_target(decided, target, options, kept))
            record.tally = tally = Tally(decided, progress)
            objects = open_objects(target, options.target_storage_options)
            manifest = stack.enter_context(manifest_of(options, decided, objects))
            resumed = go_on(tally, objects, kept, job.unfinished, manifest)
            resumed.check_held = lease.check_held
        with record.stage("build"), resumed.journal:
            run_passes(tally, source, opened, job.runner, resumed)
        with record.stage("metadata"), explaining(StoppedError, "the metadata cannot be finished"):
            more = additions_of(options, decided, opened, manifest, None if record.is_part else ome_xml_of(job.source))
            documents = finish(decided, opened, lease, tally.extremes, more)
            if job.unfinished is not None or resumed.journal.is_used:
                remove_journal(objects)
            if manifest is not None:
                manifest.write(documents)
