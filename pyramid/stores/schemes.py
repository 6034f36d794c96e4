"""The schemes of URLs: their names and aliases, and the module that opens the store of each.

A module is imported when a URL needs it. It holds ``OPTIONS``, storage options by the names that people know, and
``open_store``, which returns the objects of an `Access` without a request.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyramid.stores.location import Location
    from pyramid.stores.objects import Objects
    from pyramid.stores.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Option:
    """One storage option of a scheme.

    Parameters
    ----------
    client
        The name that the scheme's client has for it.
    secret
        Whether its value is never shown and never leaves the process.
    """

    client: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A location, and how to reach it.

    Parameters
    ----------
    location
        The path or URL.
    options
        Storage options by the names that people know; checked.
    patience
        How long to go on.
    secrets
        Values that are never shown.
    reopen
        The function and arguments that objects pickle as.
    """

    location: Location
    options: Mapping[str, Any] = field(repr=False)
    retry_policy: RetryPolicy
    secrets: tuple[str, ...] = field(repr=False)
    reopen: tuple[Callable[..., Objects], tuple[Any, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One row of the table of schemes.

    Parameters
    ----------
    name, aliases
        The text before ``://``.
    module
        The module of `pyramid.stores` that opens its stores.
    is_web
        Whether its URLs may hold a user and a query.
    takes_any_option
        Whether options that its module does not name are handed on.
    """

    name: str
    aliases: tuple[str, ...]
    module: str
    is_web: bool = False
    takes_any_option: bool = False

    @property
    def options(self) -> Mapping[str, Option]:
        """Storage options by the names that people know."""
        options: Mapping[str, Option] = self._load().OPTIONS
        return options

    def open(self, access: Access) -> Objects:
        """Return the objects of a location, without a request."""
        objects: Objects = self._load().open_store(access)
        return objects

    def _load(self) -> Any:  # noqa: ANN401  (a module)
        return importlib.import_module(f"pyramid.stores.{self.module}")


_ROWS = (
    Scheme("file", (), "local"),
    Scheme("s3", ("s3a", "s3n"), "s3"),
    Scheme("gs", ("gcs",), "google"),
    Scheme("az", ("abfs", "abfss", "azure"), "azure"),
    Scheme("http", (), "web", is_web=True),
    Scheme("https", (), "web", is_web=True),
    Scheme("memory", (), "memory"),
)
_FSSPEC = Scheme("fsspec", (), "fsspec_objects", is_web=True, takes_any_option=True)
SCHEMES: Mapping[str, Scheme] = {name: row for row in _ROWS for name in (row.name, *row.aliases)}


def find_scheme(name: str) -> Scheme | None:
    """Return the row of a scheme by one of its names; for one that fsspec knows, fsspec's; else None."""
    return SCHEMES.get(name) or (_FSSPEC if _is_known_to_fsspec(name) else None)


def client_options(known: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return storage options by the names that the client has for them."""
    return {known[name].client: value for name, value in options.items() if name in known}


def _is_known_to_fsspec(name: str) -> bool:
    """Whether fsspec knows a scheme, its package installed or not; files of this machine are not its business."""
    from fsspec.registry import known_implementations, registry  # noqa: PLC0415  (only for schemes that are not ours)

    return name not in ("local", "file") and (name in known_implementations or name in registry)
