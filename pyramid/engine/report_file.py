"""The file of a report: checked before the run, replaced whole at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyramid.engine.report import RunReport
from pyramid.errors import PyramidError
from pyramid.hierarchy.output_file import OutputFile


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
                _write(record, path)
            except PyramidError as unwritten:
                error.add_note(f"{unwritten}")
        raise
    record.end()
    if path is not None:
        record.pixels = record.look()
        _write(record, path)


def check_report(path: str, source: object, target: str | None) -> None:
    """Check that a report can be written, before anything else is done.

    Raises
    ------
    TargetError
        If it cannot, or would replace the source, the target, or a file that is not a report.
    """
    _file(path).check(source, target)


def _write(record: RunReport, path: str) -> None:
    """Write the report of a run, as a page if the file's name says so."""
    if not is_page(path):
        write_report(record.to_dict(), path)
        return
    with _file(path).replacing() as file:
        file.write(record.page().encode("utf-8", "replace"))


def is_page(path: str) -> bool:
    """Return whether a report is written as HTML, by the ending of its file."""
    return path.lower().endswith((".html", ".htm"))


def write_report(report: Mapping[str, Any], path: str) -> None:
    """Write a report as JSON, and replace an older one only by the whole of it.

    Raises
    ------
    TargetError
        If it cannot be written.
    """
    body = json.dumps(report, indent=2, allow_nan=False) + "\n"
    with _file(path).replacing() as file:
        file.write(body.encode())


def _file(path: str) -> OutputFile:
    if is_page(path):
        return OutputFile("report", path, "a report", _is_page_of_report)
    return OutputFile("report", path, "JSON", _may_be_replaced)


def _is_page_of_report(begin: bytes) -> bool:
    """Return whether a file is empty or begins as the page of a report."""
    from pyramid.reporting import PAGE_MARK  # noqa: PLC0415  (only for a page)

    return not begin.strip() or begin.startswith(PAGE_MARK.encode())


def _may_be_replaced(begin: bytes) -> bool:
    """Return whether a file is empty or begins as JSON does."""
    return begin.strip()[:1] in (b"", b"{")
