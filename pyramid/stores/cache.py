"""Parts cut from whole objects, if only the whole shows damage in transit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from pyramid.stores.objects import Objects, no_object

# Memory for whole objects. The last one is kept whatever its size, because its parts are read one after another.
KEPT_BYTES = 2**27


class WholeObjects:
    """A reader of parts that fetches whole objects and keeps those used last.

    Parameters
    ----------
    objects
        The objects, which check what they read. They are assumed not to change.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, Future[bytes | None]] = OrderedDict()
        self._changing = threading.Lock()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return a part of an object; raise StorageError if it is missing."""
        body = self._whole(key)
        if body is None:
            raise no_object(self._objects.location, key)
        return body[start:stop]

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last `size` bytes, or None if it is missing."""
        body = self._whole(key)
        return None if body is None else body[max(len(body) - size, 0) :]

    def _whole(self, key: str) -> bytes | None:
        with self._changing:
            known = self._kept.get(key)
            coming = self._kept[key] = known or Future()
            self._kept.move_to_end(key)
        if known is None:
            try:
                coming.set_result(self._objects.get(key))
            except BaseException as error:
                with self._changing:
                    del self._kept[key]
                coming.set_exception(error)
            self._drop()
        return coming.result()

    def _drop(self) -> None:
        """Forget the objects that have not been used for the longest time."""
        with self._changing:
            sizes = {key: len(one.result() or b"") for key, one in self._kept.items() if one.done()}
            while len(sizes) > 1 and sum(sizes.values()) > KEPT_BYTES:
                key = next(iter(sizes))
                del sizes[key], self._kept[key]
