"""Units of axes: the long names of UDUNITS, and the short ones that people write."""

from __future__ import annotations

from pyramid.errors import OptionError
from pyramid.options.nearest import unknown

# Prefixes of the SI by their symbols. The micro sign, the Greek letter mu and u all mean micro, as people write each.
_PREFIX_OF = {
    **{"y": "yocto", "z": "zepto", "a": "atto", "f": "femto", "p": "pico", "n": "nano", "m": "milli", "c": "centi"},
    **{"\u00b5": "micro", "\u03bc": "micro", "u": "micro", "d": "deci", "": "", "h": "hecto", "k": "kilo", "M": "mega"},
    **{"G": "giga", "T": "tera", "P": "peta", "E": "exa", "Z": "zetta", "Y": "yotta"},
}
_PREFIXES = tuple(dict.fromkeys(prefix for prefix in _PREFIX_OF.values() if prefix))
_UNIT_ALIASES = {
    **{
        f"{symbol}{short}": prefix + long
        for symbol, prefix in _PREFIX_OF.items()
        for short, long in (("m", "meter"), ("s", "second"))
    },
    "micron": "micrometer",
    "\u00c5": "angstrom",
    "\u212b": "angstrom",  # the sign of the unit, which looks like the letter
    "in": "inch",
    '"': "inch",
    "ft": "foot",
    "feet": "foot",
    "yd": "yard",
    "mi": "mile",
    "pc": "parsec",
    "inches": "inch",
    "sec": "second",
    "msec": "millisecond",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
}
SPACE_UNITS = frozenset(
    ["angstrom", "foot", "inch", "meter", "mile", "parsec", "yard", *(prefix + "meter" for prefix in _PREFIXES)]
)
TIME_UNITS = frozenset(["day", "hour", "minute", "second", *(prefix + "second" for prefix in _PREFIXES)])


def unit(axis: str, value: str) -> str:
    """Return the UDUNITS long name of a unit, from a long name or a common short one.

    `axis` is the axis that has the unit. Raises OptionError where it cannot have that unit.

    Examples
    --------
    >>> unit("x", "um"), unit("t", "Seconds")
    ('micrometer', 'second')
    """
    if axis == "c":
        raise OptionError("channels have no unit; leave c out")
    known = TIME_UNITS if axis == "t" else SPACE_UNITS
    name = _long_name(value)
    if name not in known:
        raise OptionError(f"{axis}: {unknown('unit', value, known)}")
    return name


def unit_of_space(value: str) -> str:
    """Return the UDUNITS long name of a unit of length.

    Raises OptionError for any other unit.

    Examples
    --------
    >>> unit_of_space("nm")
    'nanometer'
    """
    name = _long_name(value)
    if name in TIME_UNITS:
        raise OptionError(f"{value!r} is a unit of time, and a unit without an axis is one of length; write t={name}")
    if name not in SPACE_UNITS:
        raise OptionError(unknown("unit", value, SPACE_UNITS))
    return name


def _long_name(value: str) -> str:
    """Return the long name of a unit; `value` itself if it is none."""
    # Case matters in short names, as mm and Mm differ. In long names neither case nor a plural matters.
    long = value.lower().replace("metre", "meter").removesuffix("s")
    return _UNIT_ALIASES.get(value) or (_UNIT_ALIASES.get(long, long) if len(long) > 2 else value)
