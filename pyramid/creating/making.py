"""`create`, with the steps from the user's arguments to a handle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Unpack

from pyramid.block import Buffers
from pyramid.creating.begun import NAME, Claim, find_begun, new_record
from pyramid.creating.canvas import Canvas
from pyramid.creating.coarse import CoarseLevels
from pyramid.creating.creation import Creation
from pyramid.creating.declaring import Declared, declare, plan_declared, sized_as_begun, with_length
from pyramid.creating.finishing import check_ahead
from pyramid.creating.gathering import Gathering
from pyramid.creating.run import CreationRun
from pyramid.creating.storing import RegionStore
from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.workers import MEMORY_SHARE
from pyramid.errors import OptionError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.options.convert import Options
from pyramid.options.created import created_specs, make_created_options
from pyramid.options.created_keywords import CreateOptions
from pyramid.options.documented import with_options_listed
from pyramid.options.format import with_format
from pyramid.packing.converting import is_archive
from pyramid.planning import Plan
from pyramid.stores import locate, missing_folder, path_or_url, share_storage_options
from pyramid.writing.create import check_target, open_target
from pyramid.writing.metadata import early_attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike


@with_options_listed(created_specs(), CreateOptions)
@ending_with_remedy()
def create(
    target: str | os.PathLike[str],
    shape: Sequence[int | None],
    dtype: DTypeLike,
    *,
    axes: str | None = None,
    rewrite: bool = False,
    **options: Unpack[CreateOptions],
) -> Creation:
    """Begin an OME-Zarr pyramid whose pixels come by region.

    The handle that is returned is written as an array is, ``target[t, c] = array``: in any order, from any thread, and
    from processes and Dask tasks, to which it pickles. Its `finish` builds the levels, and writes the metadata last.

    Parameters
    ----------
    target
        A path, or an ``s3://``, ``gs://`` or ``az://`` URL, at which nothing exists yet.
    shape
        Pixels on each axis. That of t may be None: it is as long as what is written.
    dtype
        The dtype of the pixels.
    axes
        Order of the axes in `shape` and in keys, letters of ``tczyx``; by default the usual ones for their number.
    rewrite
        Whether a whole object may be written again with other pixels. Otherwise that is an error.
    **options
        As below; an unknown one is an error. With ``levels="as written"`` the metadata is there from the start, and
        each object of a coarse level as soon as it can be made, so that viewers show what has come. ``memory`` bounds
        what waits in memory, and ``fill_missing`` is for pixels that never come.

    Other Parameters
    ----------------
    {options}

    Returns
    -------
    Creation
        The handle, a context manager.

    Raises
    ------
    OptionError
        If an option is unknown, or has a value that cannot be used.
    TargetError
        If the target exists, or cannot be written.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with create(f"{tempfile.mkdtemp()}/run.ome.zarr", (4, 300, 400), "uint8", axes="tyx") as target:
    ...     for t in (2, 0, 3, 1):
    ...         target[t] = np.full((300, 400), t, "uint8")
    >>> from pyramid.image import open
    >>> [level.shape for level in open(target.url).levels]
    [(4, 300, 400), (4, 150, 200)]
    """
    parsed, as_written = make_created_options({**options, "axes": axes})
    where = path_or_url(target, "target")
    if is_archive(locate(where)):
        raise OptionError("target: a zipped OME-Zarr is written at once; create a folder, and give it to pyramid.pack")
    parsed = with_format(share_storage_options(parsed, None, where), where)
    declared = declare(shape, dtype, parsed)
    plan = plan_declared(declared, parsed)
    if as_written and parsed.format == "n5":
        raise OptionError("levels: an N5 has its metadata last, as viewers take it for whole; leave levels out")
    check_ahead(where, plan, parsed)
    give_notices((*plan.spec.notices, *missing_folder(locate(where))), plan.spec.name)
    return _begin(where, declared, plan, parsed, {"as_written": as_written, "rewrite": rewrite})


def _begin(where: str, declared: Declared, plan: Plan, options: Options, ways: Mapping[str, bool]) -> Creation:
    """Claim the target, and return the handle."""
    record = find_begun(where, options.target_storage_options, plan, declared) if options.resume else None
    check_target(plan.spec, where, options)
    declared, plan = (declared, plan) if record is None else sized_as_begun(declared, plan, record)
    record = record or new_record(plan, declared)
    shown = early_attributes(plan, options.attributes) if ways["as_written"] else None
    begun = with_length(plan, 1) if declared.grows else plan
    with ExitStack() as stack:
        opened, lease = stack.enter_context(open_target(begun, where, options, record, shown))
        store = RegionStore(opened, plan.spec.axes, Buffers(), ways["rewrite"]).of_levels(plan.levels)
        coarse = CoarseLevels(plan, store) if ways["as_written"] else None
        canvas = Canvas(declared.letters, declared.shape, store, coarse, Claim(opened, record[NAME]))
        run = CreationRun(canvas, plan, declared, options, record, lease, gathering_of(canvas, options))
        run.held = stack.pop_all()
        return Creation(canvas, run)


def gathering_of(canvas: Canvas, options: Options) -> Gathering:
    """Return the gathering of parts, within the memory and the workers of options."""
    workers = options.workers or available_cores()
    memory_bytes = options.memory or int(free_bytes() * MEMORY_SHARE)
    return Gathering(canvas.store, canvas.write, memory_bytes, workers)
