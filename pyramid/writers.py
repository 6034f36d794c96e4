"""How an object reaches its place: whole or not at all, in one step, on local disk and on object storage."""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pyramid.stores import locate, open_object_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# Where files lie while they are written: on the target's own disk, so that a rename puts them in place.
PARTIAL = ".partial"


class Writer(Protocol):
    """Puts objects under a target; safe to use from many threads."""

    def put(self, key: str, body: memoryview) -> None:
        """Store `body` at `key`, in place of what is there: it is seen whole or not at all."""
        ...

    def finish(self) -> None:
        """Leave nothing but objects behind."""
        ...


def open_writer(url: str, options: Mapping[str, Any] | None) -> Writer:
    """The writer for a path or URL; nothing is written."""
    location = locate(url)
    if location.is_local:
        return LocalWriter(location.path)
    return ObjectWriter(open_object_store(location, options))


class LocalWriter:
    """Writes each file beside the target's and renames it.

    Parameters
    ----------
    root
        The target's folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._made: set[str] = set()
        self._numbers = itertools.count()

    def put(self, key: str, body: memoryview) -> None:
        """Store `body` at `key`. Raises OSError; what was there before is then still there."""
        path = os.path.join(self._root, key)
        name = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}-{next(self._numbers)}"
        partial = os.path.join(self._root, PARTIAL, name)
        for folder in (os.path.dirname(partial), os.path.dirname(path)):
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)
                self._made.add(folder)
        try:
            with open(partial, "wb") as file:
                file.write(body)
            os.replace(partial, path)
        except BaseException:
            if os.path.exists(partial):
                os.remove(partial)
            raise

    def finish(self) -> None:
        """Remove what workers that died had begun."""
        partial = os.path.join(self._root, PARTIAL)
        if os.path.isdir(partial):
            shutil.rmtree(partial)


class ObjectWriter:
    """Puts each object with one request, whatever its size.

    Parameters
    ----------
    store
        Where.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, key: str, body: memoryview) -> None:
        """Store `body` at `key`. Raises what obstore raises once its retries are used up."""
        import obstore  # noqa: PLC0415  (a local run needs no obstore)

        obstore.put(self._store, key, body, use_multipart=False)

    def finish(self) -> None:
        """Nothing is left to do: an object that was not put whole is not there."""
