"""The parser of an option whose value is one of a few."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import nearest


@dataclass(frozen=True)
class OneOf:
    """A parser that accepts one of a few values.

    Parameters
    ----------
    choices
        The values.
    remedy
        The end of the error about a value that is like none of them.
    """

    choices: tuple[str, ...]
    remedy: str = "give one of these"

    def __call__(self, value: object) -> str:
        """Return the choice, or raise OptionError with the nearest one."""
        if str(value) not in self.choices:
            near = None if re.fullmatch(r"[\d.]+", str(value)) else nearest(value, self.choices)
            hint = f"did you mean {near!r}?" if near else self.remedy
            raise OptionError(f"{short_repr(value)} is not one of: {', '.join(self.choices)}; {hint}")
        return str(value)


def one_of(*choices: str, remedy: str = OneOf.remedy) -> OneOf:
    """Return a parser that accepts one of `choices`."""
    return OneOf(choices, remedy)


def check_choice(option: str, value: object, choices: tuple[str, ...]) -> str:
    """Return a value that is one of `choices`.

    Raises OptionError for any other, which names the option and the nearest choice.

    Examples
    --------
    >>> check_choice("form", "md5", ("sha256", "md5"))
    'md5'
    """
    try:
        return OneOf(choices)(value)
    except OptionError as error:
        raise OptionError(f"{option}: {error}") from None
