"""A target is made: refused or cleared where something is there, then a group and empty arrays.

While a run goes on the group says that it is in progress and has no ``multiscales``, so that nobody takes half a
pyramid for a whole one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import zarr
from zarr.storage import MemoryStore

from pyramid.block import FILL_VALUE
from pyramid.codecs import Config, chosen_shuffle, compressors
from pyramid.encode import Encoding
from pyramid.errors import StoppedError, StorageError, TargetError
from pyramid.model import SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options import Options
from pyramid.planning import Level, Plan
from pyramid.sink import IN_PROGRESS, Sink, group_documents
from pyramid.stores import Location, Objects, giving_up_when, locate, open_objects, side_by_side
from pyramid.writers import REQUESTS
from pyramid.writing import StoredLevel, told

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
    if _is_free(location, url, options):
        return
    if not options.overwrite:
        raise TargetError(f"{location} exists; give another target, or --overwrite to replace it")
    with told(url, "what is there", "read"):
        objects = open_objects(url, options.storage_options)
        found = any(objects.size(key) is not None for key in (*ROOT_KEYS, LEVEL_KEY))
    if not found:
        raise TargetError(
            f"{location} exists and is no Zarr, and --overwrite replaces nothing else; remove it yourself"
        )


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


def _is_free(location: Location, url: str, options: Options) -> bool:
    """Whether nothing is there; an empty folder is nothing."""
    with told(url, "what is there", "read"):
        if location.is_local:
            return not os.path.isdir(location.path) or not os.listdir(location.path)
        return next(open_objects(url, options.storage_options).keys(), None) is None


def is_unfinished(url: str, options: Options) -> bool:
    """Whether a run that began is there and has not ended; False where that cannot be told at once."""
    once = {} if locate(url).is_local else {"retries": 0}
    until_s = time.monotonic() + LOOK_S
    with (
        contextlib.suppress(StorageError, StoppedError, ValueError, AttributeError, RecursionError),
        giving_up_when(lambda: time.monotonic() > until_s),
    ):
        objects = open_objects(url, {**(options.storage_options or {}), **once})
        v3, v2 = objects.get("zarr.json"), objects.get(".zattrs")
        return "pyramid" in (json.loads(v3).get("attributes", {}) if v3 else json.loads(v2 or "{}"))
    return False


def create_sink(plan: Plan, url: str, options: Options) -> Sink:
    """Make the target's group and empty arrays; what is there is removed first, where `options` ask for that.

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
        Where it cannot be written.
    """
    form = FORMATS[plan.version]
    codecs = compressors(options, form.zarr_format, np.dtype(plan.spec.dtype).itemsize)
    objects = open_objects(url, options.storage_options)
    if options.overwrite and not _is_free(locate(url), url, options):
        with told(url, "what is there", "removed"):
            _remove(locate(url), objects)
    if locate(url).is_local:
        _make_folder(locate(url))
    arrays = [_array_documents(str(number), level, plan, codecs) for number, level in enumerate(plan.levels)]
    with told(url, "metadata"):
        # That a run goes on is told before anything else is there.
        for key, body in group_documents(form.zarr_format, IN_PROGRESS).items():
            objects.put(key, body)
        documents = [document for _, documents in arrays for document in documents.items()]
        _do_each(lambda document: objects.put(*document), documents, locate(url))
    levels = tuple(
        StoredLevel(
            metadata=metadata,
            shape=level.shape,
            unit=level.unit,
            prefix=f"{number}/" if form.zarr_format == 2 else f"{number}/c/",
            encoding=_encoding(level, plan, options),
        )
        for number, (level, (metadata, _)) in enumerate(zip(plan.levels, arrays, strict=True))
    )
    return Sink(url, options.storage_options, levels, form.zarr_format)


def _encoding(level: Level, plan: Plan, options: Options) -> Encoding:
    return Encoding(
        codec=options.codec,
        level=options.codec_level,
        shuffle=chosen_shuffle(options, np.dtype(plan.spec.dtype).itemsize),
        checksum=options.checksum,
        dtype=plan.spec.dtype,
        chunks=level.chunks,
        sharded=level.shards is not None,
        skip_empty=options.skip_empty,
    )


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


def _array_documents(
    name: str, level: Level, plan: Plan, codecs: list[Config] | Config | None
) -> tuple[str, dict[str, bytes]]:
    """One level's metadata as JSON, and the objects that hold it by key; made by zarr, which asks a store in vain."""
    form = FORMATS[plan.version]
    keys: dict[str, Any] = {"name": "default", "separator": "/"}
    made: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(made),
        name=name,
        shape=level.shape,
        chunks=level.chunks,
        shards=level.shards,
        dtype=np.dtype(plan.spec.dtype),
        compressors=codecs,
        fill_value=FILL_VALUE,
        zarr_format=form.zarr_format,
        chunk_key_encoding=keys if form.zarr_format == 3 else {**keys, "name": "v2"},
        dimension_names=tuple(plan.spec.axes) if form.dimension_names else None,
    )
    documents = {key: body.to_bytes() for key, body in made.items() if key.startswith(f"{name}/")}
    return json.dumps(array.metadata.to_dict()), documents
