"""Parsers of the values that users write: one for each kind of option.

Each takes the text of a command line, or a value from Python or YAML. It raises OptionError for any other.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from pyramid.errors import OptionError
from pyramid.model import AXES

ChunkLayout: TypeAlias = Literal["auto", "plane", "volume"]
ShardLayout: TypeAlias = Literal["auto", "none"]
_Word = TypeVar("_Word", bound=str)
Number = TypeVar("Number", int, float)

_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
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


def unknown(kind: str, value: object, known: Iterable[str]) -> str:
    """Return a message that `value` is not one of `known`, with the nearest of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(str(value), choices, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(choices)}"
    return f"unknown {kind} {value!r}; {hint}"


def text(value: object) -> str:
    """Parse any text that is not empty."""
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise OptionError(f"{value!r} is not text")
    if not str(value):
        raise OptionError("it is empty")
    return str(value)


def one_of(*choices: str) -> Callable[[Any], str]:
    """Return a parser that accepts one of `choices`."""

    def parse(value: object) -> str:
        if str(value) not in choices:
            raise OptionError(f"{value!r} is not one of: {', '.join(choices)}")
        return str(value)

    return parse


def switch(value: object) -> bool:
    """Parse a boolean.

    A word such as "yes" raises OptionError.
    """
    if not isinstance(value, bool):
        raise OptionError(f"{value!r} is not true or false")
    return value


def _whole(value: object, least: int) -> int:
    """Parse a whole number of at least `least`."""
    if isinstance(value, bool):
        raise OptionError(f"{value!r} is not a whole number")
    try:
        number = int(str(value))
    except ValueError:
        raise OptionError(f"{value!r} is not a whole number") from None
    if number < least:
        raise OptionError(f"{number} is below {least}")
    return number


def count(value: object) -> int:
    """Parse a whole number of at least 1."""
    return _whole(value, 1)


def count_from_zero(value: object) -> int:
    """Parse a whole number of at least 0."""
    return _whole(value, 0)


def byte_count(value: object) -> int:
    """Parse a number of bytes, as ``2GiB``, ``500 MB`` or a whole number."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", str(value), re.IGNORECASE)
    if isinstance(value, bool) or not found:
        raise OptionError(f"{value!r} is not a number of bytes, as 2GiB or 500MB")
    number = int(float(found[1]) * _BYTES[(found[2] or "").lower()])
    if number < 1:
        raise OptionError(f"{value!r} is below one byte")
    return number


def axes(value: object) -> str:
    """Parse letters of axes, each once: ``"czyx"``, ``"C,Z,Y,X"`` or a sequence."""
    given = value if isinstance(value, str) else "".join(map(str, items(value)))
    letters = re.sub(r"[\s,]", "", given).lower()
    for letter in letters:
        if letter not in AXES:
            raise OptionError(f"unknown axis {letter!r} in {letters!r}; axes are letters of {AXES}")
        if letters.count(letter) > 1:
            raise OptionError(f"axis {letter!r} is named twice in {letters!r}")
    if not {"y", "x"} <= set(letters):
        raise OptionError(f"{letters!r} lacks y or x; an image has both")
    return letters


def items(value: object) -> Sequence[Any]:
    """Parse a list, or text with commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    if isinstance(value, Sequence):
        return value
    raise OptionError(f"{value!r} is not a list")


def _by_axis(value: object, example: str) -> dict[str, str]:
    """Parse text for each axis, from ``z=1,y=2`` or a mapping."""
    if isinstance(value, Mapping):
        pairs = [(str(k).lower(), str(v)) for k, v in value.items()]
    elif isinstance(value, str):
        pairs = [_pair(item, value, example) for item in value.split(",")]
    else:
        raise OptionError(f"{value!r} is neither of the form {example} nor a mapping by axis")
    found: dict[str, str] = {}
    for axis, right in pairs:
        if axis not in AXES or len(axis) != 1:
            raise OptionError(f"unknown axis {axis!r} in {value!r}; axes are letters of {AXES}")
        if axis in found:
            raise OptionError(f"axis {axis!r} is named twice in {value!r}")
        found[axis] = right
    return found


def _pair(item: str, whole: str, example: str) -> tuple[str, str]:
    """Parse axis and text from ``z=1``, an item of `whole`."""
    axis, equals, right = item.partition("=")
    if equals:
        return axis.strip().lower(), right.strip()
    if "=" in whole and item.strip().isdigit():
        raise OptionError(f"{item!r} in {whole!r} names no axis; write a decimal with a point, as z=0.5")
    raise OptionError(f"{item!r} names no axis; write {example}")


def _parse_by_axis(value: object, example: str, parse: Callable[[str], Number]) -> dict[str, Number]:
    """Parse the text for each axis, and name the axis in errors."""
    found = {}
    for axis, right in _by_axis(value, example).items():
        try:
            found[axis] = parse(right)
        except OptionError as error:
            raise OptionError(f"{axis}: {error}") from None
    return found


def counts_by_axis(value: object) -> dict[str, int]:
    """Parse whole numbers of at least 1, by axis."""
    return _parse_by_axis(value, "z=1,y=2,x=2", count)


def scale(value: object) -> dict[str, float]:
    """Parse physical pixel sizes by axis, each finite and above 0."""
    return _parse_by_axis(value, "z=0.5,y=0.1,x=0.1", _size)


def _size(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise OptionError(f"{value!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise OptionError(f"{value} is not a size; a pixel is above 0 and finite")
    return number


def unit(axis: str, value: str) -> str:
    """Return the UDUNITS long name of a unit, from a long name or a common short one.

    `axis` is the axis that has the unit. Raises OptionError where it cannot have that unit.

    Examples
    --------
    >>> unit("x", "um"), unit("t", "Seconds")
    ('micrometer', 'second')
    """
    if axis == "c":
        raise OptionError("channels have no unit")
    known = TIME_UNITS if axis == "t" else SPACE_UNITS
    # Case matters in short names, as mm and Mm differ. In long names neither case nor a plural matters.
    long = value.lower().replace("metre", "meter").removesuffix("s")
    name = _UNIT_ALIASES.get(value) or (_UNIT_ALIASES.get(long, long) if len(long) > 2 else value)
    if name not in known:
        raise OptionError(f"{axis}: {unknown('unit', value, known)}")
    return name


def units(value: object) -> dict[str, str]:
    """Parse units by axis, as UDUNITS long names."""
    example = "z=micrometer,y=micrometer,x=micrometer"
    return {axis: unit(axis, right) for axis, right in _by_axis(value, example).items()}


def names(value: object) -> tuple[str, ...]:
    """Parse a list of names."""
    return tuple(text(item) for item in items(value))


def colors(value: object) -> tuple[str, ...]:
    """Parse a list of colours, of six hexadecimal digits each, into capitals."""
    found = []
    for item in items(value):
        digits = str(item).removeprefix("#").upper()
        if not re.fullmatch("[0-9A-F]{6}", digits):
            raise OptionError(f"{item!r} is not a colour; it has six hexadecimal digits, as 00FF00")
        found.append(digits)
    return tuple(found)


def chunks(value: object) -> ChunkLayout | dict[str, int]:
    """Parse the name of a layout, or the extent of a chunk by axis."""
    return _word_or_counts(value, "layout of chunks", get_args(ChunkLayout))


def shards(value: object) -> ShardLayout | dict[str, int]:
    """Parse ``auto``, ``none``, or the extent of a shard by axis."""
    return _word_or_counts(value, "layout of shards", get_args(ShardLayout))


def _word_or_counts(value: object, kind: str, words: tuple[_Word, ...]) -> _Word | dict[str, int]:
    """Parse one of `words`, or whole numbers by axis."""
    for word in words:
        if value == word:
            return word
    if isinstance(value, str) and value.isalpha():
        raise OptionError(f"{unknown(kind, value, words)}, or give its extent by axis, as z=64,y=256,x=256")
    return counts_by_axis(value)


def mapping(value: object) -> dict[str, Any]:
    """Parse a mapping, or the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise OptionError(f"it is not JSON: {error}") from None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise OptionError("it is not a mapping from names to values")
    return dict(value)


def lengths(what: str, values: Collection[object] | None, expected: int) -> None:
    """Raise OptionError unless `values` has one item for each of `expected` channels."""
    if values is not None and len(values) != expected:
        raise OptionError(f"{what}: {len(values)} were given, but the number of channels is {expected}")


def check_one_image(series: int | None, kind: str) -> None:
    """Raise OptionError if `series` is not the only image of a source."""
    if series:
        raise OptionError(f"series: {kind} holds one image, but image {series} was requested; leave --series out")
