"""From a path or URL to a Zarr store: the only place that knows schemes.

Local paths go to `zarr.storage.LocalStore`, object storage to `zarr.storage.ObjectStore` over obstore. A scheme is
one row of `_SCHEMES`; options have the names that fsspec made known. A store is built once a process and URL.
"""

from __future__ import annotations

import functools
import os
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pyramid.errors import OptionError
from pyramid.parsing import unknown

if TYPE_CHECKING:
    import obstore.store
    import zarr.abc.store
    from obstore.store import AzureConfig, GCSConfig, S3Config

    ObStore: TypeAlias = obstore.store.ObjectStore

# A long body must not time out while it is sent, and a service that says 503 for a minute must not end a run.
_TIMEOUT_S = 300
_RETRIES, _RETRY_FOR_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 100, 240, 0.2, 5


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store is: `bucket` is empty and `path` absolute on local disk."""

    scheme: str
    bucket: str
    path: str

    @property
    def is_local(self) -> bool:
        """Whether it is on local disk."""
        return self.scheme == "file"

    def __str__(self) -> str:
        """The path, or the URL without anything secret."""
        return self.path if self.is_local else f"{self.scheme}://{self.bucket}/{self.path}"

    def holds(self, other: Location) -> bool:
        """Whether `other` is this place or lies within it, whatever links and spellings led there."""
        if (self.scheme, self.bucket) != (other.scheme, other.bucket):
            return False
        ours, theirs = self._parts(), other._parts()
        return theirs[: len(ours)] == ours

    def _parts(self) -> tuple[str, ...]:
        path = os.path.realpath(self.path) if self.is_local else self.path
        return tuple(part for part in path.split("/") if part)


def locate(url: str) -> Location:
    """Parse a path or URL.

    Raises OptionError for empty text, a scheme that is not known, and a URL without a bucket or with one slash.

    Examples
    --------
    >>> str(locate("s3://bucket/a//cells.ome.zarr/"))
    's3://bucket/a/cells.ome.zarr'
    """
    if not url:
        raise OptionError("a path or URL is empty; say which is meant")
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _locate_path(url)
    if scheme == "file":
        path = urllib.parse.unquote(rest.removeprefix("localhost"))
        if not path.startswith("/"):
            raise OptionError(f"{url}: a file URL has three slashes, as file:///data/cells.ome.zarr")
        return Location("file", "", path)
    canonical = _ALIASES.get(scheme, scheme)
    if canonical not in _SCHEMES:
        raise OptionError(f"{_without_secrets(url)}: {unknown('scheme', scheme, {*_SCHEMES, 'file'})}")
    bucket, _, key = rest.partition("/")
    parts = [part for part in key.split("/") if part]
    if not bucket or not parts or ".." in parts:
        raise OptionError(f"{_without_secrets(url)}: a URL has the form {scheme}://BUCKET/KEY, without '..'")
    return Location(canonical, bucket, "/".join(parts))


def _locate_path(path: str) -> Location:
    """A path on this machine; a URL that lost slashes on its way, as it does in a `Path`, is none."""
    scheme, colon, _ = path.partition(":")
    if colon and scheme in {*_SCHEMES, *_ALIASES, "file", "http", "https"}:
        raise OptionError(
            f"{path}: a URL has two slashes after its colon, as {scheme}://BUCKET/KEY; give it as text, not as a Path"
        )
    absolute = Path(os.path.expanduser(path)).absolute()
    # '..' means what the system takes it for, behind a link too, and is no folder to be made.
    return Location("file", "", os.path.realpath(absolute) if ".." in absolute.parts else str(absolute))


def open_store(url: str, options: Mapping[str, Any] | None, *, read_only: bool) -> zarr.abc.store.Store:
    """The store at a path or URL; nothing is read or written.

    Parameters
    ----------
    url
        A path, ``file://``, ``s3://``, ``gs://`` or ``az://``.
    options
        What the store is to be opened with: ``key``, ``secret``, ``token``, ``anon``, ``endpoint_url``, ``region``
        for S3; ``token`` (a service account's file), ``anon``, ``endpoint_url`` for Google; ``account_name``,
        ``account_key``, ``sas_token``, ``anon``, ``endpoint_url`` for Azure. What is left out comes from the
        environment.
    read_only
        Whether writing is refused.

    Raises
    ------
    OptionError
        For an unknown scheme or option.
    """
    location = locate(url)
    if location.is_local:
        if options:
            raise OptionError(f"{location}: a path on local disk takes no storage options, got {', '.join(options)}")
        from zarr.storage import LocalStore  # noqa: PLC0415  (`locate` alone must not cost the import of zarr)

        return LocalStore(location.path, read_only=read_only)
    from zarr.storage import ObjectStore  # noqa: PLC0415

    return ObjectStore(open_object_store(location, options), read_only=read_only)


def open_object_store(location: Location, options: Mapping[str, Any] | None) -> ObStore:
    """The obstore of a location that is not on local disk; one a process, for its connections are what is dear."""
    return _object_store(location, _frozen(options or {}))


def _frozen(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    for name, value in options.items():
        if not isinstance(value, str | bool | int | float):
            raise OptionError(f"storage option {name!r} has a value that is not text, a number or true or false")
    return tuple(sorted(options.items()))


@functools.lru_cache(maxsize=32)
def _object_store(location: Location, options: tuple[tuple[str, Any], ...]) -> ObStore:
    scheme = _SCHEMES[location.scheme]
    config: dict[str, Any] = {}
    for name, value in options:
        if name not in scheme.options:
            raise OptionError(unknown(f"storage option for {location.scheme}://", name, scheme.options))
        config[scheme.options[name]] = value
    endpoint = str(config.get(scheme.options["endpoint_url"], "")) or os.environ.get(scheme.endpoint_variable, "")
    return scheme.build(location, config, endpoint.startswith("http://"))


def _common(*, allow_http: bool) -> dict[str, Any]:
    from datetime import timedelta  # noqa: PLC0415  (with the stores that need it)

    return {
        "client_options": {"timeout": timedelta(seconds=_TIMEOUT_S), "allow_http": allow_http},
        "retry_config": {
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(seconds=_RETRY_FOR_S),
            "backoff": {
                "base": 2,
                "init_backoff": timedelta(seconds=_FIRST_PAUSE_S),
                "max_backoff": timedelta(seconds=_LONGEST_PAUSE_S),
            },
        },
    }


def _s3(location: Location, config: dict[str, Any], allow_http: bool) -> ObStore:
    from obstore.store import S3Store  # noqa: PLC0415  (a local run needs no obstore)

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    config = {"region": region, **config}
    return S3Store(
        location.bucket, prefix=location.path, **_common(allow_http=allow_http), config=cast("S3Config", config)
    )


def _gs(location: Location, config: dict[str, Any], allow_http: bool) -> ObStore:
    from obstore.store import GCSStore  # noqa: PLC0415  (a local run needs no obstore)

    return GCSStore(
        location.bucket, prefix=location.path, **_common(allow_http=allow_http), config=cast("GCSConfig", config)
    )


def _az(location: Location, config: dict[str, Any], allow_http: bool) -> ObStore:
    from obstore.store import AzureStore  # noqa: PLC0415  (a local run needs no obstore)

    if "account_name" not in config and "AZURE_STORAGE_ACCOUNT_NAME" not in os.environ:
        raise OptionError(f"{location}: Azure needs an account; give the storage option account_name")
    return AzureStore(
        location.bucket, prefix=location.path, **_common(allow_http=allow_http), config=cast("AzureConfig", config)
    )


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How one scheme is opened: its builder, its options by their known names, the variable of its endpoint."""

    build: Callable[[Location, dict[str, Any], bool], ObStore]
    options: Mapping[str, str]
    endpoint_variable: str


_SCHEMES: Mapping[str, _Scheme] = {
    "s3": _Scheme(
        _s3,
        {
            "key": "access_key_id",
            "secret": "secret_access_key",
            "token": "session_token",
            "anon": "skip_signature",
            "endpoint_url": "endpoint",
            "region": "region",
        },
        "AWS_ENDPOINT_URL",
    ),
    "gs": _Scheme(
        _gs,
        {"token": "service_account_path", "anon": "skip_signature", "endpoint_url": "base_url"},
        "GOOGLE_BASE_URL",
    ),
    "az": _Scheme(
        _az,
        {
            "account_name": "account_name",
            "account_key": "account_key",
            "sas_token": "sas_key",
            "anon": "skip_signature",
            "endpoint_url": "endpoint",
        },
        "AZURE_STORAGE_ENDPOINT",
    ),
}
_ALIASES = {"gcs": "gs", "s3a": "s3", "abfs": "az", "abfss": "az", "azure": "az"}


def _without_secrets(url: str) -> str:
    """The URL without user, password or query, either of which may be secret."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
