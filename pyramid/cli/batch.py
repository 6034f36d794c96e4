"""Several SOURCEs of one command, and what is printed of their batch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pyramid.cli.failures import print_notice
from pyramid.cli.words import as_flags
from pyramid.errors import SeveralImagesError
from pyramid.options.convert import Options

if TYPE_CHECKING:
    from pyramid.batch.report import BatchReport

# The beginning of a SOURCE that is a list.
LIST = "@"
_MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")


def is_batch(sources: Sequence[str], target: str | None, *, each: bool) -> bool:
    """Return whether SOURCEs go into a folder, each as an image of its own.

    One SOURCE does where TARGET ends in a slash, as a shell's pattern may name one file today and two tomorrow. An
    OME-Zarr may end in a slash too, as a shell completes it: it is known by its name, or by what is there.
    """
    if each or len(sources) > 1 or sources[0].startswith(LIST):
        return True
    if target is None or not target.endswith(("/", os.sep)) or target.rstrip("/" + os.sep).lower().endswith(".zarr"):
        return False
    return "://" in target or not any(os.path.exists(os.path.join(target, mark)) for mark in _MARKS)


def split_plan(words: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return the SOURCEs and the TARGET of `plan`, where TARGET may be missing.

    The last of several words is TARGET, unless it is a file or a list: then all are SOURCEs. Of two words both must be
    files with one ending, or the last a list: other files are more likely a TARGET that is wrong.
    """
    if len(words) == 1:
        return words, None
    *first, last = words
    if last.startswith(LIST) or (_is_file(last) and (len(first) > 1 or _is_of_one_kind(first[0], last))):
        return words, None
    return first, last


def _is_file(word: str) -> bool:
    return os.path.isfile(os.path.expanduser(word))


def _is_of_one_kind(one: str, other: str) -> bool:
    return _is_file(one) and os.path.splitext(one)[1].lower() == os.path.splitext(other)[1].lower()


def for_all_images(options: Options, target: str | None, error: SeveralImagesError) -> Options:
    """Return options for all images of a file of which none is chosen."""
    from pyramid.batch import series  # noqa: PLC0415  (numpy and more: not for --help)

    return series.for_all_images(options, target, error)


def start_report(sources: Sequence[str], folder: str, options: Options, *, each: bool) -> BatchReport:
    """Return the report of a batch of which nothing is done yet."""
    from pyramid.batch.gathering import gather  # noqa: PLC0415  (numpy and more: not for --help)
    from pyramid.batch.report import BatchReport  # noqa: PLC0415

    return BatchReport(gather(_given(sources), folder, options, each=each))


def _given(sources: Sequence[str]) -> str | list[str]:
    """Return the only SOURCE, or the list of several."""
    return sources[0] if len(sources) == 1 else list(sources)


def convert_batch(report: BatchReport, *, show_progress: bool) -> None:
    """Convert the images of a batch, and complete its report."""
    from pyramid.api import run_recorded  # noqa: PLC0415  (as above)
    from pyramid.batch import converting  # noqa: PLC0415

    converting.convert_batch(report.batch, run_recorded, show_progress, report)


def print_report(report: BatchReport, *, as_json: bool, quiet: bool) -> None:
    """Print the report of a batch, and end with its exit status unless all is done."""
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    elif not quiet:
        click.echo(as_flags(str(report)))
    if report.exit_status:
        print_notice(f"{report.sentence()}{report.remedy()}")
        raise SystemExit(report.exit_status)


def plan_batch(
    words: tuple[Sequence[str], str | None], options: Options, *, each: bool, as_json: bool, **asked: bool
) -> None:
    """Print the plan of a batch, and end with its exit status."""
    from pyramid.batch import planning  # noqa: PLC0415  (numpy and more: not for --help)
    from pyramid.batch.gathering import gather  # noqa: PLC0415

    sources, folder = words
    planned = planning.plan_batch(gather(_given(sources), folder, options, each=each), **asked)
    click.echo(json.dumps(planned.to_dict(), indent=2) if as_json else as_flags(str(planned)))
    if planned.exit_status:
        raise SystemExit(planned.exit_status)
