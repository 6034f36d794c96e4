"""Download an OME-Zarr to local disk byte for byte, with its metadata last."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pyramid.concurrency.pool import Pool
from pyramid.downloading.folder import Folder
from pyramid.downloading.holding import Holding, holding
from pyramid.downloading.levels import format_levels, parse_levels
from pyramid.downloading.record import Record, hold, may_resume
from pyramid.downloading.result import MAX_SHOWN, Download
from pyramid.downloading.run import Run
from pyramid.downloading.tally import DownloadProgress, DownloadTally
from pyramid.downloading.walk import Walk
from pyramid.errors import (
    OptionError,
    SourceError,
    StoppedError,
    StorageError,
    TargetError,
    ending_with_remedy,
    list_some,
    with_remedy,
)
from pyramid.feedback.log import timed
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.hierarchy.unfinished import DOWNLOAD
from pyramid.options import parsing
from pyramid.stores import Location, Readable, counting_retries, locate, missing_folder, open_objects, path_or_url
from pyramid.tables import format_count

logger = logging.getLogger(__name__)

# Requests at a time: enough that their latency hides, and few enough for any server.
WORKERS = 16
# Chunks or shards that are asked for at most: a shape may promise any number.
MAX_OBJECTS = 10_000_000

__all__ = ["MAX_OBJECTS", "WORKERS", "Download", "DownloadProgress", "download"]


@ending_with_remedy()
def download(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    levels: str | int | slice | None = None,
    manifest: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    workers: int = WORKERS,
    max_objects: int = MAX_OBJECTS,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool | Callable[[DownloadProgress], object] | None = None,
) -> Download:
    """Copy an OME-Zarr to local disk, byte for byte.

    Its parts are found by its metadata, and the keys of its chunks by the shapes of its arrays. Nothing is listed, so
    that it works over plain HTTP. A download that stopped continues when it is called again.

    Parameters
    ----------
    url
        A path or URL of an image, labels, a plate, a well or a collection. It may also be any Zarr array, or a group
        whose attributes or consolidated metadata name its parts.
    folder
        A folder that is empty, does not exist, or holds an unfinished download of the same source.
    levels
        The levels to copy of each image: ``2``, ``"2:"``, ``"1:3"`` or a slice; all by default. If given, the metadata
        is rewritten to name only those. Paths are kept, and consolidated metadata is left out.
    manifest
        A manifest that the copy is held against, as `pyramid.manifest` or ``sha256sum`` writes it. The result names
        the differences. Not with `levels`.
    overwrite
        Whether a Zarr in `folder` is replaced.
    workers
        Requests at a time.
    max_objects
        The most chunks or shards that are asked for: a shape may promise any number.
    storage_options
        Options with which the store is opened, as ``{"anon": True}``.
    progress
        A function that is called with a `DownloadProgress`, in this thread, as objects arrive. True shows progress,
        False shows none; by default a notebook shows it.

    Warns
    -----
    PyramidWarning
        For each notice of the result, and if the copy differs from its manifest.

    Raises
    ------
    OptionError
        If an option cannot be used, or there are more than `max_objects` objects.
    SourceError
        If the URL holds no Zarr. Also if metadata is broken or names missing parts: then all the rest is copied.
    TargetError
        If the folder is not free or cannot be written, or has a link in it, which is never followed.
    StoppedError
        If the storage fails half-way; the same call continues the download.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/a.ome.zarr")
    >>> result = download(f"{folder}/a.ome.zarr", f"{folder}/b.ome.zarr", levels="1:")
    >>> result.objects, [level.shape for level in pyramid.open(f"{folder}/b.ome.zarr").levels]
    (1, [(150, 200)])
    """
    chosen_levels = parse_levels(levels)
    workers, max_objects = _parse_count("workers", workers), _parse_count("max_objects", max_objects)
    if manifest is not None and chosen_levels is not None:
        raise OptionError("manifest: it lists all levels, and levels=... copies some; give one of the two")
    place = path_or_url(folder, "folder")
    objects, target = Readable(open_objects(path_or_url(url, "url"), storage_options)), Folder(place)
    _check_apart(objects.location, locate(target.path))
    logger.info("download: %s to %s, with %d requests at a time", objects.location, target.path, workers)
    early = tuple(missing_folder(locate(target.path)))
    give_notices(early)
    with showing_progress(progress, "download") as callback, timed("the download"):
        tally = DownloadTally(callback)
        with holding(None if manifest is None else os.fspath(manifest), target.path) as held:
            done = _download(objects, target, _Wanted(chosen_levels, workers, max_objects, overwrite), tally, held)
            if held is not None:
                held.compare()
                done = replace(done, manifest=held.manifest.path, differences=held.differences)
                done = replace(done, findings=tuple(held.findings))
    give_notices(done.notices)
    if done.differences:
        give_notices((f"the copy differs from {manifest}: {done.findings[0]}",), target.path)
    return replace(done, notices=(*early, *done.notices))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The levels to copy, the limits, and whether a Zarr in the folder is replaced."""

    levels: slice | None
    workers: int
    max_objects: int
    overwrite: bool


def _download(
    objects: Readable, target: Folder, wanted: _Wanted, tally: DownloadTally, held: Holding | None
) -> Download:
    """Copy the wanted levels, and hold the copy against a manifest."""
    started_s = time.perf_counter()
    chosen_levels, workers = wanted.levels, wanted.workers
    with counting_retries() as again, Pool(workers) as fetching, Pool(workers) as reading:
        try:
            walk = Walk(objects, chosen_levels, reading)
            root = walk.start()
        except StorageError as error:
            raise SourceError(with_remedy(error, "check the address and the credentials")) from error
        record = Record.of(str(objects.location), chosen_levels, root.node)
        resumed = may_resume(target, record, overwrite=wanted.overwrite)
        with _resumable(record.url, target.path, chosen_levels), hold(target, record, resumed=resumed):
            most, lacking = wanted.max_objects, walk.lacking
            Run(objects, target, fetching, most=most, tally=tally, lacking=lacking, holding=held).fill(root)
            _check_whole(lacking, target.path)
    return Download(
        url=record.url,
        folder=target.path,
        levels=format_levels(chosen_levels),
        objects=tally.objects,
        bytes=tally.bytes,
        missing=tally.missing,
        forbidden=objects.forbidden,
        kept=tally.kept,
        retries=again.count,
        seconds=time.perf_counter() - started_s,
        notices=(*walk.notices, *objects.notices),
    )


def _check_whole(lacking: Sequence[str], folder: str) -> None:
    """Raise SourceError if parts are lacking.

    The record of the download stays, so that it can continue.
    """
    if lacking:
        be = "is" if len(lacking) == 1 else "are"
        raise SourceError(
            f"{folder}: {format_count(len(lacking), 'part')} of the source {be} missing or broken, and all the rest is "
            f"copied: {list_some(lacking, MAX_SHOWN, '; ')}; the same command fetches what is missing once it is there"
        )


@contextmanager
def _resumable(url: str, folder: str, levels: slice | None) -> Iterator[None]:
    """Add to a failure how to continue the download."""
    chosen = "" if levels is None else f', levels="{format_levels(levels)}"'
    remedy = f"the same download (of {url} to {folder}{chosen}, with the same storage options) goes on where it stopped"
    try:
        yield
    except StorageError as error:
        if locate(url).is_local:
            raise SourceError(str(error)) from error
        raise StoppedError(f"{error}; {remedy}") from error
    except (KeyboardInterrupt, TargetError) as error:
        if os.path.isdir(os.path.join(folder, DOWNLOAD)):  # it has begun
            error.add_note(remedy)
        raise


def _check_apart(source: Location, target: Location) -> None:
    if target.archive is not None:
        raise TargetError(f"{target} is named as an archive, and a download is a folder; give a folder, and pack that")
    if source.holds(target) or target.holds(source):
        raise TargetError(f"{target}: the source ({source}) and the folder overlap; give another folder")


def _parse_count(name: str, value: object) -> int:
    try:
        return parsing.count(value)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None
