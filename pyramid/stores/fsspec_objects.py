"""Objects of all other schemes that fsspec supports, through its packages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from pyramid.concurrency.cancelling import check_not_cancelled
from pyramid.errors import OptionError, StorageError
from pyramid.stores.network import Asked, network_failure
from pyramid.stores.objects import ByteSink, Fingerprint, Objects, check_key, no_object, place_of
from pyramid.stores.redact import without_secrets
from pyramid.stores.retry import AttemptFailure, call_with_retries
from pyramid.stores.schemes import RETRY_OPTIONS, Access, Option

T = TypeVar("T")
# Names that packages of fsspec have for a tag or a time of change, the best first.
_TAGS = ("ETag", "etag", "mtime", "LastModified", "last_modified")
# Bytes of an object that are read at once and held in memory.
_BLOCK_BYTES = 4 * 2**20
# Errors that another attempt would meet again.
_FINAL = (PermissionError, NotImplementedError, IsADirectoryError, NotADirectoryError)


class FsspecObjects(Objects):
    """Objects in a file system of fsspec.

    Parameters
    ----------
    access
        The location, and the options of the file system.
    """

    def __init__(self, access: Access) -> None:
        self.location = access.location
        self._access = access
        options = {name: value for name, value in access.options.items() if name not in RETRY_OPTIONS}
        self._open: Callable[[], tuple[Any, str]] = functools.partial(url_to_fs, access.location.address, **options)
        try:
            self._connection  # noqa: B018  (so that wrong options are found now)
        except ImportError as error:
            raise OptionError(
                f"{self.location}: {access.location.scheme}:// needs a package: {error}; install it in this environment"
            ) from None
        except (TypeError, ValueError) as error:
            reason = without_secrets(str(error), access.secrets)
            raise OptionError(
                f"{self.location} cannot be opened by fsspec: {reason}; check its storage options"
            ) from None
        except Exception:  # some connect at once; each request tries again, and says what fails
            return

    @property
    def _files(self) -> Any:  # noqa: ANN401  (fsspec has no types)
        return self._connection[0]

    @property
    def _root(self) -> str:
        return self._connection[1]

    @functools.cached_property
    def _connection(self) -> tuple[Any, str]:
        """The file system and the path in it.

        Raises the error of fsspec if it cannot connect.
        """
        return self._open()

    def get(self, key: str) -> bytes | None:
        """Return the whole object, or None if it is missing."""
        return self._ask("read", key, lambda path: bytes(self._files.cat_file(path)))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        body = self._ask("read", key, lambda path: bytes(self._files.cat_file(path, start=start, end=stop)))
        if body is None:
            raise no_object(self.location, key)
        return body

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Write the whole object to `into` in blocks."""
        del expected_bytes

        def read(path: str) -> int:
            into.restart()
            size = 0
            with self._files.open(path, "rb", block_size=_BLOCK_BYTES) as file:
                while piece := file.read(_BLOCK_BYTES):
                    check_not_cancelled()
                    size += len(piece)
                    into.write(piece)
            return size

        return self._ask("read", key, read)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size of an object, and its tag if the file system has one."""

        def ask(path: str) -> Fingerprint:
            info = self._files.info(path)
            tag = next((info[name] for name in _TAGS if info.get(name)), None)
            return int(info["size"]), None if tag is None else str(tag)

        return self._ask("size", key, ask)

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object."""

        def write(path: str) -> bool:
            if "/" in path:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            check_not_cancelled()
            takes_views = type(self._files).pipe_file is AbstractFileSystem.pipe_file
            self._files.pipe_file(path, body if takes_views else bytes(body))
            return True

        if not self._ask("write", key, write):
            raise StorageError(f"{self.location}/{key} cannot be written: its folder does not exist", True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return the keys that begin with `prefix`."""
        found = self._ask("list", prefix.rstrip("/"), lambda path: list(self._files.find(path))) or ()
        return (str(path)[len(self._root) :].lstrip("/") for path in found)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._ask("remove", key, self._files.rm_file)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, as many at once as the file system takes."""

        def remove(_: str) -> bool:
            self._files.rm([self._path(key) for key in keys])
            return True

        if keys and self._ask("remove", keys[0], remove) is None:
            for key in keys:  # one was missing, and the others were not removed
                self.delete(key)

    def _ask(self, what: str, key: str, do: Callable[[str], T]) -> T | None:
        check_key(key)

        def attempt() -> T | None:
            try:
                return do(self._path(key))
            except FileNotFoundError:
                return None

        place = place_of(self.location, key)
        return call_with_retries(attempt, f"{what} {place}", self._access.retry_policy, self._judge)

    def _path(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{check_key(key)}" if key else str(self._root)

    def _judge(self, error: Exception) -> AttemptFailure:
        failure = network_failure(error, Asked(url=str(self.location)))
        cause = error if failure is None else failure.reason
        reason = without_secrets(f"{type(error).__name__}: {cause}", self._access.secrets)
        may_pass = isinstance(error, OSError) and not isinstance(error, _FINAL)
        return AttemptFailure(reason, may_pass, never_connected=may_pass and "_connection" not in vars(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._access.reopen


# Options that are not secret in any package. Every other option might be.
_PUBLIC = ("anon", "endpoint_url", "region", "profile", "host", "port", "username", "account_name")
OPTIONS: Mapping[str, Option] = {name: Option(name) for name in _PUBLIC}


def open_store(access: Access) -> FsspecObjects:
    """Return the objects of a location, without a request."""
    return FsspecObjects(access)
