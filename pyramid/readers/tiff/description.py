"""The metadata of an image, with sizes of pixels in units of OME-Zarr.

A notice names each size that a file gives and that cannot be one.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

from pyramid.errors import OptionError, short_repr
from pyramid.model import Channel
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


@dataclass(slots=True)
class Description:
    """The metadata of an image: sizes by axis, channels by index; empty if unknown."""

    scale: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    name: str = ""
    notices: list[str] = field(default_factory=list)

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


def _convert(axis: str, size: object, unit: str) -> tuple[float, str]:
    """Return a size in a unit of OME-Zarr; raise ValueError if it is not one."""
    number = positive(size)
    if number is None:
        raise ValueError(", which is not a size")
    factor, name = _CONVERTED.get(unit, (1.0, unit))
    try:
        if unit in _CONVERTED and (axis == "t") != (name == "second"):
            raise OptionError(unit)
        name = unit_name(axis, name)
    except OptionError:
        kind = "time" if axis == "t" else "length"
        raise ValueError(f" in the unit {short_repr(unit)}, which is not a unit of {kind}") from None
    if not positive(number * factor):
        raise ValueError(f" {unit}, which is out of range")
    return number * factor, name


def is_pixel(unit: str) -> bool:
    """Return whether a unit says that an image is not calibrated.

    Examples
    --------
    >>> is_pixel("Pixels"), is_pixel("um")
    (True, False)
    """
    return unit.strip().lower() in _PIXELS


def positive(value: object) -> float | None:
    """Return a finite number above 0, else None."""
    try:
        number = float(value)  # type: ignore[arg-type]  # other values raise
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number < math.inf else None
