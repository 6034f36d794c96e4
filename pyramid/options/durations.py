"""Parser of times."""

from __future__ import annotations

import re

from pyramid.errors import OptionError, short_repr

_UNITS_S = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600}


def seconds(value: object) -> float:
    """Parse a time, as ``90s``, ``10 min``, ``2h`` or a number of seconds.

    Examples
    --------
    >>> seconds("10min"), seconds(2.5)
    (600.0, 2.5)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h)?\s*", str(value))
    if isinstance(value, bool) or not found:
        raise OptionError(f"{short_repr(value)} is not a time; give one, as 90s or 10min")
    number = float(found[1]) * _UNITS_S[found[2] or ""]
    if not 0 < number < float("inf"):
        raise OptionError(f"{value} is not above 0; give more, as 90s")
    return number
