"""Zarr over `Objects`: zarr-python reads and writes through the same requests."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from pyramid.concurrency.cancelling import LOOK_S
from pyramid.errors import StorageError
from pyramid.stores.objects import ABSENT, Objects
from pyramid.stores.readable import Readable

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

T = TypeVar("T")
# Threads for the requests of zarr. Each holds one request, and waits most of the time.
REQUESTS = 32
# The longest wait for requests that zarr abandoned, which end by themselves.
SETTLE_S = 1.0


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that wait for answers, shared by all stores of a process."""
    return ThreadPoolExecutor(REQUESTS, thread_name_prefix="pyramid-ask")


async def _ask(do: Callable[..., T], *arguments: Any) -> T:
    call = functools.partial(copy_context().run, do, *arguments)  # so that the request is cancelled with its run
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


class ObjectsStore(Store):
    """A Zarr store whose keys are those of `objects`.

    Stores of one location are equal, whatever their storage options.

    Parameters
    ----------
    objects
        The objects to read and write.
    read_only
        Whether writing is refused.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(self, objects: Objects | Readable, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.objects = objects if isinstance(objects, Readable) else Readable(objects)
        self._flying = 0  # changed only by the thread of zarr's loop

    def with_read_only(self, read_only: bool = False) -> ObjectsStore:
        """Return the same store, read-only or writable."""
        return type(self)(self.objects, read_only=read_only)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ObjectsStore)
            and self.objects.location == other.objects.location
            and self.read_only == other.read_only
        )

    def __str__(self) -> str:
        return str(self.objects.location)

    def __repr__(self) -> str:
        return f"ObjectsStore({str(self)!r})"

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return an object or a part of it; None if it is missing."""
        self._flying += 1
        try:
            body = await _ask(self._get, key, byte_range)
        finally:
            self._flying -= 1
        return None if body is None else prototype.buffer.from_bytes(body)

    def settle(self) -> None:
        """Wait a short time until no request is under way.

        When one request fails, zarr leaves the others running. Each of them ends by itself. If the process ends before
        they do, asyncio reports an error.
        """
        until_s, idle = time.monotonic() + SETTLE_S, 0
        while idle < 2 and time.monotonic() < until_s:
            idle = 0 if self._flying else idle + 1
            time.sleep(LOOK_S / 10)

    def _get(self, key: str, byte_range: ByteRequest | None) -> bytes | None:
        match byte_range:
            case None:
                return self.objects.get(key)
            case RangeByteRequest(start, stop):
                return self._get_range(key, start, stop)
            case OffsetByteRequest(start):
                size = self.objects.size(key)
                return None if size is None else self._get_range(key, start, size)
            case SuffixByteRequest(size):
                return self.objects.get_tail(key, size)
        raise ValueError(f"Unexpected byte_range, got {byte_range!r}: give one of the requests of zarr.abc.store")

    def _get_range(self, key: str, start: int, stop: int) -> bytes | None:
        try:
            return self.objects.get_range(key, start, stop)
        except StorageError as error:
            if error.status == ABSENT:
                return None
            raise

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of objects."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Return whether there is such an object."""
        return await _ask(self.objects.size, key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Store an object."""
        self._check_writable()
        await _ask(self.objects.inner.put, key, value.to_bytes())

    async def delete(self, key: str) -> None:
        """Remove an object."""
        self._check_writable()
        await _ask(self.objects.inner.delete, key)

    def list(self) -> AsyncIterator[str]:
        """Yield all keys."""
        return self.list_prefix("")

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys in the folder `prefix`."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        for key in await _ask(lambda: [*self.objects.keys(folder)]):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names in a folder."""
        start = len(prefix.rstrip("/")) + 1 if prefix else 0
        seen = set()
        async for key in self.list_prefix(prefix):
            name = key[start:].partition("/")[0]
            if name not in seen:
                seen.add(name)
                yield name
