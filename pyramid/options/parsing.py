"""Parsers of the values that users write: one for each kind of option.

Each takes the text of a command line, or a value from Python or YAML. It raises OptionError for any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from pyramid.errors import OptionError, short_repr
from pyramid.model import AXES
from pyramid.options.nearest import nearest, unknown
from pyramid.options.units import unit, unit_of_space

ChunkLayout: TypeAlias = Literal["auto", "plane", "volume"]
ShardLayout: TypeAlias = Literal["auto", "none"]
_Word = TypeVar("_Word", bound=str)
Number = TypeVar("Number", int, float)

# The methods of this package, and the group of the entry points of all.
METHODS = ("mean", "nearest", "mode", "median", "min", "max", "gaussian")
METHODS_GROUP = "pyramid.methods"
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
# Words for an axis, as people write them where a letter is needed.
_AXIS_WORDS = {
    "t": ("time", "timepoint", "timepoints", "frame", "frames", "tt"),
    "c": ("channel", "channels", "ch", "cc"),
    "z": ("depth", "slice", "slices", "plane", "planes", "zz"),
    "y": ("height", "row", "rows", "yy"),
    "x": ("width", "column", "columns", "xx"),
}


def text(value: object) -> str:
    """Parse any text that is not empty."""
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise OptionError(f"{short_repr(value)} is not text; put it between quotes")
    if not str(value):
        raise OptionError("it is empty; give a text, or leave the option out")
    return str(value)


def method(value: object) -> str:
    """Parse the name of a method, ours or a plug-in's."""
    if callable(value):
        name = getattr(value, "__name__", "")
        near = f"give the name of a method, as {nearest(name, METHODS) or 'mean'!r}"
        raise OptionError(f"{short_repr(value)} is a function; {near}, or write a plug-in (docs/extending.md)")
    name = text(value)
    if name not in METHODS:
        from importlib.metadata import entry_points  # noqa: PLC0415  (12 ms, and only for a plug-in)

        plug_ins = {entry.name for entry in entry_points(group=METHODS_GROUP)}
        if name not in plug_ins:
            raise OptionError(unknown("method", name, plug_ins))
    return name


def switch(value: object) -> bool:
    """Parse a boolean.

    A word such as "yes" raises OptionError.
    """
    if not isinstance(value, bool):
        raise OptionError(f"{short_repr(value)} is not true or false; write true or false, without quotes")
    return value


def _whole(value: object, least: int) -> int:
    """Parse a whole number of at least `least`."""
    try:
        number = int("" if isinstance(value, bool) else str(value))
    except ValueError:
        raise OptionError(f"{short_repr(value)} is not a whole number; give one, as {max(least, 2)}") from None
    if number < least:
        raise OptionError(f"{number} is below {least}; give {least} or more")
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
        raise OptionError(f"{short_repr(value)} is not a number of bytes; give one, as 2GiB or 500MB")
    number = int(float(found[1]) * _BYTES[(found[2] or "").lower()])
    if number < 1:
        raise OptionError(f"{value!r} is below one byte; give more, as 2GiB")
    return number


def axes(value: object) -> str:
    """Parse letters of axes, each once: ``"czyx"``, ``"C,Z,Y,X"`` or a sequence."""
    given = value if isinstance(value, str) else "".join(map(str, items(value)))
    for word in re.split(r"[\s,]+", given.lower()):
        if any(word in words for words in _AXIS_WORDS.values()):
            raise OptionError(unknown_axis(word, value))
    letters = re.sub(r"[\s,]", "", given).lower()
    for letter in letters:
        if letter not in AXES:
            raise OptionError(unknown_axis(letter, value))
        if letters.count(letter) > 1:
            raise OptionError(f"axis {letter!r} is named twice in {short_repr(letters)}; name each axis once")
    if not {"y", "x"} <= set(letters):
        raise OptionError(f"{letters!r} lacks y or x; name both, as yx or czyx")
    return letters


def unknown_axis(name: str, value: object) -> str:
    """Return a message about a wrong axis, with the letter that it may mean."""
    near = next((letter for letter, words in _AXIS_WORDS.items() if name in words), None)
    hint = f"did you mean {near!r}?" if near else f"axes are letters of {AXES}"
    where = "" if name == value else f" in {short_repr(value)}"
    return f"unknown axis {short_repr(name)}{where}; {hint}"


def items(value: object) -> Sequence[Any]:
    """Parse a list, or text with commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    if isinstance(value, Sequence):
        return value
    raise OptionError(f"{short_repr(value)} is not a list; give one, as [a, b] or 'a,b'")


def _by_axis(value: object, example: str) -> dict[str, str]:
    """Parse text for each axis, from ``z=1,y=2`` or a mapping."""
    if isinstance(value, Mapping):
        pairs = [(str(k).lower(), str(v)) for k, v in value.items()]
    elif isinstance(value, str):
        pairs = [_pair(item, value, example) for item in value.split(",")]
    else:
        raise OptionError(f"{short_repr(value)} names no axes; give {_named(value, example)}, or a mapping")
    found: dict[str, str] = {}
    for axis, right in pairs:
        if axis not in AXES or len(axis) != 1:
            raise OptionError(unknown_axis(axis, value))
        if axis in found:
            raise OptionError(f"axis {axis!r} is named twice in {short_repr(value)}; name each axis once")
        found[axis] = right
    return found


def _pair(item: str, whole: str, example: str) -> tuple[str, str]:
    """Parse axis and text from ``z=1``, an item of `whole`."""
    axis, equals, right = item.partition("=")
    if equals:
        return axis.strip().lower(), right.strip()
    if "=" in whole and item.strip().isdigit():
        raise OptionError(f"{item!r} in {whole!r} names no axis; write a decimal with a point, as z=0.5")
    raise OptionError(f"{item!r} names no axis; write {_named(whole, example)}")


def _named(value: object, example: str) -> str:
    """Return the numbers of `value` with their likely axes, or else `example`."""
    given = short_repr(value)
    numbers = re.findall(r"\d+(?:\.\d+)?", given)
    if re.search("[A-Za-z=-]", given) or "0" in numbers or not 1 <= len(numbers) <= len(AXES):
        return example
    numbers = numbers * 2 if len(numbers) == 1 else numbers
    return ",".join(f"{axis}={number}" for axis, number in zip(AXES[-len(numbers) :], numbers, strict=True))


def parse_by_axis(value: object, example: str, parse: Callable[[str], Number]) -> dict[str, Number]:
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
    return parse_by_axis(value, "z=1,y=2,x=2", count)


def scale(value: object) -> dict[str, float]:
    """Parse physical pixel sizes by axis, each finite and above 0."""
    if not isinstance(value, bool) and re.fullmatch(r"\s*\d*\.?\d+(e-?\d+)?\s*", str(value)):
        size = str(value).strip()
        raise OptionError(
            f"{size} names no axis, and voxels are often deeper than wide; write y={size},x={size}, "
            "and z= with its own size where there is z"
        )
    return parse_by_axis(value, "z=0.5,y=0.1,x=0.1", _size)


def _size(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise OptionError(f"{value!r} is not a number; give one, as 0.5") from None
    if not 0 < number < float("inf"):
        raise OptionError(f"{value} is not a size; a pixel is above 0 and finite")
    return number


def units(value: object) -> str | dict[str, str]:
    """Parse one unit for all axes of space, or units by axis, as UDUNITS long names."""
    if isinstance(value, str) and not re.search("[=,]", value):
        return unit_of_space(value.strip())
    example = "micrometer, or z=micrometer,y=micrometer,x=micrometer"
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
        hint = unknown(kind, value, words)
        raise OptionError(hint if hint.endswith("?") else f"{hint}, or by axis, as z=64,y=256,x=256")
    return counts_by_axis(value)


def mapping(value: object) -> dict[str, Any]:
    """Parse a mapping, or the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise OptionError(f"it is not JSON: {error}; write it as '{{\"anon\": true}}'") from None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise OptionError('it is not a mapping from names to values; write it as {"anon": true}')
    return dict(value)


def lengths(what: str, values: Collection[object] | None, expected: int) -> None:
    """Raise OptionError unless `values` has one item for each of `expected` channels."""
    if values is not None and len(values) != expected:
        raise OptionError(
            f"{what}: {len(values)} were given, but the number of channels is {expected}; give one a channel"
        )
