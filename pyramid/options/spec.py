"""The parser, the help and the flags of an option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """The parser, the help and the flags of one option.

    Parameters
    ----------
    help
        One line for ``--help``, the documentation and the YAML reference.
    parse
        Turns a user's text or Python value into the field's value, or raises OptionError.
    metavar
        Placeholder of the value in ``--help``; empty for a switch.
    flags
        Other flags besides the name itself, as ``-m``.
    split
        Flags for single keys of a mapping, as pairs of name and help.
    prefix
        The beginning of those names that is not part of the key.
    repeat
        Whether the flag may be given several times. The values then make a list.
    """

    help: str
    parse: Callable[[Any], Any]
    metavar: str = ""
    flags: tuple[str, ...] = ()
    split: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    repeat: bool = False


STORAGE_FLAGS = (
    ("endpoint_url", "address of a service other than the scheme's own, as http://HOST:9000"),
    ("region", "region of the bucket"),
    ("profile", "profile of ~/.aws whose credentials are used"),
    ("anon", "send no credentials"),
)


def flags_of(side: str) -> tuple[tuple[str, str], ...]:
    """Return the flags of a store that are for SOURCE or TARGET only."""
    return tuple(
        (f"{side}_{key}", f"as --{key.replace('_', '-')}, for {side.upper()} only") for key, _ in STORAGE_FLAGS
    )


def flag(name: str) -> str:
    """Return the flag of an option.

    Examples
    --------
    >>> flag("codec_level")
    '--codec-level'
    """
    return "--" + name.replace("_", "-")
