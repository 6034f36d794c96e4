"""Opening of stores: check options, find the scheme, keep one store for a URL."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError
from pyramid.options.nearest import unknown
from pyramid.stores.address import check_endpoint, check_one_line
from pyramid.stores.cache import WholeObjects
from pyramid.stores.location import Location, locate
from pyramid.stores.objects import Objects, RangeReader
from pyramid.stores.readable import Readable
from pyramid.stores.retry import RetryPolicy
from pyramid.stores.schemes import Access, Scheme, find_scheme
from pyramid.stores.surroundings import CREDENTIALS, surroundings

if TYPE_CHECKING:
    from pyramid.stores.zarr_store import ObjectsStore

# Stores that a process keeps open: enough for a run, and bounded for processes that open many URLs.
_KEPT = 64


def open_objects(url: str, options: Mapping[str, Any] | None = None) -> Objects:
    """Open the objects at and below a path or URL, without a request.

    Parameters
    ----------
    url
        A path, or a URL of a scheme that `locate` knows.
    options
        Storage options, such as ``{"anon": True}``. Options that are left out come from the environment. All remote
        schemes know ``retries``, ``retry_seconds`` and ``timeout``.

    Raises
    ------
    OptionError
        For an unknown scheme or option, and if an option is missing that the scheme needs.

    Examples
    --------
    >>> objects = open_objects("memory://examples/image")
    >>> objects.put("a/b", b"some bytes")
    >>> objects.get_range("a/b", 5, 10), objects.size("a/b"), objects.get("c"), list(objects.keys())
    (b'bytes', 10, None, ['a/b'])
    """
    location = locate(url)
    archive = location.archive
    if archive is None:
        return _opened(location, _frozen(options or {}), surroundings(location.scheme))
    from pyramid.stores.zipped import ZippedObjects  # noqa: PLC0415  (only for an archive)

    inner = _opened(archive, _frozen(options or {}), surroundings(archive.scheme))
    prefix = location.path[len(archive.path) :].strip("/")
    return ZippedObjects(inner, location, prefix, (open_objects, (str(location), public_options(url, options))))


def open_file(url: str, options: Mapping[str, Any] | None = None) -> Objects:
    """Open the one object at a path or URL, also where it is an archive of objects.

    Parameters and errors are those of `open_objects`; its key is empty.
    """
    location = locate(url)
    return _opened(location, _frozen(options or {}), surroundings(location.scheme))


def open_source_store(url: str, options: Mapping[str, Any] | None) -> ObjectsStore:
    """Return the Zarr store at a path or URL, for reading only.

    An object that exists but cannot be read is an error, and does not count as missing.
    Parameters and errors are those of `open_objects`.
    """
    from pyramid.stores.zarr_store import ObjectsStore  # noqa: PLC0415  (`locate` must not cost zarr's import)

    return ObjectsStore(Readable(open_objects(url, options)), read_only=True)


def open_parts(objects: Objects) -> RangeReader:
    """Return a reader of parts of objects that do not change.

    If damage in transit shows only in whole objects, they are fetched whole and kept for a while.
    """
    return WholeObjects(objects) if objects.checks_whole else objects


def public_options(url: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options that are not secret, the only ones sent to other processes."""
    given = options or {}
    secrets = _row(locate(url)).secrets(given)
    return {name: value for name, value in given.items() if name not in secrets}


def check_travels(url: str, options: Mapping[str, Any] | None) -> None:
    """Raise OptionError if other processes cannot open a URL without a secret.

    Raises
    ------
    OptionError
        The message says what to do instead.
    """
    location = locate(url)
    if location.scheme == "memory":
        raise OptionError(
            f"{location}: memory:// exists in one process only; a cluster needs a place that all workers reach"
        )
    secret = _row(location).secrets(options or {})
    if secret or location.hidden:
        what = f"storage option {sorted(secret)[0]!r}" if secret else "the user or query in its URL"
        raise OptionError(
            f"{location}: {what} is a secret, which is not sent to the workers of a cluster; put the credentials into "
            "the environment of the workers, or name a profile that they have (profile), and leave it out"
        )


def _row(location: Location) -> Scheme:
    row = find_scheme(location.scheme)
    assert row is not None, "a location always has a known scheme"
    return row


def _frozen(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    for name, value in options.items():
        if not isinstance(value, str | bool | int | float):
            raise OptionError(
                f"storage option {name!r} has a value that is not text, a number or true or false; give one of these"
            )
        is_document = isinstance(value, str) and value.lstrip().startswith("{")
        if isinstance(value, str) and not is_document:
            check_one_line(value, f"storage option {name}")
    return tuple(sorted(options.items()))


@functools.lru_cache(maxsize=_KEPT)
def _opened(location: Location, options: tuple[tuple[str, Any], ...], around: str) -> Objects:
    """Open a store, once for each location, options and surroundings."""
    del around
    scheme = _row(location)
    known, given = scheme.options, dict(options)
    for name in given:
        if scheme.name == "file":
            raise OptionError(
                f"{location}: a path on local disk takes no storage options; leave out {', '.join(given)}"
            )
        if name not in known and not scheme.takes_any_option:
            raise OptionError(unknown(f"storage option for {location.scheme}://", name, known))
    for name in CREDENTIALS.get(scheme.name, ()):
        check_one_line(os.environ.get(name, ""), f"the environment variable {name}")
    if "endpoint_url" in given:
        check_endpoint(str(given["endpoint_url"]), str(location))
    secrets = scheme.secrets(given)
    public = {name: value for name, value in given.items() if name not in secrets}
    hidden = (*map(str, secrets.values()), location.hidden)
    reopen = (open_objects, (str(location), public))
    return scheme.open(Access(location, given, RetryPolicy.of(given), hidden, reopen))
