"""A search for a target among the objects that an array is made of."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import cloudpickle
import numpy as np

from pyramid.errors import PyramidError
from pyramid.model import Source
from pyramid.readers.arraylike import package_of
from pyramid.stores import Location, locate

# Characters of a path at most: what is longer is another text.
MAX_PATH = 4096


def reads_from(source: Source, target: Location) -> bool:
    """Return whether an array reads from what is at or within a target.

    What is looked at is all that would be sent to another process: stores, paths and URLs, also those in the graph of
    a Dask array. No pixel is read, and what cannot be sent ends the search.
    """
    search = _Search(target)
    with suppress(Exception):  # any class may refuse to be sent
        search.dump(source)
    return search.found


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: object) -> int:
        """Drop bytes."""
        return memoryview(data).nbytes  # type: ignore[arg-type]  # bytes of a pickle


class _Search(cloudpickle.Pickler):  # type: ignore[misc]  # without types
    """Looks at each object that pickling comes to."""

    def __init__(self, target: Location) -> None:
        super().__init__(_Nowhere(), protocol=5)
        self._target, self._name = target, os.path.basename(target.path.rstrip("/"))
        self._seen: set[str] = set()
        self.found = False

    def persistent_id(self, obj: Any) -> object:  # noqa: ANN401  (any object)
        """Look at an object; return None where those within it are to be looked at too."""
        if self.found:
            return True
        if isinstance(obj, np.ndarray):
            self._note_path(getattr(obj, "filename", None))
            return None if obj.dtype.hasobject else True
        if isinstance(obj, Location):
            self.found = self._target.holds(obj)
            return True
        if isinstance(obj, str | os.PathLike):
            self._note_path(obj)
        elif package_of(obj) == "obstore":
            self._note_store(obj)
        elif package_of(obj) == "zarr" and package_of(getattr(obj, "store", None)) == "obstore":
            self._note_store(obj.store)  # it would be sent as bytes
        elif package_of(obj) == "tensorstore" and hasattr(obj, "spec"):
            self._note_store_spec(obj.spec().to_json().get("kvstore"))
        return None

    def _note_path(self, path: object) -> None:
        """Note whether a text is a path or URL within the target."""
        if not isinstance(path, str | os.PathLike):
            return
        text = os.fspath(path)
        if not isinstance(text, str) or len(text) > MAX_PATH or "\0" in text or text in self._seen:
            return
        if "/" not in text and os.sep not in text and text != self._name:
            return
        self._seen.add(text)
        with suppress(PyramidError, OSError, ValueError):
            if self._target.is_local or "://" in text:
                self.found = self.found or self._target.holds(locate(text))
            else:  # fsspec has bucket and key in one path
                bucket, _, key = text.strip("/").partition("/")
                self.found = self.found or self._target.holds(Location(self._target.scheme, bucket, key))

    def _note_store_spec(self, found: object) -> None:
        """Note whether a store of tensorstore is within the target."""
        bucket, path = (found.get("bucket"), found.get("path")) if isinstance(found, dict) else (None, found)
        self._note_path(path if bucket is None else f"{self._target.scheme}://{bucket}/{path}")

    def _note_store(self, store: Any) -> None:  # noqa: ANN401  (a store of obstore)
        """Note whether a store of obstore is within the target."""
        bucket, prefix = dict(getattr(store, "config", {})).get("bucket"), getattr(store, "prefix", None) or ""
        if isinstance(bucket, str):
            self.found = self.found or self._target.holds(Location(self._target.scheme, bucket, str(prefix)))
