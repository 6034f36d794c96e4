"""Parser of ``origin``: the position of the first pixel by axis."""

from __future__ import annotations

from pyramid.errors import OptionError
from pyramid.options import parsing


def parse_origin(value: object) -> dict[str, float]:
    """Parse the position of the first pixel by axis, each a finite number."""
    found = parsing.parse_by_axis(value, "z=0,y=120.5,x=-80", _position)
    if "c" in found:
        raise OptionError("channels have no place; leave c out")
    return found


def _position(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise OptionError(f"{value!r} is not a number; give one, as 120.5") from None
    if not abs(number) < float("inf"):
        raise OptionError(f"{value} is not a position; give a finite number, as 120.5")
    return number
