"""The list of images that are not done, which the same command takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.batch.lists import RESULTS, SOURCE, format_list
from pyramid.batch.report import BatchReport
from pyramid.engine.report_file import check_report, is_page
from pyramid.errors import OptionError, PyramidError, TargetError
from pyramid.stores import Objects, locate, open_objects, share_storage_options

NAME = "failed.csv"
ENDING = ".failed.csv"


class FailureList:
    """The file of images that are not done.

    It is ``failed.csv`` in the folder of the batch; next to a report, if one is written, it has the report's name and
    the ending ``.failed.csv``.

    Parameters
    ----------
    batch
        The batch, of which folder, options and targets are used.

    Raises
    ------
    TargetError
        If something else has its name, or the report cannot be written.
    """

    def __init__(self, batch: Batch) -> None:
        report = batch.options.report
        self._objects: Objects
        if report is not None:
            _check_report(report, batch.items)
            path = Path(report).expanduser().absolute()
            self._objects, self._key = open_objects(str(path.parent)), f"{path.stem}{ENDING}"
        else:
            assert batch.folder is not None  # only a plan has no folder
            shared = share_storage_options(replace(batch.options, source_storage_options=None), None, batch.folder)
            self._objects = open_objects(batch.folder, shared.target_storage_options)
            self._key = NAME
        self.place = f"{str(self._objects.location).rstrip('/')}/{self._key}"
        self._is_there = self._find()

    def _find(self) -> bool:
        """Return whether an older list is there."""
        try:
            begin = self._objects.get(self._key)
        except PyramidError as error:
            raise TargetError(f"{self.place} cannot be read: {error}") from error
        if begin is None:
            return False
        head = begin.split(b"\n", 1)[0].decode("utf-8", "replace").split(",")
        if head[0] != SOURCE or not set(RESULTS) <= set(head):
            raise TargetError(f"{self.place} exists, and is not a list of images that failed; rename or remove it")
        return True

    def write(self, report: BatchReport) -> None:
        """Write the images that are not done, or remove an older list if all are.

        Raises
        ------
        TargetError
            If it cannot be written. The report has no `failures` then.
        """
        rows = list(report.failure_rows())
        try:
            if rows:
                self._objects.put(self._key, format_list(rows).encode("utf-8", "surrogateescape"))
                report.failures = self.place
            elif self._is_there:
                self._objects.delete(self._key)
        except PyramidError as error:
            raise TargetError(f"the list {self.place} cannot be written: {error}") from error


def _check_report(report: str, items: tuple[BatchItem, ...]) -> None:
    """Check that a report can be written, and is neither a source nor within a target."""
    if is_page(report):
        raise OptionError("report: that of a batch is JSON; give a name that ends in .json")
    check_report(report, None, None)
    path = locate(report)
    for item in items:
        if locate(item.target).holds(path) or str(path) == item.source:
            raise TargetError(f"report: {report} is in the source or the target {item.name}; give another file")
