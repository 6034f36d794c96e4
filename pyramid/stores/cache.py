"""Parts of objects cut from the whole, where it is the whole that shows whether it came undamaged."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from pyramid.errors import StorageError
from pyramid.stores.objects import ABSENT, Objects

KEPT_BYTES = 2**27  # and at least the last object, whatever its size


class WholeObjects:
    """Reads parts of objects as `Objects` does; objects whose parts were last asked for are kept for a while.

    Parameters
    ----------
    objects
        What gives the whole, checked. What is at a key is taken not to change.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, Future[bytes | None]] = OrderedDict()
        self._changing = threading.Lock()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """A part of the object; StorageError where there is none."""
        body = self._whole(key)
        if body is None:
            raise StorageError(f"{self._objects.location}/{key}: there is no such object", True, ABSENT)
        return body[start:stop]

    def get_tail(self, key: str, size: int) -> bytes | None:
        """The last bytes; None where there is no object."""
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
        """Forget those that were not asked for the longest time."""
        with self._changing:
            sizes = {key: len(one.result() or b"") for key, one in self._kept.items() if one.done()}
            while len(sizes) > 1 and sum(sizes.values()) > KEPT_BYTES:
                key = next(iter(sizes))
                del sizes[key], self._kept[key]
