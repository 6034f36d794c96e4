"""The options of `edit`, parsed and checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.ngff.values import check_path
from pyramid.options import parsing
from pyramid.options.attributes import parse_attributes


@dataclass(frozen=True)
class Wishes:
    """The parsed options of `edit`; what is empty or None stays as it is."""

    name: str | None = None
    channel_names: tuple[str, ...] | None = None
    channel_colors: tuple[str, ...] | None = None
    windows: str | tuple[tuple[float, float], ...] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    units: str | Mapping[str, str] = field(default_factory=dict)
    translation: Mapping[str, float] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    remove_label: str | None = None

    @property
    def of_channels(self) -> bool:
        """True if channels change."""
        return any(value is not None for value in (self.channel_names, self.channel_colors, self.windows))

    @property
    def of_image(self) -> bool:
        """True if something changes that only images have."""
        return self.name is not None or self.of_channels or any((self.scale, self.units, self.translation))


def parse_wishes(given: Mapping[str, Any]) -> Wishes:
    """Parse the options of `edit`.

    Raises
    ------
    OptionError
        If none is given, or one is wrong; the error names it.

    Examples
    --------
    >>> parse_wishes({"windows": "0:255,10:4000"}).windows
    ((0.0, 255.0), (10.0, 4000.0))
    """
    parsed = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            parsed[name] = _PARSERS[name](value)
        except OptionError as error:
            raise OptionError(f"{name}: {error}") from None
    if not parsed:
        raise OptionError(f"nothing to edit was given; give one of {', '.join(_PARSERS)}")
    return Wishes(**parsed)


def _offset(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{value!r} is not a finite number; give one, as -2.5")
    return number


def _windows(value: object) -> str | tuple[tuple[float, float], ...]:
    if value == "auto":
        return "auto"
    return tuple(_window(item) for item in parsing.items(value))


def _window(item: object) -> tuple[float, float]:
    parts = item.split(":") if isinstance(item, str) else item
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise OptionError(f"{short_repr(item)} is not a window; give auto, or START:END for each channel, as 0:255")
    start, end = (_offset(str(part)) for part in parts)
    if not start < end:
        raise OptionError(f"{short_repr(item)} is not a window; its start must be under its end")
    return start, end


def _label(value: object) -> str:
    name = parsing.text(value)
    try:
        return check_path(name)
    except SourceError:
        raise OptionError(f"{short_repr(name)} is not the name of a label; give one, as nuclei") from None


def _translation(value: object) -> dict[str, float]:
    return parsing.parse_by_axis(value, "y=10,x=-2.5", _offset)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "name": parsing.text,
    "channel_names": parsing.names,
    "channel_colors": parsing.colors,
    "windows": _windows,
    "scale": parsing.scale,
    "units": parsing.units,
    "translation": _translation,
    "attributes": parse_attributes,
    "remove_label": _label,
}
