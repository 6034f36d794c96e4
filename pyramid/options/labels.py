"""The options of label images: a name, and colours and properties of label values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import nearest

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# Columns of a table of label values, besides properties, and other names of the first.
VALUE, COLOR = "value", "color"
_VALUE_NAMES = (VALUE, "label", "label-value", "label_value")
_COLOR_NAMES = (COLOR, "colour")
# The most rows of a table: as many as one document of metadata can hold in 16 MiB.
MAX_VALUES = 100_000
# Bytes of a table at most.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class LabelValue:
    """A label value, with its colour and its properties.

    Parameters
    ----------
    value
        The value of its pixels.
    rgba
        Red, green, blue and opacity from 0 to 255; None if it has no colour.
    properties
        Anything else that is known of it.
    """

    value: int
    rgba: tuple[int, int, int, int] | None = None
    properties: Mapping[str, str | float | int] = field(default_factory=dict)


def parse_label_name(value: object) -> str:
    """Parse the name of a label image, which is one folder.

    Examples
    --------
    >>> parse_label_name("nuclei")
    'nuclei'
    """
    name = value if isinstance(value, str) else ""
    safe = re.fullmatch(r"[^\\/:\x00-\x1f\x7f]{1,200}", name) is not None
    if not safe or name.startswith(".") or name != name.strip() or not name.isprintable():
        raise OptionError(f"{short_repr(value)} is not a name of labels; give one word, as nuclei, without / or \\")
    return name


def parse_label_colors(value: object) -> tuple[LabelValue, ...]:
    """Parse the path of a CSV file of label values, or colours by value.

    Examples
    --------
    >>> parse_label_colors({3: "FF0000"})
    (LabelValue(value=3, rgba=(255, 0, 0, 255), properties={}),)
    """
    if isinstance(value, Mapping):
        found = [LabelValue(_whole(key, "value"), _rgba(color, "color")) for key, color in value.items()]
    elif isinstance(value, tuple) and all(isinstance(item, LabelValue) for item in value):  # parsed before
        found = list(value)
    else:
        found = _read_file(value)
    values = [item.value for item in found]
    twice = next((number for number in values if values.count(number) > 1), None) if len(values) < 1000 else None
    if twice is not None or len(set(values)) < len(values):
        raise OptionError(f"a label value is given twice{'' if twice is None else f': {twice}'}; give each once")
    return tuple(sorted(found, key=lambda item: item.value))


def _read_file(path: object) -> list[LabelValue]:
    try:
        with open(str(path), encoding="utf-8-sig", newline="") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise OptionError(f"{path} cannot be read: {why}; give a CSV file with columns value and color") from None
    if len(text) > MAX_BYTES:
        raise OptionError(f"{path} is too long for a table of labels; give at most {MAX_VALUES} rows")
    return list(_rows(str(path), text.splitlines()))


def _rows(path: str, lines: list[str]) -> Iterable[LabelValue]:
    reader = csv.DictReader(lines, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    value_name = next((name for name in names if name.lower() in _VALUE_NAMES), None)
    color_name = next((name for name in names if name.lower() in _COLOR_NAMES), None)
    if value_name is None:
        near = next((name for name in names if nearest(name.lower(), [VALUE]) is not None), None)
        meant = f"; did you mean {VALUE!r} by {near!r}?" if near else "; name the column of label values 'value'"
        raise OptionError(f"{path} has no column 'value'{meant}")
    reader.fieldnames = names
    try:
        for number, row in enumerate(reader, 2):
            if number > MAX_VALUES + 1:
                raise OptionError(f"{path} has more than {MAX_VALUES} rows; give fewer")
            yield _row(row, value_name, color_name, f"{path}, line {number}")
    except csv.Error as error:
        raise OptionError(f"{path} is not CSV: {error}; save it again as CSV") from None


def _row(row: Mapping[str, Any], value_name: str, color_name: str | None, place: str) -> LabelValue:
    if None in row or None in row.values():
        raise OptionError(f"{place}: it has another number of cells than the first line has names; correct it")
    others = {name: _cell(text) for name, text in row.items() if name not in (value_name, color_name) and text != ""}
    color = None if color_name is None or row[color_name] == "" else _rgba(row[color_name], place)
    return LabelValue(_whole(row[value_name], place), color, others)


def _whole(value: object, place: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d{1,20}", text):
        raise OptionError(f"{place}: {short_repr(value)} is not a label value; give a whole number")
    return int(text)


def _rgba(value: object, place: str) -> tuple[int, int, int, int]:
    digits = str(value).strip().removeprefix("#")
    if not re.fullmatch(r"[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?", digits):
        raise OptionError(f"{place}: {short_repr(value)} is not a colour; it has six hexadecimal digits, as 00FF00")
    red, green, blue, opacity = bytes.fromhex(digits if len(digits) == 8 else digits + "FF")
    return red, green, blue, opacity


def _cell(text: str) -> str | float | int:
    """Return a cell as a number where it is one."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}([eE][+-]?\d{1,2})?", text) else text


def image_label(options: Options) -> dict[str, Any] | None:
    """Return the metadata of a label image; None where options make no label.

    The specification recommends colours. Where none are given, the background, 0, is transparent.

    Raises
    ------
    OptionError
        If there are colours of labels, but no name.
    """
    if options.labels is None:
        if options.label_colors is not None:
            raise OptionError("label_colors: they are for a label image; give labels=... too")
        return None
    values = options.label_colors or ()
    colors = [{"label-value": item.value, "rgba": list(item.rgba)} for item in values if item.rgba is not None]
    properties = [{"label-value": item.value, **item.properties} for item in values if item.properties]
    return {
        "source": {"image": "../../"},
        "colors": colors or [{"label-value": 0, "rgba": [0, 0, 0, 0]}],
        **({"properties": properties} if properties else {}),
    }
