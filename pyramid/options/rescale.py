"""Parsers of ``dtype`` and ``rescale``: the values that pixels get."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import nearest

DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)
# Words for percentiles: those that a display shows well, and the extremes.
WORDS = {"percentiles": (0.1, 99.9), "min,max": (0, 100)}
_EXAMPLE = "100,4000, or 0.1%,99.9%"


@dataclass(frozen=True, slots=True)
class Rescale:
    """The two values that become the least and the greatest of a dtype.

    Parameters
    ----------
    low, high
        The values, or percentiles of each channel.
    percent
        Whether they are percentiles.

    Examples
    --------
    >>> str(Rescale(0.1, 99.9, percent=True))
    '0.1%,99.9%'
    """

    low: float
    high: float
    percent: bool = False

    def __str__(self) -> str:
        sign = "%" if self.percent else ""
        return f"{self.low!r}{sign},{self.high!r}{sign}"


def parse_dtype(value: Any) -> str:  # noqa: ANN401  (as users give it)
    """Parse the name of a dtype, or a dtype of NumPy."""
    name = value if isinstance(value, str) else str(getattr(value, "name", None) or getattr(value, "__name__", value))
    if name not in DTYPES:
        near = nearest(name, DTYPES)
        hint = f"did you mean {near!r}?" if near else "give one of these"
        raise OptionError(f"{short_repr(value)} is not one of: {', '.join(DTYPES)}; {hint}")
    return name


def parse_rescale(value: object) -> Rescale:
    """Parse two values, two percentiles, or a word for percentiles.

    Examples
    --------
    >>> parse_rescale("100,4000") == parse_rescale((100, 4000)), parse_rescale("0.1%, 99.9%")
    (True, Rescale(low=0.1, high=99.9, percent=True))
    """
    if isinstance(value, Rescale):
        return value
    if isinstance(value, str) and "".join(value.split()) in WORDS:
        return Rescale(*WORDS["".join(value.split())], percent=True)
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, Sequence) or len(items) != 2:
        raise OptionError(f"{short_repr(value)} is not two values; give {_EXAMPLE}, percentiles, or min,max")
    low, high = map(_number, items)
    percents = [str(item).strip().endswith("%") for item in items]
    if len(set(percents)) > 1:
        raise OptionError(f"{short_repr(value)} mixes a value with a percentile; give two of one kind, as {_EXAMPLE}")
    if percents[0] and not 0 <= low < high <= 100:
        raise OptionError(f"{short_repr(value)} are not percentiles from 0% to 100%, the lower first; give 0.1%,99.9%")
    if low >= high:
        raise OptionError(f"the first value, {low!r}, is not below the second, {high!r}; give the lower first")
    return Rescale(low, high, percent=percents[0])


def _number(item: Any) -> float:  # noqa: ANN401  (as users give it)
    """Parse a finite number, with or without a percent sign; whole ones stay whole."""
    text = str(item).strip().removesuffix("%").strip()
    if not isinstance(item, bool) and re.fullmatch(r"[-+]?\d{1,20}", text):
        return int(text)
    try:
        number = float("" if isinstance(item, bool) else text)
    except ValueError:
        raise OptionError(f"{short_repr(item)} is not a number; give two, as {_EXAMPLE}") from None
    if not math.isfinite(number):
        raise OptionError(f"{short_repr(item)} is not finite; give two numbers, as {_EXAMPLE}")
    return number
