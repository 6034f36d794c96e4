"""Tables as text and as HTML, safe for cells that hold any text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pyramid.errors import list_some

# Longest text of a cell, in characters: a row with a longer one would not fit a terminal.
MAX_CHARACTERS = 100

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
    return list_some(list(map(clean_cell, values)), most)


def clean_cell(cell: str) -> str:
    r"""Make text safe for one cell.

    The outcome is one line, not too long, and holds nothing that a terminal would obey.

    Examples
    --------
    >>> clean_cell("\x1b[2J cells\n")
    '�[2J cells�'
    """
    return _printable(cell if len(cell) <= MAX_CHARACTERS else f"{cell[: MAX_CHARACTERS - 3]}...")


def _printable(cell: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cell)


def render_text(tables: Iterable[Table]) -> str:
    """Render tables as text, one below the other, with aligned columns.

    Heads may be empty. Tables without rows are left out.
    """
    return "\n\n".join(
        "\n".join(_aligned([*([tuple(heads)] if heads else []), *rows])) for heads, rows in tables if rows
    )


def _aligned(table: Sequence[Row]) -> Iterator[str]:
    # Long texts are cut, except in the last cell of a row: nothing follows it, and an address must be whole.
    cells = [(*(clean_cell(cell) for cell in row[:-1]), _printable(row[-1])) for row in table]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


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
