"""The metadata of an image, with sizes of pixels in units of OME-Zarr.

A notice names each size that a file gives and that cannot be one.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

from pyramid.errors import OptionError, short_repr
from pyramid.model import Channel
from pyramid.ngff.lengths import to_micrometers
from pyramid.options.units import unit as unit_name

logger = logging.getLogger(__name__)

# Units that OME-Zarr has no word for, as a multiple of one that it has.
_CONVERTED = {
    "dam": (10.0, "meter"),
    "thou": (0.001, "inch"),
    "mil": (0.001, "inch"),
    "li": (1 / 12, "inch"),
    "pt": (1 / 72, "inch"),
    "ua": (149_597_870_700.0, "meter"),
    "au": (149_597_870_700.0, "meter"),
    "ly": (9_460_730_472_580_800.0, "meter"),
    "das": (10.0, "second"),
}
# Words for "not calibrated": a size in them is dropped without a notice, as nothing is lost.
_PIXELS = frozenset(["", "pixel", "pixels", "px", "null", "none", "unit", "units"])


MAX_DETAIL = 100  # characters of a detail, so that a table stays readable


@dataclass(slots=True)
class Description:
    """The metadata of an image, empty where it is unknown.

    Parameters
    ----------
    scale, units, origin
        Size of a pixel, its unit, and the place of the first pixel in that unit, by axis.
    channels
        The channels, by index.
    name, notices
        Name of the image, and what was not taken of it.
    details
        Facts as pairs of a name and a text: when the image was acquired, and by which objective.
    """

    scale: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    name: str = ""
    notices: list[str] = field(default_factory=list)
    origin: dict[str, float] = field(default_factory=dict)
    details: list[tuple[str, str]] = field(default_factory=list)

    def measure(self, axis: str, size: object, unit: str, what: str) -> None:
        """Note the size of a pixel in a unit of OME-Zarr, or why it is not one.

        Parameters
        ----------
        axis
            A letter of ``tzyx``.
        size
            The value in the file; None if there is none.
        unit
            Its unit, as the file spells it.
        what
            Name of the size in a notice, in the file's words.

        Examples
        --------
        >>> found = Description()
        >>> found.measure("x", "2", "dam", "PhysicalSizeX")
        >>> found.scale, found.units
        ({'x': 20.0}, {'x': 'meter'})
        """
        if size is None:
            return
        try:
            self.scale[axis], self.units[axis] = _convert(axis, size, unit)
            logger.info("scale: %s is %g %s, by %s", axis, self.scale[axis], self.units[axis], what)
        except ValueError as reason:
            self.notices.append(f"{what} is {short_repr(size)}{reason}: it is not taken; give scale=... and units=...")

    def place(self, axis: str, position: object, unit: str) -> None:
        """Note the place of the first pixel on an axis whose size is known.

        Parameters
        ----------
        axis
            A letter of ``tzyx``.
        position
            The value in the file; anything but a finite number is left out.
        unit
            Its unit, as the file spells it.

        Examples
        --------
        >>> found = Description()
        >>> found.measure("x", 0.5, "um", "PhysicalSizeX")
        >>> found.place("x", 2, "mm")
        >>> found.origin
        {'x': 2000.0}
        """
        place = number(position)
        if not place or axis not in self.units:
            return
        try:
            one, own = _convert(axis, 1.0, unit)
        except ValueError:
            return
        factor = 1.0 if own == self.units[axis] else _lengths_ratio(own, self.units[axis])
        if factor is not None:
            self.origin[axis] = float(f"{place * one * factor:.12g}")

    def tell(self, what: str, value: object) -> None:
        """Note a detail; nothing if it has no value."""
        text = " ".join(str(value).split())[:MAX_DETAIL] if value is not None else ""
        if text:
            self.details.append((what, text))


def _lengths_ratio(unit: str, other: str) -> float | None:
    """Return how many of one unit of length another is; None for other units."""
    one, base = to_micrometers(1.0, unit), to_micrometers(1.0, other)
    return one / base if one and base else None


def _convert(axis: str, size: object, unit: str) -> tuple[float, str]:
    """Return a size in a unit of OME-Zarr; raise ValueError if it is not one."""
    length = positive(size)
    if length is None:
        raise ValueError(", which is not a size")
    factor, name = _CONVERTED.get(unit, (1.0, unit))
    try:
        if unit in _CONVERTED and (axis == "t") != (name == "second"):
            raise OptionError(unit)
        name = unit_name(axis, name)
    except OptionError:
        kind = "time" if axis == "t" else "length"
        raise ValueError(f" in the unit {short_repr(unit)}, which is not a unit of {kind}") from None
    if not positive(length * factor):
        raise ValueError(f" {unit}, which is out of range")
    return length * factor, name


def is_pixel(unit: str) -> bool:
    """Return whether a unit says that an image is not calibrated.

    Examples
    --------
    >>> is_pixel("Pixels"), is_pixel("um")
    (True, False)
    """
    return unit.strip().lower() in _PIXELS


def number(value: object) -> float | None:
    """Return a finite number, else None."""
    try:
        found = float(value)  # type: ignore[arg-type]  # other values raise
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def positive(value: object) -> float | None:
    """Return a finite number above 0, else None."""
    found = number(value)
    return found if found is not None and found > 0 else None
