"""Words for the axes of an image, as people and programs name dimensions."""

from __future__ import annotations

# The type of each axis in the metadata, as the specification names it.
AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
# Words that mean an axis: those of microscopes, cameras, maps and array libraries.
_WORDS = {
    "t": "time times timepoint timepoints timestep timesteps frame frames",
    "c": "channel channels ch band bands wavelength wavelengths",
    "z": "depth slice slices plane planes section sections",
    "y": "row rows height lat latitude",
    "x": "column columns col cols width lon long longitude",
}
_LETTERS = {word: letter for letter, words in _WORDS.items() for word in (letter, *words.split())}
# The longest name that is looked up: every word of the table is shorter.
MAX_NAME_CHARACTERS = 40


def axis_letter(name: object) -> str | None:
    """Return the letter of ``tczyx`` that the name of a dimension means.

    Parameters
    ----------
    name
        A letter or a word, in either case; for anything else the result is None.

    Returns
    -------
    str or None
        None where the name is not one of a known axis.

    Examples
    --------
    >>> axis_letter("Channel"), axis_letter("time_point"), axis_letter("angle")
    ('c', 't', None)
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
        return None
    return _LETTERS.get("".join(letter for letter in name.casefold() if letter not in " _-"))
