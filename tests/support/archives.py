"""Zip archives by the standard library, right and wrong, and trees to pack."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.trees import write_json

COMMENT = {"ome": {"version": "0.5", "zipFile": {"centralDirectory": {"jsonFirst": True}}}}


def write_zip(path: Path, entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """Write entries as Python's zipfile does."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return path


def read_zip(path: Path) -> dict[str, bytes]:
    """Read all entries as Python's zipfile does, which checks their sums."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def read_tree(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder by their keys."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_group(folder: Path, **files: bytes) -> Path:
    """Write a group of OME-Zarr 0.5, with other files; ``__`` in their names is a slash."""
    write_json(
        folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"}}}
    )
    for name, body in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def comment_of(path: Path) -> object:
    """Return the comment of an archive as JSON."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.comment)
