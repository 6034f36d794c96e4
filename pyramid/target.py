"""A target is made: refused or cleared where something is there, then a group and empty arrays.

While a run goes on the group says that it is in progress and has no ``multiscales``, so that nobody takes half a
pyramid for a whole one.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from pyramid.block import FILL_VALUE
from pyramid.codecs import compressors
from pyramid.documents import ArrayForm, array_documents
from pyramid.downloading.folder import WORK, check_no_download
from pyramid.encode import make_encoding
from pyramid.errors import TargetError
from pyramid.lease import WATCH_S, Lease, check_no_run, check_no_run_around
from pyramid.model import SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options import Options
from pyramid.planning import Level, Plan
from pyramid.sink import Sink
from pyramid.stores import Location, Objects, giving_up_when, locate, open_objects, side_by_side
from pyramid.writers import REQUESTS
from pyramid.writing import StoredLevel, told

if sys.platform != "win32":
    import fcntl

T = TypeVar("T")

# Any of these at its root makes a folder a Zarr; the ones that hold multiscales come first.
ROOT_KEYS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
LEVEL_KEY = "0/zarr.json"  # of an image whose group is lost
# What one request to a service removes at most.
DELETED_AT_ONCE = 1000
# How long to look, when a run has failed, for what it left.
LOOK_S = 1.0


def check_target(spec: SourceSpec, url: str, options: Options) -> None:
    """Refuse a target that cannot be, before anything is written.

    Raises
    ------
    TargetError
        Where it exists and is not to be replaced, is no Zarr, or where target and source lie within each other.
    """
    location = locate(url)
    if location.scheme in ("http", "https"):
        raise TargetError(f"{location}: the web is there to be read; give a path, or an s3://, gs:// or az:// URL")
    if spec.location is not None:
        source = locate(spec.location)
        if source.holds(location) or location.holds(source):
            raise TargetError(f"{location}: target and source ({source}) lie within each other; give another target")
    if location.is_local:
        _check_folder(location)
        check_no_run_around(Location("file", "", os.path.dirname(location.path)))
    _check_free(location, open_objects(url, options.storage_options), options)


def _check_free(location: Location, objects: Objects, options: Options) -> bool:
    """Return whether nothing is there; raise TargetError where something is that may not be replaced."""
    if _is_free(location, objects):
        return True
    if not options.overwrite:
        raise TargetError(f"{location} exists; give another target, or --overwrite to replace it")
    with told(str(location), "what is there", "read"):
        check_no_run(objects)
        if location.is_local and os.path.isdir(os.path.join(location.path, WORK)):
            check_no_download(location.path)
        found = any(objects.size(key) is not None for key in (*ROOT_KEYS, LEVEL_KEY))
    if not found:
        raise TargetError(
            f"{location} exists and is no Zarr, and --overwrite replaces nothing else; remove it yourself"
        )
    return False


def _check_folder(location: Location) -> None:
    """Refuse a local target that is a file, or whose folder cannot be made."""
    path = location.path
    if not path.isascii() and any("\ud800" <= letter <= "\udfff" for letter in path):
        raise TargetError(f"{path!r} is no UTF-8, which the writer of chunks wants; give another target")
    if os.path.lexists(path) and not os.path.isdir(path):
        raise TargetError(
            f"{location} is a file or a broken link, and an OME-Zarr is a folder; "
            "give another TARGET (SOURCE comes first, then TARGET)"
        )
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise TargetError(f"{location} cannot be made: {path} is no folder; give another target")
    if not os.access(path, os.W_OK | os.X_OK):
        raise TargetError(f"{location} cannot be made: {path} may not be written; give another target")


def _is_free(location: Location, objects: Objects) -> bool:
    """Whether nothing is there; an empty folder is nothing."""
    with told(str(location), "what is there", "read"):
        if location.is_local:
            return not os.path.isdir(location.path) or not os.listdir(location.path)
        return next(objects.keys(), None) is None


@contextmanager
def open_target(plan: Plan, url: str, options: Options) -> Iterator[tuple[Sink, Lease]]:
    """Make the target's group and empty arrays; remove what is there first, where `options` ask for that.

    A context in which the target belongs to this run. Whatever ends it by an exception gets a note, where the target
    is left unfinished.

    Parameters
    ----------
    plan
        What will be written.
    url
        Where; `check_target` has let it pass.
    options
        ``overwrite``, ``storage_options``, ``skip_empty`` and the codec's are read.

    Raises
    ------
    TargetError
        Where it cannot be written, or another run writes to it.
    """
    form, location = FORMATS[plan.version], locate(url)
    objects = open_objects(url, options.storage_options)
    lease = Lease(objects, form.zarr_format)
    sink = Sink(url, options.storage_options, _stored_levels(plan, options), form.zarr_format)
    documents = [item for number, level in enumerate(plan.levels) for item in _documents(number, level, plan, options)]
    try:
        _claim(location, objects, options, lease)
        with told(url, "metadata"):
            _do_each(lambda document: objects.put(*document), documents, location)
        yield sink, lease
    except BaseException as error:
        if _give_back(lease, url, options):
            error.add_note(f"{location} is unfinished: it has no multiscales; --overwrite replaces it")
        raise


def _give_back(lease: Lease, url: str, options: Options) -> bool:
    """Leave the target to others; return whether it is unfinished, False where that cannot be known at once."""
    once = {} if locate(url).is_local else {"retries": 0}
    until_s = time.monotonic() + LOOK_S
    with giving_up_when(lambda: time.monotonic() > until_s):
        return lease.give_back(open_objects(url, {**(options.storage_options or {}), **once}))


def _claim(location: Location, objects: Objects, options: Options, lease: Lease) -> None:
    """Remove what is there, where it may be replaced, and take the target."""
    if location.is_local:
        _make_folder(location)
    with _one_at_a_time(location):
        # Elsewhere it was looked at when the run was planned, and to list it again costs a request.
        seen = not location.is_local and not options.overwrite
        if not seen and not _check_free(location, objects, options):
            with told(str(location), "what is there", "removed"):
                _remove(location, objects)
        with told(str(location), "metadata"):
            lease.take()  # a run is known to be in progress before anything else is there


@contextmanager
def _one_at_a_time(location: Location) -> Iterator[None]:
    """Keep other runs of this machine from looking at a local target, where the system has locks for that."""
    if not location.is_local or sys.platform == "win32":
        yield
        return
    folder = os.open(location.path, os.O_RDONLY)
    try:
        _lock(folder, location)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, location: Location) -> None:
    """Take the lock of a folder that is open; TargetError where another program keeps it."""
    until_s = time.monotonic() + WATCH_S
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise TargetError(
                    f"{location} is locked by another program, as by a conversion that removes what was there; wait "
                    "until it ends, or give another target"
                ) from None
            time.sleep(LOOK_S / 10)
        except OSError:  # some network file systems have no locks
            return
        else:
            return


def _stored_levels(plan: Plan, options: Options) -> tuple[StoredLevel, ...]:
    keys = "" if FORMATS[plan.version].zarr_format == 2 else "c/"
    return tuple(
        StoredLevel(level.shape, level.unit, f"{number}/{keys}", make_encoding(level, plan.spec.dtype, options))
        for number, level in enumerate(plan.levels)
    )


def _documents(number: int, level: Level, plan: Plan, options: Options) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of each document of one level's array."""
    version = FORMATS[plan.version]
    form = ArrayForm(
        shape=level.shape,
        chunks=level.chunks,
        shards=level.shards,
        dtype=plan.spec.dtype,
        fill_value=FILL_VALUE,
        codecs=compressors(options, version.zarr_format, np.dtype(plan.spec.dtype).itemsize),
        dimension_names=plan.spec.axes if version.dimension_names else None,
    )
    for name, body in array_documents(version.zarr_format, form).items():
        yield f"{number}/{name}", body


def _make_folder(location: Location) -> None:
    try:
        os.makedirs(location.path, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{location} cannot be made: {error.strerror}; give another target") from error


def _remove(location: Location, objects: Objects) -> None:
    """Empty the place, what makes it an OME-Zarr first: half removed, it must not look whole."""
    _do_each(objects.delete, ROOT_KEYS, location)
    if location.is_local:
        for name in os.listdir(location.path):
            path = os.path.join(location.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
        return
    _do_each(objects.delete_all, _batched(objects.keys(), DELETED_AT_ONCE), location)


def _batched(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield items in lists of at most `most`."""
    rest = iter(items)
    while some := list(itertools.islice(rest, most)):
        yield some


def _do_each(request: Callable[[T], None], items: Iterable[T], location: Location) -> None:
    """Make requests in turn on local disk; elsewhere side by side, since each is a round trip."""
    for _ in side_by_side(request, items, 1 if location.is_local else REQUESTS):
        pass
