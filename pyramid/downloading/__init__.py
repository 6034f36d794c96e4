"""Download an OME-Zarr to local disk byte for byte, with its metadata last."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from pyramid.concurrency.pool import Pool
from pyramid.downloading.folder import Folder
from pyramid.downloading.levels import format_levels, parse_levels
from pyramid.downloading.record import Record, hold, may_resume
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
# The most lacking parts that an error names: more would hide the rest of the message.
MAX_SHOWN = 50

__all__ = ["MAX_OBJECTS", "WORKERS", "Download", "DownloadProgress", "download"]


@dataclass(frozen=True, slots=True)
class Download:
    """The result of a download.

    Parameters
    ----------
    url
        URL of the source, free of secrets.
    folder
        Path of the folder that was filled.
    levels
        The levels that were copied, as ``2:``; None for all. The metadata then names only those levels.
    objects, bytes
        Chunks or shards and single files that were fetched in this run, without metadata.
    missing
        Objects that the source does not have; they are missing here too.
    forbidden
        Requests that were refused. Object storages refuse requests for missing objects where listing is not allowed.
    kept
        Objects that an earlier run had fetched.
    retries
        Requests that were made again.
    seconds
        Duration of the run.
    notices
        Parts that were left out, and why.
    """

    url: str
    folder: str
    levels: str | None
    objects: int
    bytes: int
    missing: int
    forbidden: int
    kept: int
    retries: int
    seconds: float
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Describe the download in a few lines.

        Examples
        --------
        >>> print(Download("s3://b/a.zarr", "/data/a.zarr", "2:", 12, 3_000_000, 1, 0, 0, 0, 2.0))
        /data/a.zarr: 12 objects, 3.0 MB in 2.0 s
        1 object is missing at the source, and here
        the metadata is rewritten: it names only levels 2:
        """
        lines = [
            f"{self.folder}: {format_count(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"
        ]
        if self.kept:
            lines.append(f"{format_count(self.kept, 'object')} kept from an earlier run")
        if self.missing:
            be = "is" if self.missing == 1 else "are"
            lines.append(f"{format_count(self.missing, 'object')} {be} missing at the source, and here")
        if self.forbidden:
            lines.append(
                f"{format_count(self.forbidden, 'request')} refused, as a server may where listing is not allowed"
            )
        if self.retries:
            lines.append(f"{format_count(self.retries, 'request')} made again")
        if self.levels is not None:
            lines.append(f"the metadata is rewritten: it names only levels {self.levels}")
        return "\n".join(lines)


@ending_with_remedy()
def download(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    levels: str | int | slice | None = None,
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
        For each notice of the result.

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
    place = path_or_url(folder, "folder")
    objects, target = Readable(open_objects(path_or_url(url, "url"), storage_options)), Folder(place)
    _check_apart(objects.location, locate(target.path))
    logger.info("download: %s to %s, with %d requests at a time", objects.location, target.path, workers)
    early = tuple(missing_folder(locate(target.path)))
    give_notices(early)
    with showing_progress(progress, "download") as callback, timed("the download"):
        tally = DownloadTally(callback)
        done = _download(objects, target, chosen_levels, (workers, max_objects, overwrite), tally)
    give_notices(done.notices)
    return replace(done, notices=(*early, *done.notices))


def _download(
    objects: Readable,
    target: Folder,
    chosen_levels: slice | None,
    limits: tuple[int, int, bool],
    tally: DownloadTally,
) -> Download:
    """Copy the chosen levels.

    `limits` are the workers, the most objects, and whether a Zarr is replaced.
    """
    started_s = time.perf_counter()
    workers, max_objects, overwrite = limits
    with counting_retries() as again, Pool(workers) as fetching, Pool(workers) as reading:
        try:
            walk = Walk(objects, chosen_levels, reading)
            root = walk.start()
        except StorageError as error:
            raise SourceError(with_remedy(error, "check the address and the credentials")) from error
        record = Record.of(str(objects.location), chosen_levels, root.node)
        resumed = may_resume(target, record, overwrite=overwrite)
        with _resumable(record.url, target.path, chosen_levels), hold(target, record, resumed=resumed):
            Run(objects, target, fetching, most=max_objects, tally=tally, lacking=walk.lacking).fill(root)
            _check_whole(walk.lacking, target.path)
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
    if source.holds(target) or target.holds(source):
        raise TargetError(f"{target}: the source ({source}) and the folder overlap; give another folder")


def _parse_count(name: str, value: object) -> int:
    try:
        return parsing.count(value)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None
