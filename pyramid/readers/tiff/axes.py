"""The axis of each dimension of a TIFF image.

tifffile names dimensions by letters. Of these, only T, C, Z, Y, X and S (samples of a pixel) mean an axis of an image.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pyramid.errors import OptionError, SourceError
from pyramid.model import AXES, SPACE, Channel
from pyramid.readers.axes import AXES_REMEDY, AxisOrder
from pyramid.tables import format_list

# The axis of each of tifffile's letters that means one.
_KNOWN = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}
# The meaning of its other letters. Letters that are not here, as Q and I, mean that the file does not say.
_MEANINGS = {
    "A": "angle",
    "E": "wavelength",
    "H": "lifetime",
    "L": "exposure",
    "M": "mosaic of tiles",
    "P": "phase or position",
    "R": "positions of the stage",
    "V": "event or view",
}
# Of those, what counts places instead of pixels of one image, and what counts channels.
_PLACES, _SPECTRAL = "MR", "E"
# Axes for dimensions of unknown meaning, the likeliest first: a stack is what most programs write.
_GUESSES = "ztc"
MAX_NAMED = 4  # channels that a notice names, so that it stays readable


def tiff_order(axes: str, shape: Sequence[int], override: str | None) -> tuple[AxisOrder, list[str]]:
    """Return the axis of each dimension, and a notice for each that was guessed.

    Samples are channels; a file with both has one axis of them. A dimension of one pixel is left out if its axis is
    unknown. Wavelengths are channels. Of the other unknown ones, the one nearest the rows is z, then t, then c, as far
    as these are free.

    Parameters
    ----------
    axes, shape
        tifffile's letters, and pixels on each dimension.
    override
        The user's letter for each dimension in the file's order, or for each but the samples.

    Raises
    ------
    OptionError
        If `override` does not fit the file.
    SourceError
        If rows or columns are missing, there are too many dimensions, or one counts places of a stage.

    Examples
    --------
    >>> tiff_order("IYXS", (4, 64, 64, 3), None)[0].letters
    ('z', 'y', 'x', 'c')
    >>> tiff_order("IYX", (4, 64, 64), "tyx")[0].letters
    ('t', 'y', 'x')
    """
    extents = tuple(int(n) for n in shape)
    if override is not None:
        return AxisOrder(_override(axes, extents, override), extents), []
    known = [_KNOWN.get(letter, "") for letter in axes]
    letters = [
        ""
        if letter in known[:i] and not (letter == "c" and {axes[i], axes[known.index("c")]} == {"C", "S"})
        else letter
        for i, letter in enumerate(known)
    ]
    if not {"y", "x"} <= set(letters):
        raise SourceError(f"the axes {axes} of shape {extents} have no rows (Y) and columns (X); {AXES_REMEDY}")
    notices = []
    for i in reversed(range(len(axes))):
        if not letters[i] and extents[i] > 1:
            letters[i], notice = _guess(axes, extents, i, letters)
            notices.append(notice)
    return AxisOrder(tuple(letters), extents), notices


def _guess(axes: str, extents: tuple[int, ...], i: int, taken: Sequence[str]) -> tuple[str, str]:
    """Return the likeliest axis for a dimension of another meaning, and a notice."""
    free = [letter for letter in _GUESSES if letter not in taken]
    what = f"its dimension {_said(axes[i])} of {extents[i]} pixels"
    if not free:
        raise SourceError(
            f"an image has at most the axes {AXES}, but the file has {axes} of shape {extents}; save each image of "
            f"its dimension {_said(axes[i])} as a file of its own, as Fiji does, and convert those"
        )
    if axes[i] in _PLACES:
        raise SourceError(
            f"{what} holds images of several places, which are not stitched; to have them as planes of one image, "
            f"{AXES_REMEDY}, with the letter that they are to have"
        )
    axis = "c" if axes[i] in _SPECTRAL and "c" in free else free[0]
    reason = f"OME-Zarr has no axis for {what}" if axes[i] in _MEANINGS else f"the file does not say what {what} is"
    return axis, f"{reason}; it is taken as {axis}: if that is wrong, {AXES_REMEDY}"


def _said(letter: str) -> str:
    """Return a letter of tifffile with its meaning."""
    return f"{letter} ({_MEANINGS[letter]})" if letter in _MEANINGS else letter


def _override(axes: str, shape: tuple[int, ...], override: str) -> tuple[str, ...]:
    """Return the user's letter for each dimension."""
    letters = list(override)
    if len(override) == len(axes) - 1 and "S" in axes:
        letters.insert(axes.index("S"), "c")
    if len(letters) != len(axes):
        raise OptionError(
            f'axes="{override}" names {len(override)} axes, but the file has {len(axes)}: {axes} of shape {shape}; '
            "name each once, in that order"
        )
    # Samples in separate planes may be a stack of three planes that a program took for red, green and blue.
    if axes.endswith("S") and shape[-1] > 1 and letters[-1] != "c":
        raise OptionError(
            f'axes="{override}" makes {letters[-1]} of the {shape[-1]} samples of a pixel, which are colours or '
            f"channels; the file has {axes} of shape {shape}: name its axes in that order, with c for S"
        )
    return tuple(letters)


def renamed_sizes(axes: str, order: AxisOrder, sizes: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return the source of the size of each axis, where a user renames axes.

    Notices name the sizes that are not taken.

    A length stays a length, and goes with its dimension. The size of a dimension that becomes another kind is lost.

    Parameters
    ----------
    axes, order
        tifffile's letters, and the axes of its dimensions.
    sizes
        The axes that the file gives a size.

    Examples
    --------
    >>> renamed_sizes("ZYX", AxisOrder(("t", "y", "x"), (4, 64, 64)), "zyx")
    ({'y': 'y', 'x': 'x'}, ['the size of z is not taken, as axes=... makes it t'])
    """
    taken: dict[str, str] = {}
    notices = []
    for letter, axis in zip(axes, order.letters, strict=True):
        own = _KNOWN.get(letter, axis)
        if own == axis or {own, axis} <= set(SPACE):
            taken[axis] = own
        elif own in sizes:
            notices.append(f"the size of {own} is not taken, as axes=... makes it {axis or 'no axis'}")
    return taken, notices


def renamed_channels(
    axes: str, order: AxisOrder, channels: tuple[Channel, ...]
) -> tuple[tuple[Channel, ...], list[str]]:
    """Return the channels if a user did not rename their dimensions.

    Otherwise return none, and a notice.

    Parameters
    ----------
    axes, order
        tifffile's letters, and the axes of its dimensions.
    channels
        What the file says of its own channels.
    """
    several = [n > 1 for n in order.shape]
    own = [letter in "CS" and many for letter, many in zip(axes, several, strict=True)]
    now = [letter == "c" and many for letter, many in zip(order.letters, several, strict=True)]
    count = order.axes_shape[order.axes.index("c")] if "c" in order.axes else 1
    if own == now and len(channels) == count:
        return channels, []
    named = [channel.name for channel in channels if channel.name]
    if not named or own == now:
        return (), []
    return (), [
        f"the names of its channels ({format_list(named, MAX_NAMED)}) are not taken, as axes=... gives another axis"
    ]
