"""`plan`: what a conversion would do, without doing it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from pyramid.batch.kinds import is_batch, is_grouped
from pyramid.engine.preparation import PreparedRun, prepare
from pyramid.engine.report import RunReport
from pyramid.engine.report_file import reporting
from pyramid.errors import OptionError, SeveralImagesError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.documented import with_options_listed
from pyramid.packing.converting import building_place
from pyramid.planning import Plan
from pyramid.planning.access import with_access
from pyramid.stores import path_or_url, share_storage_options

if TYPE_CHECKING:
    from pyramid.batch.planning import BatchPlan
    from pyramid.options.keywords import ConvertOptions

# Time that a process takes besides what is measured until its first block, as a share of that and in seconds: Python
# itself begins and ends. Measured on two cores, with one and with eight processes at work.
PROCESS_SHARE, PROCESS_S = 0.3, 0.1


@overload
def plan(  # type: ignore[overload-overlap]  # the first that fits counts
    source: list[Any] | tuple[Any, ...] | Iterator[Any],
    target: str | os.PathLike[str] | None = None,
    *,
    each: bool = False,
    sample: bool = False,
    chunks_report: bool = False,
    **options: Unpack[ConvertOptions],
) -> BatchPlan: ...


@overload
def plan(
    source: object,
    target: str | os.PathLike[str] | None = None,
    *,
    each: Literal[True],
    sample: bool = False,
    chunks_report: bool = False,
    **options: Unpack[ConvertOptions],
) -> BatchPlan: ...


@overload
def plan(
    source: object,
    target: str | os.PathLike[str] | None = None,
    *,
    each: Literal[False] = False,
    sample: bool = False,
    chunks_report: bool = False,
    **options: Unpack[ConvertOptions],
) -> Plan: ...


@with_options_listed(option_specs())
def plan(
    source: object,
    target: str | os.PathLike[str] | None = None,
    *,
    each: bool = False,
    sample: bool = False,
    chunks_report: bool = False,
    **options: Unpack[ConvertOptions],
) -> Plan | BatchPlan:
    """Return the plan of `convert`, without reading pixels or writing anything.

    Parameters
    ----------
    source, target, each
        As for `convert`. A `target` is checked if it is given.
    sample
        Whether some blocks are read, and written to a temporary folder, to estimate time and size after compression.
    chunks_report
        Whether the plan says what regions cost to read in its chunks, and in those of the presets.
    **options
        As for `convert`.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Plan or BatchPlan
        Levels, chunks and passes of the run; of a batch, sizes of each image, and which are refused.

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
    given, parsed = None if target is None else path_or_url(target, "target"), make_options(options)
    if not is_batch(source, each=each) and not is_grouped(parsed):
        try:
            return plan_parsed(source, given, parsed, sample=sample, chunks_report=chunks_report)
        except SeveralImagesError as error:
            from pyramid.batch.series import for_all_images  # noqa: PLC0415  (only for several images)

            parsed = for_all_images(parsed, given, error)
    from pyramid.batch.gathering import gather  # noqa: PLC0415  (only for a batch)
    from pyramid.batch.planning import plan_batch  # noqa: PLC0415

    return plan_batch(gather(source, given, parsed, each=each), sample=sample, chunks_report=chunks_report)


@ending_with_remedy()
def plan_parsed(  # noqa: PLR0913  (a user's options, each by its name)
    source: object,
    target: str | None,
    options: Options,
    *,
    sample: bool = False,
    chunks_report: bool = False,
    begun_s: float | None = None,
) -> Plan:
    """Return the plan, with what is asked for besides, and write its report.

    That is an estimate if `sample` is set, and the cost of regions if `chunks_report` is. `begun_s` is when this
    process began, on the clock of `time.perf_counter`, if the run is to be in a new process.
    """
    if options.labels is not None:
        from pyramid.labels import plan_label  # noqa: PLC0415  (only for labels)

        label = ending_with_remedy()(plan_label)(source, target, options)
        target, options = label.target, label.options
    record = RunReport("plan", source, target, options)
    with reporting(record, options.report):
        shared = share_storage_options(options, source, target)
        place = None if target is None else building_place(source, target, shared)
        with prepare(source, place, shared, record) as job:
            give_notices(job.plan.spec.notices, job.plan.spec.name)
            if chunks_report:
                record.plan = with_access(job.plan, shared)
            if sample:
                _check_sampled(job)
                from pyramid.engine.estimate import estimate  # noqa: PLC0415  (zarr: only where pixels are read)

                begun_s = None if begun_s is None else _start_seconds(begun_s)
                estimated = estimate(job.plan, job.source, job.runner, place, begun_s)
                record.plan = replace(record.plan or job.plan, estimate=estimated)
            return record.plan or job.plan


def _check_sampled(job: PreparedRun) -> None:
    """Raise OptionError for a run of which a sample does not have the values."""
    from pyramid.engine.measuring import needs_percentiles  # noqa: PLC0415  (NumPy: only where pixels are read)

    if needs_percentiles(job.source):
        raise OptionError(
            "sample: percentiles are of all pixels, of which a sample reads few; give rescale two values, or leave "
            "the sample out"
        )


def _start_seconds(begun_s: float) -> float:
    """Return the time that a new process takes besides its blocks.

    It is this process's time so far, with the imports of a run and of `read_back`.
    """
    import pyramid.engine.build  # noqa: PLC0415  (as a run imports it)
    import pyramid.image  # noqa: F401, PLC0415

    return (time.perf_counter() - begun_s) * (1 + PROCESS_SHARE) + PROCESS_S
