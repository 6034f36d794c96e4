"""Lists of images: a text of paths, or a CSV with columns of options.

A list of the images that failed has the same form, so the command takes it again.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyramid.batch.items import Request, check_name, derive_name
from pyramid.batch.kinds import MARK
from pyramid.errors import OptionError, PyramidError
from pyramid.options.convert import make_options, option_specs
from pyramid.options.nearest import unknown
from pyramid.readers.paths import is_url
from pyramid.stores import locate, open_objects

# The largest list that is read: a million lines of a few hundred characters.
MAX_LIST_BYTES = 2**28
# Columns besides the options.
SOURCE, TARGET = "source", "target"
# Columns that place an image on a plate.
SITE = ("well", "row", "column", "field", "acquisition")
# Columns of a list of failures that only people read.
RESULTS = ("exit_status", "error")
# Options that hold for all images of a batch, or are not written to a file since they may be secret.
OF_THE_BATCH = ("memory", "workers", "scheduler", "scheduler_file", "report")
SECRET = ("storage_options", "source_storage_options", "target_storage_options")
_DELIMITERS = (",", ";", "\t")
_SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_list(marked: str) -> Iterator[Request]:
    """Yield the images of a list.

    Parameters
    ----------
    marked
        The path or URL of the list after ``@``. One that ends in ``.csv`` or ``.tsv`` has columns, another has a path
        or URL a line.

    Raises
    ------
    OptionError
        If the list cannot be read, or has anything but images and their options. It names the line.
    """
    path = marked.removeprefix(MARK)
    if not path:
        raise OptionError("@ is the beginning of a list, and no name follows; give one, as @list.txt")
    text = _read(path)
    rows = _read_csv if path.lower().endswith((".csv", ".tsv")) else _read_lines
    yield from rows(path, text)


def _read(path: str) -> str:
    """Return the text of a list, in UTF-8 or with the mark of UTF-16."""
    try:
        body = _get(path) if is_url(path) else _load(path)
    except OSError as error:
        reason = f"{error}" if isinstance(error, PyramidError) else error.strerror
        raise OptionError(
            f"the list {path} cannot be read: {reason}; check the path (for an image whose name starts with @, "
            f"give ./@{os.path.basename(path)})"
        ) from error
    if b"\0" in body and not body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise OptionError(f"the list {path} is not text; give a text with a path a line, or a CSV")
    encoding = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return body.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "strict")
    except UnicodeDecodeError as error:
        raise OptionError(f"the list {path} is not text in UTF-8; save it as such") from error


def _load(path: str) -> bytes:
    with Path(path).expanduser().open("rb") as file:
        body = file.read(MAX_LIST_BYTES + 1)
    if len(body) > MAX_LIST_BYTES:
        raise OptionError(f"the list {path} is over {MAX_LIST_BYTES} bytes; give a text with a path a line")
    return body


def _get(url: str) -> bytes:
    body = open_objects(url).get("")
    if body is None:
        raise OptionError(f"the list {locate(url)} does not exist; check the spelling")
    return body


def _read_lines(path: str, text: str) -> Iterator[Request]:
    for number, line in enumerate(text.splitlines(), 1):
        source = line.strip()
        if source and not source.startswith("#"):
            place = f"{path}:{number}"
            with _at(place):
                yield Request(_checked(source, path), derive_name(source), place)


def _read_csv(path: str, text: str) -> Iterator[Request]:
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            with _at(place):
                if not columns:
                    columns = _columns(row)
                else:
                    yield _request(dict(_cells(columns, row)), path, place)
    except csv.Error as error:
        raise OptionError(
            f"{path}:{reader.line_num}: not valid CSV: {error}; save it as CSV, with quotes around cells with commas"
        ) from error


def _columns(row: list[str]) -> list[str]:
    """Return the names of columns as options have them."""
    names = [cell.strip().lower().replace("-", "_") for cell in row]
    known = [SOURCE, TARGET, *(name for name in option_specs() if name not in SECRET), *SITE, *RESULTS]
    for name, cell in zip(names, row, strict=True):
        if name in OF_THE_BATCH:
            raise OptionError(f"column {cell!r}: {name} holds for the whole batch; give it on the command line")
        if name in SECRET:
            raise OptionError(f"column {cell!r}: storage options may be secret; give them on the command line")
        if name not in known:
            if SOURCE not in names and len(names) == 1:
                raise OptionError("the first line is not 'source'; name the columns there, or call the list .txt")
            raise OptionError(unknown("column", cell.strip(), known))
        if names.count(name) > 1:
            raise OptionError(f"the column {name!r} is there twice; leave one out")
    if SOURCE not in names:
        raise OptionError("there is not a column 'source'; give the paths or URLs of the images in one of that name")
    return names


def _cells(columns: list[str], row: list[str]) -> Iterator[tuple[str, str]]:
    """Yield column and value of each cell that is not empty."""
    if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
        raise OptionError(
            f'{len(row)} cells for {len(columns)} columns; put quotes around a cell with commas, as "z=0.5,y=0.1,x=0.1"'
        )
    for name, cell in zip(columns, row, strict=False):
        if cell.strip():
            yield name, cell.strip()


def _request(cells: Mapping[str, str], path: str, place: str) -> Request:
    if SOURCE not in cells:
        raise OptionError("the cell 'source' is empty; give a path or URL there")
    source = cells[SOURCE]
    own = {name: _value(name, cell) for name, cell in cells.items() if name not in (SOURCE, TARGET, *SITE, *RESULTS)}
    site = {name: cell for name, cell in cells.items() if name in SITE}
    make_options(own)  # so that an error names the line
    if TARGET in cells:
        with _at("target"):
            return Request(_checked(source, path), check_name(cells[TARGET]), place, own, site=site)
    return Request(_checked(source, path), derive_name(source), place, own, site=site)


def _value(name: str, cell: str) -> Any:  # noqa: ANN401  (a value of any option)
    """Return the value of a cell, as a flag or a YAML file would give it."""
    if option_specs()[name].metavar:
        return cell
    if cell.lower() not in _SWITCHES:
        raise OptionError(f"{name}: {cell!r} is not true or false; write one of them, or leave the cell empty")
    return _SWITCHES[cell.lower()]


def _checked(source: str, path: str) -> str:
    """Return a source of a list, unless its path is meant from the folder of the list."""
    if is_url(source) or is_url(path) or os.path.isabs(source) or os.path.lexists(os.path.expanduser(source)):
        return source
    next_to = os.path.join(os.path.dirname(os.path.expanduser(path)), source)
    if os.path.lexists(next_to):
        raise OptionError(
            f"{source} is next to the list, and paths count from the working directory; run the command in "
            f"{os.path.dirname(os.path.abspath(next_to))}, or write {next_to}"
        )
    return source


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Begin an OptionError of the context with a place."""
    try:
        yield
    except OptionError as error:
        raise OptionError(f"{place}: {error}") from None


def format_list(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV, with the columns that any of them has.

    Examples
    --------
    >>> print(format_list([{"source": "a.tif", "levels": 2}, {"source": "b, c.tif"}]), end="")
    source,levels
    a.tif,2
    "b, c.tif",
    """
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()})
    return out.getvalue()
