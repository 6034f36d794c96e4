"""The file of a report: checked before the run, replaced whole at its end."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyramid.engine.report import RunReport
from pyramid.errors import PyramidError, TargetError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.stores import locate


@contextmanager
def reporting(record: RunReport, path: str | None) -> Iterator[None]:
    """End a record with the context, and write it to a file also after a failure.

    Parameters
    ----------
    record
        The record of a run.
    path
        The file; None if none is wanted.

    Raises
    ------
    TargetError
        Before the context if the file cannot be written.
    """
    checked = False
    try:
        if path is not None:
            check_report(path, record.source, record.target)
            checked = True
        yield
    except BaseException as error:
        record.end(error)
        if path is not None and checked:
            try:
                write_report(record.to_dict(), path)
            except PyramidError as unwritten:
                error.add_note(f"{unwritten}")
        raise
    record.end()
    if path is not None:
        write_report(record.to_dict(), path)


def check_report(path: str, source: object, target: str | None) -> None:
    """Check that a report can be written, before anything else is done.

    Raises
    ------
    TargetError
        If `path` is a URL or a folder, its folder does not exist or cannot be written to, or what is there would be
        lost: the source, the target, or a file that is not a report.
    """
    report = Path(path).expanduser().absolute()
    if "://" in path:
        raise TargetError(f"report: {path.partition('?')[0]} cannot be written, since it is a URL; give a path")
    if _is_within(report, target, own=True) or _is_within(report, source):
        raise TargetError(f"report: {path} is in the source or the target; give another file")
    if report.is_dir() or not os.access(report.parent, os.W_OK) or (report.exists() and not os.access(report, os.W_OK)):
        raise TargetError(
            f"report: {path} cannot be written; give a file in a folder that exists and that you may write to"
        )
    if report.is_file() and not _may_be_replaced(report):
        raise TargetError(f"report: {path} exists and is not JSON, so it is not replaced; give another file")


def write_report(report: Mapping[str, Any], path: str) -> None:
    """Write a report as JSON, and replace an older one only by the whole of it.

    Raises
    ------
    TargetError
        If it cannot be written.
    """
    body = json.dumps(report, indent=2, allow_nan=False) + "\n"
    try:
        file = Path(path).expanduser().resolve()
        if file.exists() and not file.is_file():  # a pipe or a terminal
            file.write_text(body, encoding="utf-8")
        else:
            _replace(file, body)
    except OSError as error:
        raise TargetError(
            f"report: {path} cannot be written: {error.strerror}; make room there, or give another file"
        ) from error


def _replace(file: Path, body: str) -> None:
    """Write a file next to its place, and rename it."""
    partial = file.with_name(f".{file.name[:200]}-{uuid.uuid4().hex}")
    try:
        partial.write_text(body, encoding="utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _is_within(report: Path, place: object, *, own: bool = False) -> bool:
    """Return whether a report is a local path, or within a Zarr there.

    If the path is the run's own, a report within any folder there counts.
    """
    if not isinstance(place, str | os.PathLike):
        return False
    try:
        location = locate(os.fspath(place))
    except PyramidError:  # the place is not valid, and its own check says so
        return False
    if not location.is_local:
        return False
    inner, outer = report.resolve(), Path(location.path).resolve()
    return inner == outer or (outer in inner.parents and (own or _is_zarr(outer)))


def _is_zarr(folder: Path) -> bool:
    """Return whether a folder is a Zarr rather than a folder of files."""
    return any((folder / name).exists() for name in ROOT_KEYS)


def _may_be_replaced(file: Path) -> bool:
    """Return whether a file is empty or begins as JSON does."""
    try:
        with file.open("rb") as reader:
            begin = reader.read(64).strip()
    except OSError:
        return False
    return begin[:1] in (b"", b"{")
