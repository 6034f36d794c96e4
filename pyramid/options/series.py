"""The option ``series``: which image of a file that holds several."""

from __future__ import annotations

import re

from pyramid.errors import OptionError, short_repr
from pyramid.options.parsing import count_from_zero, text


def parse_series(value: object) -> int | str:
    """Parse the number of an image, or its name.

    Examples
    --------
    >>> parse_series("2"), parse_series("Scene 2")
    (2, 'Scene 2')
    """
    if isinstance(value, str) and not re.fullmatch(r"\s*-?\d+\s*", value):
        return text(value)
    return count_from_zero(value)


# The value for all images of a file.
ALL = "all"


def check_one_image(series: int | str | None, kind: str) -> None:
    """Raise OptionError if `series` is not the only image of a source."""
    if series and series != ALL:
        shown = short_repr(series)
        raise OptionError(f"series: {kind} holds one image, but image {shown} was requested; leave series=... out")
