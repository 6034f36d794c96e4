"""The record of a download in its folder, so that only the same source resumes it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from pyramid.downloading.folder import Folder
from pyramid.errors import TargetError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.hierarchy.nodes import Node
from pyramid.hierarchy.unfinished import DOWNLOAD
from pyramid.stores import locate
from pyramid.writing.claims import check_no_run_around

if sys.platform != "win32":
    import fcntl

# Files that make a folder look complete; they are removed first, so that the rest looks unfinished.
_REMOVED_FIRST = frozenset({*ROOT_KEYS, ".zmetadata"})
# The most bytes of a record that are read: a record has some hundred, a URL at most some thousand.
_MAX_RECORD_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Record:
    """The source and the levels of a download.

    Parameters
    ----------
    url
        URL of the source, free of secrets.
    levels
        The levels, as Python shows the slice; ``None`` for all.
    root
        A digest of the root's documents; that of another image at the same URL differs.
    """

    url: str
    levels: str
    root: str

    @classmethod
    def of(cls, url: str, levels: slice | None, root: Node) -> Record:
        """Return the record of a root and the levels that are taken."""
        digest = hashlib.sha256()
        for key, body in sorted(root.documents.items()):
            digest.update(f"{key} {len(body)} ".encode() + body)
        return cls(url, str(levels), digest.hexdigest())


def may_resume(folder: Folder, record: Record, *, overwrite: bool) -> bool:
    """Return whether the same download was stopped in this folder.

    Nothing is written.

    Raises
    ------
    TargetError
        If the folder holds anything else, unless it is a Zarr and `overwrite` is set.
    """
    if os.path.lexists(folder.path) and not os.path.isdir(folder.path):
        raise TargetError(f"{folder.path} is a file, and a download fills a folder; give another folder")
    check_no_run_around(locate(folder.path))
    with folder.wrap_errors():
        names = set(os.listdir(folder.path)) if os.path.isdir(folder.path) else set()
    found = _read(folder) if DOWNLOAD in names else {}
    if not names or found == asdict(record):
        return bool(names)
    if overwrite:
        if names.isdisjoint({DOWNLOAD, *_REMOVED_FIRST}):
            raise TargetError(
                f"{folder.path} holds no Zarr, and overwrite=True replaces only a Zarr; empty it yourself"
            )
        return False
    if not found:
        raise TargetError(f"{folder.path} exists; give another folder, or overwrite=True to replace it")
    reasons = {"url": "it came from {}", "levels": "its levels were {}", "root": "the source's metadata has changed"}
    differs = [reasons[key].format(found.get(key)) for key, value in asdict(record).items() if found.get(key) != value]
    raise TargetError(
        f"{folder.path} holds an unfinished download of something else: {differs[0]}; "
        "give another folder, or overwrite=True to replace it"
    )


@contextlib.contextmanager
def hold(folder: Folder, record: Record, *, resumed: bool) -> Iterator[None]:
    """Hold a folder while it is filled.

    The contents of the folder are removed first, unless the download is `resumed`. An exception in the block leaves the
    record, so that the download can continue.

    Raises
    ------
    TargetError
        If the folder cannot be written, or another process fills it.
    """
    folder.make()
    with _locked(folder):
        with folder.wrap_errors():
            if not resumed:
                _clear(folder)
            for name in os.listdir(folder.work):
                if name.startswith("part-"):
                    os.remove(os.path.join(folder.work, name))
            with open(os.path.join(folder.work, "record.json"), "w", encoding="utf-8") as file:
                json.dump(asdict(record), file, indent=2)
        yield
    with folder.wrap_errors():
        shutil.rmtree(folder.work)


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    """Keep other processes out of the folder, where the system allows it."""
    if sys.platform == "win32":
        yield
        return
    with folder.wrap_errors():
        opened = os.open(os.path.join(folder.work, "lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with io.FileIO(opened, "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TargetError(f"{folder.path} is being filled by another download; wait for it") from None
        yield


def _read(folder: Folder) -> Mapping[str, object]:
    """Return the record of an unfinished download; it is empty if it cannot be read."""
    try:
        with open(os.path.join(folder.work, "record.json"), "rb") as file:
            found = json.loads(file.read(_MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _clear(folder: Folder) -> None:
    """Remove the contents of a folder, beginning with the files that make it a Zarr.

    Half removed, it must not look complete.
    """
    names = sorted(set(os.listdir(folder.path)) - {DOWNLOAD}, key=lambda name: name not in _REMOVED_FIRST)
    for name in names:
        path = os.path.join(folder.path, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
