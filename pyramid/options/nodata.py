"""The value of pixels that do not count: its text, and whether a dtype has it."""

from __future__ import annotations

import math
import struct

from pyramid.errors import OptionError, short_repr

# Formats of `struct` for the dtypes of floats.
_FLOATS = {"float16": "e", "float32": "f", "float64": "d"}


def nodata(value: object) -> int | float:
    """Parse a number, as 0 or -9999.5.

    Examples
    --------
    >>> nodata("0"), nodata("-1.5e3")
    (0, -1500.0)
    """
    try:
        number = float("" if isinstance(value, bool) else str(value))
        if str(value).lstrip("+-").isdigit():
            return int(str(value))
    except ValueError:
        raise OptionError(f"{short_repr(value)} is not a number; give one, as 0") from None
    if math.isnan(number):
        raise OptionError("NaN never counts, so it needs no option; leave it out")
    return number


def fitted_nodata(number: float | None, dtype: str) -> int | float | None:
    """Return a value as pixels of a dtype hold it.

    Raises OptionError if no pixel can have it.

    Examples
    --------
    >>> fitted_nodata(255.0, "uint8"), fitted_nodata(None, "uint8")
    (255, None)
    """
    if number is None:
        return None
    if dtype in _FLOATS:
        try:
            return float(struct.unpack(_FLOATS[dtype], struct.pack(_FLOATS[dtype], number))[0])
        except OverflowError:
            raise OptionError(f"nodata: no pixel of {dtype} is {number:g}; give a value that the image has") from None
    bits = 1 if dtype == "bool" else int(dtype.lstrip("uint"))
    least, greatest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dtype.startswith("int") else (0, 2**bits - 1)
    if not math.isfinite(number) or number != int(number) or not least <= number <= greatest:
        raise OptionError(f"nodata: no pixel of {dtype} is {number:g}; give a whole number from {least} to {greatest}")
    return int(number)
