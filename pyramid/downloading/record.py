"""What is being downloaded to a folder: a record there, so that only the same source goes on where it stopped."""

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

from pyramid.downloading.folder import WORK, Folder
from pyramid.errors import TargetError
from pyramid.lease import check_no_run_around
from pyramid.nodes import Node
from pyramid.stores import locate

if sys.platform != "win32":
    import fcntl

# Any of these at its root makes a folder a Zarr; they are the first to go.
ROOT_KEYS = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_MAX_RECORD_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Record:
    """A download.

    Parameters
    ----------
    url
        From where; free of secrets.
    levels
        Which levels, as Python shows the slice; ``None`` for all.
    root
        A digest of the root's documents, which another image at the same place does not share.
    """

    url: str
    levels: str
    root: str

    @classmethod
    def of(cls, url: str, levels: slice | None, root: Node) -> Record:
        """The record of a root and the levels that are taken."""
        digest = hashlib.sha256()
        for key, body in sorted(root.documents.items()):
            digest.update(f"{key} {len(body)} ".encode() + body)
        return cls(url, str(levels), digest.hexdigest())


def may_resume(folder: Folder, record: Record, *, overwrite: bool) -> bool:
    """Whether a download of the same stopped in this folder; nothing is written.

    Raises
    ------
    TargetError
        Where something else is, and is not to be replaced or is no Zarr.
    """
    if os.path.lexists(folder.path) and not os.path.isdir(folder.path):
        raise TargetError(f"{folder.path} is a file, and a download fills a folder; give another DIR")
    check_no_run_around(locate(folder.path))
    with folder.told():
        names = set(os.listdir(folder.path)) if os.path.isdir(folder.path) else set()
    found = _read(folder) if WORK in names else {}
    if not names or found == asdict(record):
        return bool(names)
    if overwrite:
        if names.isdisjoint({WORK, *ROOT_KEYS}):
            raise TargetError(f"{folder.path} holds no Zarr, and --overwrite replaces nothing else; empty it yourself")
        return False
    if not found:
        raise TargetError(f"{folder.path} exists; give another DIR, or --overwrite to replace it")
    told = {"url": "it came from {}", "levels": "its levels were {}", "root": "the source's metadata has changed"}
    differs = [told[key].format(found.get(key)) for key, value in asdict(record).items() if found.get(key) != value]
    raise TargetError(
        f"{folder.path} holds a download of something else that did not end: {differs[0]}; "
        "give another DIR, or --overwrite to replace it"
    )


@contextlib.contextmanager
def begun(folder: Folder, record: Record, *, resumed: bool) -> Iterator[None]:
    """Hold a folder while it is filled; what is there is removed first, unless it is `resumed`.

    What ends the block by an exception leaves the record, so that the download can go on.

    Raises TargetError where the folder cannot be written, or another process fills it.
    """
    folder.make()
    with _locked(folder):
        with folder.told():
            if not resumed:
                _clear(folder)
            for name in os.listdir(folder.work):
                if name.startswith("part-"):
                    os.remove(os.path.join(folder.work, name))
            with open(os.path.join(folder.work, "record.json"), "w", encoding="utf-8") as file:
                json.dump(asdict(record), file, indent=2)
        yield
    with folder.told():
        shutil.rmtree(folder.work)


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    """Keep other processes away, where the system lets us."""
    if sys.platform == "win32":
        yield
        return
    with folder.told():
        opened = os.open(os.path.join(folder.work, "lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with io.FileIO(opened, "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TargetError(f"{folder.path} is being filled by another download; wait for it") from None
        yield


def _read(folder: Folder) -> Mapping[str, object]:
    """The record of a download that did not end; empty where none can be read."""
    try:
        with open(os.path.join(folder.work, "record.json"), "rb") as file:
            found = json.loads(file.read(_MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _clear(folder: Folder) -> None:
    """Remove what is there, first what makes it a Zarr: half removed, it must not look whole."""
    names = sorted(set(os.listdir(folder.path)) - {WORK}, key=lambda name: name not in ROOT_KEYS)
    for name in names:
        path = os.path.join(folder.path, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
