"""What a scheme says of itself: its names, its options, and how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyramid.stores.location import Location
    from pyramid.stores.objects import Objects
    from pyramid.stores.retry import Patience


@dataclass(frozen=True, slots=True)
class Option:
    """One storage option of a scheme.

    Parameters
    ----------
    client
        What the scheme's client calls it.
    secret
        Whether its value is never shown and never leaves the process.
    """

    client: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A place, and all that is said of how to reach it.

    Parameters
    ----------
    location
        The place.
    options
        Storage options by the names that people know; checked.
    patience
        How long to go on.
    secrets
        Values that are never shown.
    reopen
        What objects pickle as: a function and its arguments.
    """

    location: Location
    options: Mapping[str, Any] = field(repr=False)
    patience: Patience
    secrets: tuple[str, ...] = field(repr=False)
    reopen: tuple[Callable[..., Objects], tuple[Any, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One row of the table of schemes.

    Parameters
    ----------
    name, aliases
        What stands before ``://``.
    options
        What may be said beside a URL, by the names that people know.
    open
        Gives the objects of a place, without a request.
    hides
        Whether its URLs are those of the web, which may hold a user and a query.
    any_option
        Whether options that are not named here are handed on.
    """

    name: str
    aliases: tuple[str, ...]
    options: Mapping[str, Option]
    open: Callable[[Access], Objects]
    hides: bool = False
    any_option: bool = False

    def config(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options by the names that the client knows."""
        return {self.options[name].client: value for name, value in options.items() if name in self.options}
