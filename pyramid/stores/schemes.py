"""The schemes of URLs: names, aliases, and the module that opens each store.

A module is imported when a URL needs it. It has ``OPTIONS``, storage options by their usual names, and ``open_store``,
which returns the objects of an `Access` without a request.
"""

from __future__ import annotations

import importlib
import os
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
        The name of the option in the scheme's client.
    secret
        Whether the value is secret: never shown, and never sent to another process.
    may_be_path
        Whether the value may be the path of a file, which is not secret, or its text, a JSON object.
    """

    client: str
    secret: bool = False
    may_be_path: bool = False

    def is_secret(self, value: object) -> bool:
        """Return whether a value is secret."""
        return self.secret and not (self.may_be_path and not str(value).lstrip().startswith("{"))


# Options of every scheme but ``file``: how often and how long requests are repeated.
RETRY_OPTIONS: Mapping[str, Option] = {name: Option(name) for name in ("retries", "retry_seconds", "timeout")}


@dataclass(frozen=True, slots=True)
class Access:
    """A location and the settings to reach it.

    Parameters
    ----------
    location
        The path or URL.
    options
        Storage options by their usual names; checked.
    retry_policy
        How often and how long requests are repeated.
    secrets
        Values that must never be shown.
    reopen
        The function and its arguments that open the objects again after pickling.
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
        The module of `pyramid.stores` that opens the stores of the scheme.
    is_web
        Whether URLs of the scheme may have a user and a query.
    takes_any_option
        Whether options that the module does not list are passed on.
    """

    name: str
    aliases: tuple[str, ...]
    module: str
    is_web: bool = False
    takes_any_option: bool = False

    @property
    def options(self) -> Mapping[str, Option]:
        """Storage options by their usual names."""
        options: Mapping[str, Option] = self._load().OPTIONS
        return options if self.name == "file" else {**options, **RETRY_OPTIONS}

    def secrets(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the storage options that are secret; one that is not known might be."""
        known = self.options
        return {name: value for name, value in options.items() if name not in known or known[name].is_secret(value)}

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
    """Return the scheme with a name or alias; None if it is not known.

    For schemes that only fsspec knows, it is the row of fsspec.
    """
    return SCHEMES.get(name) or (_FSSPEC if _is_known_to_fsspec(name) else None)


def client_options(known: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return storage options by the names that the client uses."""
    return {known[name].client: value for name, value in options.items() if name in known}


def from_environment(*names: str) -> str:
    """Return the first of some environment variables that is set; empty if none is."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _is_known_to_fsspec(name: str) -> bool:
    """Return whether fsspec knows a scheme, even if its package is not installed.

    Schemes of local files are excluded, because this package opens those itself.
    """
    from fsspec.registry import known_implementations, registry  # noqa: PLC0415  (only for schemes that are not ours)

    return name not in ("local", "file") and (name in known_implementations or name in registry)
