"""`download`: an OME-Zarr comes to local disk byte for byte, in any order but that metadata is last."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from pyramid.concurrency.pool import Pool
from pyramid.downloading.folder import Folder
from pyramid.downloading.levels import parse_levels, spelled
from pyramid.downloading.record import Record, begun, may_resume
from pyramid.downloading.run import DownloadProgress, DownloadTally, Run
from pyramid.downloading.walk import Walk
from pyramid.errors import OptionError, SourceError, StoppedError, StorageError, TargetError
from pyramid.options import parsing
from pyramid.stores import Location, Readable, counting_retries, locate, open_objects

WORKERS = 16
MAX_OBJECTS = 10_000_000
# Of the parts that a source lacks, so many are named in an error.
MAX_SHOWN = 50

__all__ = ["MAX_OBJECTS", "WORKERS", "Download", "DownloadProgress", "download"]


@dataclass(frozen=True, slots=True)
class Download:
    """What came down.

    Parameters
    ----------
    url
        From where; free of secrets.
    folder
        Where it is.
    levels
        The levels that were taken, as ``2:``; None for all. With them, the metadata names those levels alone.
    objects, bytes
        Chunks or shards and single files that came down in this run, beside metadata.
    missing
        Objects that the source does not have; they are as missing here.
    forbidden
        Requests that were refused, which is how object storages answer for what is missing where listing is not
        allowed.
    kept
        Objects that an earlier run had brought.
    retries
        Requests that were made again.
    seconds
        What it took.
    notices
        What was left out, and why.
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
        """All of it, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """A few sentences.

        Examples
        --------
        >>> print(Download("s3://b/a.zarr", "/data/a.zarr", "2:", 12, 3_000_000, 1, 0, 0, 0, 2.0))
        /data/a.zarr: 12 objects, 3.0 MB in 2.0 s
        1 object is missing at the source, and here
        the metadata is rewritten: it names levels 2: alone
        """
        lines = [f"{self.folder}: {_count(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"]
        if self.kept:
            lines.append(f"{_count(self.kept, 'object')} had come in an earlier run")
        if self.missing:
            be = "is" if self.missing == 1 else "are"
            lines.append(f"{_count(self.missing, 'object')} {be} missing at the source, and here")
        if self.forbidden:
            lines.append(f"{_count(self.forbidden, 'request')} refused, as a server may where listing is not allowed")
        if self.retries:
            lines.append(f"{_count(self.retries, 'request')} made again")
        if self.levels is not None:
            lines.append(f"the metadata is rewritten: it names levels {self.levels} alone")
        return "\n".join(lines)


def download(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    levels: str | int | slice | None = None,
    overwrite: bool = False,
    workers: int = WORKERS,
    max_objects: int = MAX_OBJECTS,
    storage_options: Mapping[str, Any] | None = None,
    progress: Callable[[DownloadProgress], None] | None = None,
) -> Download:
    """Copy an OME-Zarr to local disk, byte for byte.

    What belongs to it is found by its metadata, and the keys of its chunks by the shapes of its arrays: nothing is
    listed, so that it works over plain HTTP. A download that stopped goes on when it is called again.

    Parameters
    ----------
    url
        A path or URL of an image, labels, a plate, a well, a collection, or of any Zarr array or group of which
        attributes or consolidated metadata say what it holds.
    folder
        Where nothing is yet, or an unfinished download of the same.
    levels
        Which levels of each image: ``2``, ``"2:"``, ``"1:3"`` or a slice; all by default. Metadata is then rewritten
        to name those alone; paths are kept, and consolidated metadata is left out.
    overwrite
        Whether a Zarr in `folder` is replaced.
    workers
        Requests at a time.
    max_objects
        How many chunks or shards are asked for at most: a shape may promise any number.
    storage_options
        What the store is opened with, as ``{"anon": True}``.
    progress
        Called in this thread as objects come.

    Raises
    ------
    OptionError
        For an option that cannot be honoured, and where there are more than `max_objects`.
    SourceError
        Where there is no Zarr, and for metadata that is broken or names what is not there: then all the rest is copied.
    TargetError
        Where the folder is not free or cannot be written; for a link in it, which is never followed.
    StoppedError
        Where the storage fails half-way; the same call goes on.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> place = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{place}/a.ome.zarr")
    >>> came = download(f"{place}/a.ome.zarr", f"{place}/b.ome.zarr", levels="1:")
    >>> came.objects, [level.shape for level in pyramid.open(f"{place}/b.ome.zarr").levels]
    (1, [(150, 200)])
    """
    taken = parse_levels(levels)
    workers, max_objects = _named("workers", workers), _named("max_objects", max_objects)
    objects, target = Readable(open_objects(os.fspath(url), storage_options)), Folder(os.fspath(folder))
    _check_apart(objects.location, locate(target.path))
    started_s = time.perf_counter()
    tally = DownloadTally(progress)
    with counting_retries() as again, Pool(workers) as fetching, Pool(workers) as reading:
        try:
            walk = Walk(objects, taken, reading)
            root = walk.start()
        except StorageError as error:
            raise SourceError(str(error)) from error
        record = Record.of(str(objects.location), taken, root.node)
        resumed = may_resume(target, record, overwrite=overwrite)
        with _resumable(record.url, target.path, taken), begun(target, record, resumed=resumed):
            Run(objects, target, fetching, most=max_objects, tally=tally, lacking=walk.lacking).fill(root)
            _check_whole(walk.lacking, target.path)
    return Download(
        url=record.url,
        folder=target.path,
        levels=spelled(taken),
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
    """Raise SourceError where parts are lacking; the record of the download stays, so that it can go on."""
    if lacking:
        shown = "; ".join(lacking[:MAX_SHOWN]) + (f"; and {len(lacking) - MAX_SHOWN} more" * (len(lacking) > MAX_SHOWN))
        be = "is" if len(lacking) == 1 else "are"
        raise SourceError(
            f"{folder}: {_count(len(lacking), 'part')} of the source {be} not there or broken, and all the rest is "
            f"copied: {shown}; the same command fetches what is lacking once it is there"
        )


@contextmanager
def _resumable(url: str, folder: str, levels: slice | None) -> Iterator[None]:
    """Say with a failure how to go on."""
    words = ["pyramid", "download", url, folder, *([] if levels is None else [f"--levels={spelled(levels)}"])]
    told = f"{shlex.join(words)} (with the storage options of before) goes on where it stopped"
    try:
        yield
    except StorageError as error:
        if locate(url).is_local:
            raise SourceError(str(error)) from error
        raise StoppedError(f"{error}; {told}") from error
    except (KeyboardInterrupt, TargetError) as error:
        error.add_note(told)
        raise


def _check_apart(source: Location, target: Location) -> None:
    if source.holds(target) or target.holds(source):
        raise TargetError(f"{target}: the source ({source}) and the folder lie within each other; give another DIR")


def _named(name: str, value: object) -> int:
    try:
        return parsing.count(value)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
