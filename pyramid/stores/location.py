"""Locations of paths and URLs, and which of them contain others."""

from __future__ import annotations

import os
import re
import sys
import urllib.parse
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import unknown
from pyramid.stores.address import why_no_address
from pyramid.stores.redact import without_secrets
from pyramid.stores.schemes import SCHEMES, Scheme, find_scheme

# Ending of the name of a zipped OME-Zarr (RFC-9), one file whose entries are objects.
ARCHIVE_ENDING = ".ozx"
# Names of buckets and containers; a client that is given another may panic.
_BUCKET = re.compile(r"[\w.$-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A path of Windows: a drive's letter, or the server of a share.
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\\w")
# A URL without its colon, or without one or both of its slashes; one letter is a drive.
_LOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(:/|:|//)")


@dataclass(frozen=True, slots=True)
class Location:
    """The location of a store.

    Parameters
    ----------
    scheme
        The name of the scheme in `pyramid.stores.schemes`.
    bucket
        The bucket, container or host; empty on local disk.
    path
        The key below the bucket; an absolute path on local disk.
    hidden
        The user (before an ``@``) and the query of a web URL. Both may be secret.
    """

    scheme: str
    bucket: str
    path: str
    hidden: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """True for a location on local disk."""
        return self.scheme == "file"

    @property
    def archive(self) -> Location | None:
        """The zipped OME-Zarr at or above this location; None outside of one.

        A folder of such a name is a folder. Only schemes of this package are looked at.
        """
        if ARCHIVE_ENDING not in self.path.lower() or self.scheme not in SCHEMES:
            return None
        parts = self.path.split("/")
        for stop, part in enumerate(parts, 1):
            path = "/".join(parts[:stop])
            is_named = part.lower().endswith(ARCHIVE_ENDING) and part.lower() != ARCHIVE_ENDING
            if is_named and not (self.is_local and os.path.isdir(path)):
                return replace(self, path=path)
        return None

    @property
    def is_folder(self) -> bool:
        """True for a location on local disk that is not in a zipped OME-Zarr."""
        return self.is_local and self.archive is None

    def __str__(self) -> str:
        """Return the path, or the URL without anything secret."""
        return self.path if self.is_local else f"{self.scheme}://{self.bucket}{'/' if self.path else ''}{self.path}"

    @property
    def address(self) -> str:
        """The path, or the complete URL; never to be shown, since it may contain secrets."""
        if self.is_local:
            return self.path
        user, _, query = self.hidden.rpartition("?")
        return f"{self.scheme}://{user}{self.bucket}/{self.path}{'?' if query else ''}{query}"

    def holds(self, other: Location) -> bool:
        """Return whether `other` is at or within this location.

        Symbolic links and different spellings of a path are resolved.
        """
        if (self.scheme, self.bucket) != (other.scheme, other.bucket):
            return False
        ours, theirs = self._parts(), other._parts()
        return theirs[: len(ours)] == ours

    def _parts(self) -> tuple[str, ...]:
        path = os.path.realpath(self.path) if self.is_local else self.path
        return tuple(part for part in path.split("/") if part)


def locate(url: str) -> Location:
    """Parse a path or URL.

    Raises OptionError for empty text, an unknown scheme, and a URL without a bucket or with a single slash.

    Examples
    --------
    >>> str(locate("s3://bucket/a//cells.ome.zarr/"))
    's3://bucket/a/cells.ome.zarr'
    """
    if not url:
        raise OptionError("a path or URL is empty; give one")
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _locate_path(url)
    if scheme not in SCHEMES and scheme.lower() in SCHEMES:  # schemes are the same in capitals
        return locate(f"{scheme.lower()}://{rest}")
    if scheme == "file":
        return _locate_file(url, rest)
    row = find_scheme(scheme)
    if row is None:
        raise OptionError(f"{without_secrets(url)}: {unknown('scheme', scheme, SCHEMES)}")
    if row.is_web:
        return _locate_host(url)
    return _locate_bucket(url, row, rest)


def _locate_file(url: str, rest: str) -> Location:
    path = urllib.parse.unquote(rest.removeprefix("localhost"), errors="surrogateescape")
    if not path.startswith("/"):
        raise OptionError(f"{url}: a file URL has three slashes; write it as file:///data/cells.ome.zarr")
    if sys.platform == "win32" and _DRIVE.match(path[1:]):
        path = path[1:]
    _check_path(path)
    return Location("file", "", path.rstrip("/") or "/")


def _check_path(path: str) -> None:
    """Raise OptionError for a path that this system cannot have."""
    if "\0" in path:
        raise OptionError(f"{path!r} holds a zero byte, which no path has; give it again")
    if sys.platform != "win32" and _DRIVE.match(path.removeprefix("/")) and not os.path.lexists(_first_part(path)):
        raise OptionError(
            f"{path} looks like a path of Windows, and this machine is not; give the path that the disk has here, as "
            "/mnt/c/data/cells.tif"
        )


def path_or_url(value: object, name: str) -> str:
    """Return a user's path or URL as text.

    Raises OptionError for anything else, with `name`, the argument.

    Examples
    --------
    >>> path_or_url(Path("cells.ome.zarr"), "target")
    'cells.ome.zarr'
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise OptionError(f"{name}: {short_repr(value)} is neither a path nor a URL; give text or a pathlib.Path")
    return path


def _first_part(path: str) -> str:
    """Return the path up to its first name."""
    root = "/" if path.startswith("/") else ""
    return root + path.lstrip("/").partition("/")[0]


def _locate_bucket(url: str, row: Scheme, rest: str) -> Location:
    scheme = url.partition("://")[0]
    bucket, _, key = rest.partition("/")
    if row.name != "memory" and not _BUCKET.fullmatch(bucket.rpartition("@")[2].partition(":")[0]):
        raise OptionError(
            f"{without_secrets(url)}: {bucket[:80]!r} has characters that are not allowed in bucket "
            f"names; a URL has the form {scheme}://BUCKET/KEY"
        )
    if _CONTROL.search(key):
        raise OptionError(f"{without_secrets(url)!r} holds a line break or another control character; leave it out")
    parts = [part for part in key.split("/") if part]
    if not bucket or not parts or ".." in parts:
        reason = "it has '..'" if ".." in parts else f"it names no {'key' if bucket else 'bucket'}"
        raise OptionError(f"{without_secrets(url)}: {reason}; a URL has the form {scheme}://BUCKET/KEY")
    if "?" in key or ":" in bucket or ("@" in bucket and row.name != "az"):
        raise OptionError(
            f"{without_secrets(url)}: {scheme}:// URLs take no user, password, port or query (after ?); "
            "give credentials in the environment or as storage options"
        )
    return Location(row.name, bucket, "/".join(parts))


def _locate_host(url: str) -> Location:
    # Only web URLs are checked: URLs of other packages may look odd and be valid.
    reason = why_no_address(url) if url.startswith("http") else None
    if reason is not None:
        raise OptionError(f"{without_secrets(url)} is not an address: {reason}; a URL has the form http://HOST/PATH")
    split = urllib.parse.urlsplit(url)
    if split.fragment and url.startswith("http"):
        shown = without_secrets(url.partition("#")[0])
        raise OptionError(f"{shown}: what follows a # in a URL is never sent to the server; write # as %23")
    user, at, host = split.netloc.rpartition("@")
    if not host or ".." in split.path.split("/"):
        reason = "it has '..'" if host else "it names no host"
        raise OptionError(f"{without_secrets(url)}: {reason}; a URL has the form {split.scheme}://HOST/PATH")
    hidden = f"{user}{at}?{split.query}" if at or split.query else ""
    return Location(split.scheme, host, split.path.strip("/"), hidden)


def _locate_path(path: str) -> Location:
    """Return the location of a path on this machine.

    Raises OptionError for a URL that lost its colon or slashes, as it does in a `Path`.
    """
    scheme = _LOST.match(path)
    is_folder = scheme is not None and scheme[2] == "//" and scheme[1] in ("file", "memory")
    if scheme is not None and not is_folder and (scheme[1].lower() in SCHEMES or scheme[2] == ":/"):
        url = without_secrets(f"{scheme[1].lower()}://{path[scheme.end() :].lstrip('/')}")
        raise OptionError(
            f"{without_secrets(path)}: a URL has two slashes after its colon; write {url}, in Python as text, since a "
            "pathlib.Path drops one"
        )
    _check_path(path)
    absolute = Path(os.path.expanduser(path)).absolute()
    # The system resolves '..', also behind a link. It must not become a folder that is created.
    return Location("file", "", os.path.realpath(absolute) if ".." in absolute.parts else str(absolute))
