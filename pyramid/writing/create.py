"""Create a target: check or clear its location, write a group and empty arrays.

During a run the group says that a conversion is in progress, and has no ``multiscales``. So nobody mistakes half a
pyramid for a whole one.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from pyramid.concurrency.cancelling import cancel_when
from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import TargetError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.hierarchy.n5 import N5_KEY
from pyramid.hierarchy.unfinished import DOWNLOAD, check_no_download
from pyramid.model import Source, SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options.convert import Options
from pyramid.planning import Plan
from pyramid.stores import Location, Objects, locate, open_objects
from pyramid.stores.local import is_partial, remove_partials
from pyramid.writing.claims import check_no_run, check_no_run_around
from pyramid.writing.encode import stored_levels
from pyramid.writing.errors import wrap_errors
from pyramid.writing.folder_lock import one_at_a_time
from pyramid.writing.lease import Lease
from pyramid.writing.level_documents import early_documents
from pyramid.writing.name import check_name
from pyramid.writing.objects import REQUESTS
from pyramid.writing.target import Target

T = TypeVar("T")

LEVEL_KEYS = ("0/zarr.json", f"s0/{N5_KEY}")  # identify an image whose group is lost
# Words of the note of an error whose target can go on.
UNFINISHED = "is unfinished"
# Objects that one request removes at most: the limit of S3.
MAX_DELETED_AT_ONCE = 1000
# Seconds to find out, after a failed run, whether its target is unfinished. Ctrl-C ends a command after 1.8 s, and the
# note must be printed before.
LOOK_S = 1.0


def check_target(spec: SourceSpec, url: str, options: Options) -> bool:
    """Check that a target can be created, before anything is written.

    Returns
    -------
    bool
        False if something is there that is to be replaced.

    Raises
    ------
    TargetError
        If it exists and must not be replaced, or overlaps with the source, or cannot be created or written to.
    """
    location = locate(url)
    check_name(location, options.format)
    if spec.location is not None:
        source = locate(spec.location)
        if source.holds(location) or location.holds(source):
            raise TargetError(f"{location}: target and source ({source}) overlap; give another target")
    if location.is_local:
        _check_folder(location)
        check_no_run_around(Location("file", "", os.path.dirname(location.path)))
    return _check_free(location, open_objects(url, options.target_storage_options), options)


def _check_free(location: Location, objects: Objects, options: Options) -> bool:
    """Return whether the location is free or to go on, or False if it is replaceable.

    Raises
    ------
    TargetError
        If something is there that must not be replaced.
    """
    if _is_free(location, objects):
        return True
    if not (options.overwrite or options.resume):
        raise TargetError(
            f"{location} exists; give another target, or overwrite=True to replace it, or resume=True to go on if it "
            "is unfinished"
        )
    with wrap_errors(str(location), "what is there", "read"):
        check_no_run(objects)
        if options.resume:
            return True
        if location.is_local and os.path.isdir(os.path.join(location.path, DOWNLOAD)):
            check_no_download(location.path)
        found = any(objects.size(key) is not None for key in (*ROOT_KEYS, *LEVEL_KEYS))
    if not found:
        raise TargetError(
            f"{location} exists and is not a Zarr; overwrite=True replaces only a Zarr or N5, so remove it yourself"
        )
    return False


def _check_folder(location: Location) -> None:
    """Check that a local target is not a file, and that its folder can be created.

    Raises
    ------
    TargetError
        If the target is a file, or its folder cannot be created.
    """
    path = location.path
    if not path.isascii() and any("\ud800" <= letter <= "\udfff" for letter in path):
        raise TargetError(f"{path!r} is not valid UTF-8, which chunks need; give another target")
    with _refusing(location), suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(path)
    if os.path.lexists(path) and not os.path.isdir(path):
        raise TargetError(
            f"{location} is a file or a broken link, but an OME-Zarr is a folder; "
            "give another TARGET (SOURCE comes first, then TARGET)"
        )
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise TargetError(f"{location} cannot be created: {path} is not a folder; give another target")
    if not os.access(path, os.W_OK | os.X_OK):
        raise TargetError(f"{location} cannot be created: you may not write to {path}; give another target")


def _is_free(location: Location, objects: Objects) -> bool:
    """Return whether the location holds nothing, or unfinished files only."""
    with wrap_errors(str(location), "what is there", "read"):
        if location.is_local:
            return not os.path.isdir(location.path) or all(map(is_partial, os.listdir(location.path)))
        return next(objects.keys(), None) is None


@contextmanager
def open_target(  # noqa: PLR0913  (what a run writes, and where)
    plan: Plan,
    url: str,
    options: Options,
    record: Mapping[str, Any] | None = None,
    shown: Mapping[str, Any] | None = None,
    *,
    run: str = "",
    base: Source | None = None,
    claimed: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Target, Lease]]:
    """Create the target's group and empty arrays, and hold the target for this run.

    Existing content is removed first, if `options` ask for that. In the context the target belongs to this run. An
    exception that ends the context gets a note if the target is left unfinished.

    Parameters
    ----------
    plan
        The levels to write.
    url
        Path or URL of the target, which `check_target` has accepted.
    options
        Only ``overwrite``, ``resume``, ``manifest`` and ``target_storage_options`` are used.
    record
        What the run does, so that another can go on with it.
    shown
        Attributes of the group that viewers need from the start; None for none.
    run
        Folder in the target that holds the claim of a run which adds levels to a group. The group stays as it is.
    base
        What reads a level 0 that is kept.
    claimed
        Called once the target belongs to this run, before anything is written to it.

    Raises
    ------
    TargetError
        If the target cannot be written, or another run writes to it.
    """
    form, place = FORMATS[plan.version], f"{url.rstrip('/')}/{run}" if run else url
    objects, location = open_objects(url, options.target_storage_options), locate(place)
    claims = open_objects(place, options.target_storage_options) if run else objects
    lease = Lease(claims, 3 if run else form.zarr_format, record, shown)
    digests = options.manifest is not None
    target = Target(url, options.target_storage_options, stored_levels(plan), form.zarr_format, digests, base)
    try:
        _claim(location, claims, options, lease)
        claimed()
        with wrap_errors(url, "metadata"):
            _do_each(lambda document: objects.put(*document), early_documents(plan), location)
        yield target, lease
    except BaseException as error:
        if _give_back(lease, place, options):
            error.add_note(_note(locate(url), in_place=bool(run), shown=bool(shown)))
        raise


def _note(location: Location, *, in_place: bool, shown: bool) -> str:
    """Return the note of an error that leaves a target unfinished."""
    if in_place:
        return (
            f"{location} {UNFINISHED}: it is read as before; the same with resume=True goes on where it stopped, and "
            "without resume it starts again"
        )
    marked = "" if shown else ": it has no multiscales"
    return (
        f"{location} {UNFINISHED}{marked}; the same with resume=True goes on where it stopped, and "
        "overwrite=True starts again"
    )


def _give_back(lease: Lease, url: str, options: Options) -> bool:
    """Release the target, and return whether it is unfinished.

    Returns
    -------
    bool
        False also if that cannot be found out quickly.
    """
    once = {} if locate(url).is_local else {"retries": 0}
    until_s = time.monotonic() + LOOK_S
    with cancel_when(lambda: time.monotonic() > until_s):
        return lease.give_back(open_objects(url, {**(options.target_storage_options or {}), **once}))


def _claim(location: Location, objects: Objects, options: Options, lease: Lease) -> None:
    """Remove existing content if it may be replaced, and claim the target."""
    if location.is_local:
        with _refusing(location):
            os.makedirs(location.path, exist_ok=True)
    if not location.is_local:
        _claim_remote(location, objects, options, lease)
        return
    with one_at_a_time(location):
        if not _check_free(location, objects, options):
            with wrap_errors(str(location), "what is there", "removed"):
                remove_content(location, objects)
        with wrap_errors(str(location), "what is left of a killed run", "removed"):
            remove_partials(location.path, depth=1)  # documents are in the group's folder and in those of its levels
        with wrap_errors(str(location), "metadata"):
            lease.take()  # others see that a run is in progress before anything else is written


def _claim_remote(location: Location, objects: Objects, options: Options, lease: Lease) -> None:
    """Claim a target on object storage, then remove what may be replaced.

    The claim comes first, so that of two runs only one removes anything. Until all is removed, no run may go on.
    """
    # The target was checked when the run was planned, and listing it again would cost a request.
    removes = options.overwrite and not _is_free(location, objects)
    with wrap_errors(str(location), "metadata"):
        lease.take(replaces=removes or options.resume, recorded=not removes)
    if removes:
        with wrap_errors(str(location), "what is there", "removed"):
            remove_content(location, objects, kept=lease.keys)
        with wrap_errors(str(location), "metadata"):
            lease.record()


@contextmanager
def _refusing(location: Location) -> Iterator[None]:
    """Raise TargetError for any error of the system."""
    try:
        yield
    except OSError as error:
        raise TargetError(f"{location} cannot be created: {error.strerror}; give another target") from error


def remove_content(location: Location, objects: Objects, kept: Collection[str] = ()) -> None:
    """Remove everything at the location but the keys `kept`, root documents first.

    So a target that is only half removed does not look whole.
    """
    _do_each(objects.delete, [key for key in ROOT_KEYS if key not in kept], location)
    if location.is_local:
        for name in os.listdir(location.path):
            path = os.path.join(location.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
        return
    keys = (key for key in objects.keys() if key not in kept)  # noqa: SIM118  (a store is not a mapping)
    _do_each(objects.delete_all, _batched(keys, MAX_DELETED_AT_ONCE), location)


def _batched(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield items in lists of at most `most`."""
    rest = iter(items)
    while some := list(itertools.islice(rest, most)):
        yield some


def _do_each(request: Callable[[T], None], items: Iterable[T], location: Location) -> None:
    """Make a request for each item: in turn on local disk, otherwise concurrently.

    Concurrently, since each request to a service waits for a round trip.
    """
    for _ in map_concurrently(request, items, 1 if location.is_local else REQUESTS):
        pass
