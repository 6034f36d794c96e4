"""A target is made: refused or cleared where something is there, then a group and empty arrays.

While a run goes on the group says that it is in progress and has no ``multiscales``, so that nobody takes half a
pyramid for a whole one.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.core.sync import sync

from pyramid.block import FILL_VALUE
from pyramid.codecs import Config, chosen_shuffle, compressors
from pyramid.encode import Encoding
from pyramid.errors import TargetError
from pyramid.model import SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options import Options
from pyramid.planning import Level, Plan
from pyramid.sink import Sink, StoredLevel, told
from pyramid.stores import Location, locate, open_store

IN_PROGRESS = {"pyramid": {"state": "in progress"}}
# Any of these at its root makes a folder a Zarr; the ones that hold multiscales come first.
ROOT_KEYS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")


def check_target(spec: SourceSpec, url: str, options: Options) -> None:
    """Refuse a target that cannot be, before anything is written.

    Raises
    ------
    TargetError
        Where it exists and is not to be replaced, is no Zarr, or where target and source lie within each other.
    """
    location = locate(url)
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
        store = open_store(url, options.storage_options, read_only=True)
        found = any(sync(store.exists(key)) for key in ROOT_KEYS)
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
        return bool(sync(open_store(url, options.storage_options, read_only=True).is_empty("")))


def is_unfinished(url: str, options: Options) -> bool:
    """Whether a run that began is there and has not ended; False where that cannot be told."""
    try:
        group = zarr.open_group(open_store(url, options.storage_options, read_only=True), mode="r")
    except Exception:
        return False
    return "pyramid" in group.attrs


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
    store = open_store(url, options.storage_options, read_only=False)
    if options.overwrite and not _is_free(locate(url), url, options):
        with told(url, "what is there", "removed"):
            _remove(locate(url), store)
    if locate(url).is_local:
        _make_folder(locate(url))
    with told(url, "metadata"):
        zarr.create_group(store, zarr_format=form.zarr_format, attributes=IN_PROGRESS)
        levels = tuple(
            StoredLevel(
                metadata=_create_array(store, str(number), level, plan, codecs),
                shape=level.shape,
                unit=level.unit,
                prefix=f"{number}/" if form.zarr_format == 2 else f"{number}/c/",
                encoding=_encoding(level, plan, options),
            )
            for number, level in enumerate(plan.levels)
        )
    return Sink(url, options.storage_options, levels)


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


def _remove(location: Location, store: Store) -> None:
    """Empty the store, what makes it an OME-Zarr first: half removed, it must not look whole."""
    for key in ROOT_KEYS:
        sync(store.delete(key))
    if not location.is_local:
        sync(store.delete_dir(""))
        return
    for name in os.listdir(location.path):
        path = os.path.join(location.path, name)
        if os.path.isdir(path) and not os.path.islink(path):
            sync(store.delete_dir(name))
        else:
            os.remove(path)


def _create_array(store: Store, name: str, level: Level, plan: Plan, codecs: list[Config] | Config | None) -> str:
    """Create one level's empty array and give its metadata as JSON."""
    form = FORMATS[plan.version]
    keys: dict[str, Any] = {"name": "default", "separator": "/"}
    array = zarr.create_array(
        store,
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
    return json.dumps(array.metadata.to_dict())
