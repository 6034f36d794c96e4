"""The values of a field of names, in order: the places on an axis."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pyramid.errors import SourceError
from pyramid.readers.patterns.template import Field
from pyramid.tables import format_list

# Places of an axis that may be missing for each one that is there. Beyond, numbers are a clock's.
MAX_MISSING_RATIO = 10
MAX_LISTED = 8  # values that a table lists, so that it stays one line


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a field, one for each place on its axis.

    Parameters
    ----------
    field
        The field.
    texts
        The text of each place, in order. A place between two values, which no name has, has a text of their form.
    absent
        The indices of those places.
    """

    field: Field
    texts: tuple[str, ...]
    absent: frozenset[int] = frozenset()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of a field of numbers."""
        return tuple(map(int, self.texts))

    @property
    def is_counted(self) -> bool:
        """True if they only count: 0, 1, 2, … or 1, 2, 3, …."""
        if not self.field.is_number:
            return False
        first = int(self.texts[0])
        return first in (0, 1) and self.numbers == tuple(range(first, first + len(self.texts)))

    def describe(self) -> str:
        """Return the values in one line.

        Examples
        --------
        >>> Values(Field("z", is_number=True), ("00", "10", "20", "30", "40", "50", "60", "70", "80")).describe()
        '9 places: 0 to 80 by 10'
        >>> Values(Field("c"), ("DAPI", "GFP")).describe()
        '2 places: DAPI, GFP'
        """
        count = f"{len(self.texts)} place{'s' if len(self.texts) != 1 else ''}"
        steps = self._steps()
        if steps is None or len(self.texts) <= 3:
            return f"{count}: {format_list(self._shown(), MAX_LISTED)}"
        by = f" by {steps}" if steps != 1 else ""
        return f"{count}: {self.numbers[0]} to {self.numbers[-1]}{by}"

    def _shown(self) -> list[str]:
        return [str(int(text)) for text in self.texts] if self.field.is_number else list(self.texts)

    def _steps(self) -> int | None:
        """Return the distance of neighbours, if it is the same for all."""
        if not self.field.is_number or len(self.texts) < 2:
            return None
        numbers = self.numbers
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        return steps.pop() if len(steps) == 1 else None


def order_values(field: Field, texts: Iterable[str]) -> Values:
    """Return the values of a field in order, with the missing ones between them.

    Numbers are ordered by value, other texts so that numbers in them are. Numbers on ``t`` and ``z`` have equal
    distances, the greatest that fits all.

    Raises
    ------
    SourceError
        If numbers on ``t`` or ``z`` are so uneven that they are not places.

    Examples
    --------
    >>> order_values(Field("t", is_number=True), {"8", "10", "2", "4"})
    Values(field=Field(name='t', is_number=True, width=None), texts=('2', '4', '6', '8', '10'), absent=frozenset({2}))
    >>> order_values(Field("c"), ["w10", "w9"]).texts
    ('w9', 'w10')
    """
    if not field.is_number:
        return Values(field, tuple(sorted(set(texts), key=natural_key)))
    by_number: dict[int, str] = {}
    for text in sorted(texts, key=len, reverse=True):
        by_number.setdefault(int(text), text)
    numbers = sorted(by_number)
    if field.name == "c" or len(numbers) < 2:
        return Values(field, tuple(by_number[number] for number in numbers))
    step = math.gcd(*(b - a for a, b in itertools.pairwise(numbers)))
    places = (numbers[-1] - numbers[0]) // step + 1
    if places - len(numbers) > MAX_MISSING_RATIO * len(numbers):
        raise SourceError(
            f"the {len(numbers)} numbers of {field}, {format_list([str(n) for n in numbers], MAX_LISTED)}, are not "
            f"evenly spaced: {places - len(numbers)} places between them are empty; to take them one after another, "
            f"write {{{field.name}}} in the pattern"
        )
    width = len(by_number[numbers[0]])
    every = range(numbers[0], numbers[-1] + 1, step)
    absent = frozenset(index for index, number in enumerate(every) if number not in by_number)
    return Values(field, tuple(by_number.get(number, f"{number:0{width}d}") for number in every), absent)


def natural_key(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts texts by the numbers in them.

    Examples
    --------
    >>> sorted(["t10", "t9", "t1"], key=natural_key)
    ['t1', 't9', 't10']
    """
    runs = re.findall(r"[0-9]+|[^0-9]+", text.casefold())
    return [(int(run), "") if run[0] in "0123456789" else (-1, run) for run in runs], text
