"""The choices of a picture of an image, parsed before anything is read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pyramid.errors import OptionError, short_repr
from pyramid.options.one_of import check_choice

# The longest side of a picture's pixels if nothing is said, and the bounds of what may be said: the least shows
# something, and the most is what viewers of pictures and the encoders take.
SIZE_PX, MIN_SIZE_PX, MAX_SIZE_PX = 1024, 16, 8192
PROJECTIONS = ("max", "mean")
# The axes of whose positions a montage may be.
MONTAGE_AXES = ("z", "t")


@dataclass(frozen=True, slots=True)
class Look:
    """The choices of a picture.

    Parameters
    ----------
    size_px
        The longest side of all its panels together, in pixels.
    projection
        How the planes of z become one: ``max`` or ``mean``; None for the middle plane.
    levels
        Whether each level is a panel.
    montage
        The axis of which each position is a panel; None for one panel.
    scale_bar, legend
        Whether they are drawn.
    """

    size_px: int = SIZE_PX
    projection: str | None = None
    levels: bool = False
    montage: str | None = None
    scale_bar: bool = True
    legend: bool = True

    def columns(self, panels: int) -> int:
        """Return the columns of a sheet: as many as rows, or one more."""
        return math.ceil(math.sqrt(panels))


def make_look(  # noqa: PLR0913  (a user's options, each by its name)
    size: object = SIZE_PX,
    projection: object = None,
    *,
    levels: bool = False,
    montage: object = None,
    scale_bar: bool = True,
    legend: bool = True,
) -> Look:
    """Parse the choices of a picture.

    Raises
    ------
    OptionError
        If one cannot be used, or two contradict each other.

    Examples
    --------
    >>> make_look("512", montage="T").montage
    't'
    """
    look = Look(
        _size(size),
        _choice("projection", projection, PROJECTIONS),
        levels,
        _choice("montage", montage, MONTAGE_AXES),
        scale_bar,
        legend,
    )
    if look.levels and look.montage:
        raise OptionError("levels: a sheet is of levels or of positions; give levels=True or montage=..., not both")
    if look.montage == "z" and look.projection:
        raise OptionError("projection: it makes one plane of all z, and a montage shows each; give one of the two")
    return look


def _size(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_SIZE_PX <= value <= MAX_SIZE_PX:
        raise OptionError(
            f"size: {short_repr(value)} is not a whole number of pixels from {MIN_SIZE_PX} to {MAX_SIZE_PX}; "
            f"give one, as {SIZE_PX}"
        )
    return value


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str | None:
    if value is None or (isinstance(value, str) and value.lower() in choices):
        return value if value is None else str(value).lower()
    return check_choice(name, value, choices)
