"""Parser of ``scale_factors``: a word for all levels, or factors by axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from pyramid.errors import OptionError
from pyramid.model import AXES
from pyramid.options import parsing

# Words for all levels: the automatic factors, or the axes that are halved on every level.
FactorWord: TypeAlias = Literal["auto", "yx", "zyx"]
ScaleFactors: TypeAlias = FactorWord | tuple[Mapping[str, int], ...]

_REMEDY = "give auto, yx or zyx, or factors by axis, as z=1,y=2,x=2"


def parse_factors(value: object) -> ScaleFactors:
    """Parse a word, factors by axis for all levels, or a list of factors.

    A list has one item for each level after the first. Letters of a word may be in any order and case.

    Examples
    --------
    >>> parse_factors("yx"), parse_factors("y=2,x=2"), parse_factors(["z=2", {"y": 3}])
    ('yx', ({'y': 2, 'x': 2},), ({'z': 2}, {'y': 3}))
    """
    several = [value] if isinstance(value, str | Mapping) else list(parsing.items(value))
    if not several:
        raise OptionError("the list is empty; leave the option out, or say levels=1")
    words = [item for item in several if isinstance(item, str) and item.strip().isalpha()]
    if words:
        return _parse_word(words[0], several)
    return tuple(parsing.counts_by_axis(item) for item in several)


def _parse_word(word: str, several: Sequence[Any]) -> FactorWord:
    letters = word.strip().lower()
    ordered = "".join(axis for axis in AXES if axis in letters)
    same_letters = ordered if sorted(ordered) == sorted(letters) else letters
    for known in get_args(FactorWord):
        if known in (letters, same_letters):
            if len(several) > 1:
                raise OptionError(
                    f"{word!r} stands for all levels, but {len(several)} values are given; "
                    "give it as the only one, or factors by axis for each level, as y=2,x=2"
                )
            found: FactorWord = known
            return found
    if set(letters) <= set(AXES):
        raise OptionError(f"{word!r} are not axes that are halved together; {_REMEDY}")
    raise OptionError(f"{word!r} names no axis; {_REMEDY}")
