"""Tables as text of at most 80 columns and as HTML, safe for any text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pyramid.errors import list_some

# Columns of text: those of a terminal that nobody has made wider.
WIDTH = 80
# Longest text of a cell, in columns, and that of a name in it: the rest of the row fits too.
MAX_CELL, MAX_NAME = 60, 32
# Most lines of a fact: an address of 300 characters is still whole.
MAX_LINES = 6
GAP = 2

Row: TypeAlias = tuple[str, ...]
Table: TypeAlias = tuple[Sequence[str], Sequence[Row]]


def format_shape(values: Sequence[int] | None) -> str:
    """Format extents by axis, as ``2 x 512 x 512``."""
    return "none" if values is None else " x ".join(map(str, values))


def format_count(number: int, noun: str) -> str:
    """Return a number with its noun, as ``1 object`` or ``2 objects``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_numbers(values: Sequence[float] | None) -> str:
    """Format numbers by axis.

    Returns an empty text where the numbers are not known.
    """
    return ", ".join(f"{value:.6g}" for value in values or ())


def format_list(values: Sequence[str], most: int = 12) -> str:
    """List at most `most` words, and say how many are left out.

    Examples
    --------
    >>> format_list(["A/1", "A/2", "B/1"], 2)
    'A/1, A/2 and 1 more'
    """
    return list_some([shorten(_printable(value)) for value in values], most)


def format_bytes(count: int) -> str:
    """Return a number of bytes, in a larger unit too where it is long.

    Examples
    --------
    >>> format_bytes(722), format_bytes(81_000_000)
    ('722 bytes', '81.0 MB (81,000,000 bytes)')
    """
    exact = f"{count:,} {'byte' if count == 1 else 'bytes'}"
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit} ({exact})"
    return exact


def clean_cell(cell: str) -> str:
    r"""Make text safe for one cell.

    The outcome is one line, not too long, and holds nothing that a terminal would obey.

    Examples
    --------
    >>> clean_cell("\x1b[2J cells\n")
    '�[2J cells�'
    """
    return shorten(_printable(cell), MAX_CELL)


def _printable(cell: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cell)


def _width(text: str) -> int:
    """Return the columns of a text: two for a wide letter, none for an accent."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def shorten(text: str, columns: int = MAX_NAME) -> str:
    """Cut a text that is wider than `columns`, and end it with three dots.

    Examples
    --------
    >>> shorten("anti-tubulin", 12), shorten("anti-tubulin", 8)
    ('anti-tubulin', 'anti-...')
    """
    return text if _width(text) <= columns else _head(text, columns - 3) + "..."


def _head(text: str, columns: int) -> str:
    """Return as many letters as fit in `columns`."""
    taken = 0
    for i, letter in enumerate(text):
        taken += _width(letter)
        if taken > columns:
            return text[:i]
    return text


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - _width(text))


def render_text(tables: Iterable[Table], width: int = WIDTH) -> str:
    """Render tables as text, one below the other, with aligned columns.

    No line is wider than `width`. Facts, which have no heads, go on in further lines; of other tables, columns that do
    not fit follow below, each part with the first column. Tables without rows are left out.
    """
    return "\n\n".join(
        part
        for heads, rows in tables
        if rows
        for part in (_columns(heads, rows, width) if heads else _facts(rows, width))
    )


def _facts(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield the lines of names and values, joined."""
    names = [clean_cell(name) for name, _ in rows]
    edge = max(map(_width, names)) + GAP
    lines = []
    for name, (_, value) in zip(names, rows, strict=True):
        first, *more = _wrap(_printable(value), width - edge)
        lines += [_pad(name, edge) + first, *(" " * edge + line for line in more)]
    yield "\n".join(line.rstrip() for line in lines)


def _wrap(text: str, columns: int) -> list[str]:
    """Cut a text into lines: after a comma, else after a word or a slash.

    Examples
    --------
    >>> _wrap("A/1, A/2 and 3 more", 15), _wrap("s3://bucket/cells.zarr", 12)
    (['A/1,', 'A/2 and 3 more'], ['s3://bucket/', 'cells.zarr'])
    """
    lines = [""]
    for piece in _pieces(text[: (MAX_LINES + 1) * columns], columns):  # no more is shown, however long a text is
        if lines[-1] and _width(lines[-1] + piece.rstrip()) > columns:
            lines.append("")
        lines[-1] += piece
    lines = [line.rstrip() for line in lines]
    return (
        lines if len(lines) <= MAX_LINES else [*lines[: MAX_LINES - 1], shorten(f"{lines[MAX_LINES - 1]}...", columns)]
    )


def _pieces(text: str, columns: int) -> Iterator[str]:
    """Yield the parts of a text that stay in one line."""
    for phrase in re.findall(r".+?(?:[,;] |$)", text):
        if _width(phrase.rstrip()) <= columns:
            yield phrase
            continue
        for word in re.findall(r"(?:\S| (?=x \d)|(?<= x) (?=\d))+\s*|\s+", phrase):  # a shape is one word
            for part in [word] if _width(word.rstrip()) <= columns else re.findall(r"[^/]*/*", word):
                while _width(part.rstrip()) > columns:
                    start = _head(part, columns)
                    yield start
                    part = part.removeprefix(start)
                yield part


def _columns(heads: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield a table in as many parts as it takes, each as lines, joined."""
    table = [tuple(map(clean_cell, row)) for row in (heads, *rows)]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    gap = GAP
    if sum(widths) + GAP * (len(widths) - 1) > width and not any(" " in cell for row in table for cell in row):
        gap = 1  # cells without blanks, as the wells of a plate, need no more between them
    widths[0] = min(widths[0], MAX_NAME)
    room = width - widths[0]
    parts: list[list[int]] = [[]]
    for i in range(1, len(widths)):
        widths[i] = min(widths[i], room - gap)
        if parts[-1] and sum(widths[j] + gap for j in [*parts[-1], i]) > room:
            parts.append([])
        parts[-1].append(i)
    for part in parts:
        chosen = [0, *part]
        lines = [(" " * gap).join(_pad(shorten(row[i], widths[i]), widths[i]) for i in chosen) for row in table]
        yield "\n".join(line.rstrip() for line in lines)


def render_html(tables: Iterable[Table]) -> str:
    """Render tables as HTML, for a notebook.

    Heads may be empty. Tables without rows are left out.
    """

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "".join(
        f"<table>{row(heads, 'th') if heads else ''}{''.join(row(cells, 'td') for cells in rows)}</table>"
        for heads, rows in tables
        if rows
    )
