"""A search for a target among the objects that an array is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import cloudpickle
import numpy as np

from pyramid.errors import PyramidError
from pyramid.hierarchy.nodes import join_path
from pyramid.model import Source
from pyramid.readers.arraylike import package_of
from pyramid.stores import Location, locate

# Characters of a path at most: what is longer is another text.
MAX_PATH = 4096
# Packages whose arrays are in memory, and would be copied to be sent.
_IN_MEMORY = frozenset({"cupy", "jax", "jaxlib", "torch"})
# Kinds that are sent by their name.
_NAMED = (type, FunctionType, BuiltinFunctionType, ModuleType)


def reads_from(source: Source, target: Location) -> bool:
    """Return whether an array reads from what is at or within a target.

    What is looked at is all that would be sent to another process: stores, paths and URLs, also those in the graph of
    a Dask array. No pixel is read.
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
        # Within the target, any text would be the path of something in it.
        self._takes_relative = target.is_local and not target.holds(Location("file", "", os.getcwd()))
        self._seen: set[str] = set()
        self.found = False

    def persistent_id(self, obj: Any) -> object:  # noqa: ANN401  (any object)
        """Look at an object; return None where those within it are to be looked at too."""
        if self.found or package_of(obj) in _IN_MEMORY:
            return True
        if isinstance(obj, np.ndarray):
            self._note_path(getattr(obj, "filename", None))
            return None if obj.dtype.hasobject else True
        if isinstance(obj, Location):
            self._note(obj)
            return True
        if isinstance(obj, str | os.PathLike):
            self._note_path(obj)
        elif package_of(obj) == "obstore":
            self._note_obstore(obj, "")
        elif package_of(obj) == "zarr" and type(obj).__name__ == "StorePath":
            self._note_zarr(obj.store, obj.path)
        elif package_of(obj) == "zarr" and package_of(getattr(obj, "store", None)) == "obstore":
            self._note_zarr(obj, "")
        elif package_of(obj) == "tensorstore" and hasattr(obj, "spec"):
            self._note_specs(obj.spec().to_json())
        return None

    def reducer_override(self, obj: Any) -> Any:  # noqa: ANN401  (any object)
        """Leave out what cannot be sent, as a lock, and go on."""
        found = super().reducer_override(obj)
        if found is not NotImplemented or type(obj) in self.dispatch_table or isinstance(obj, _NAMED):
            return found
        try:
            return obj.__reduce_ex__(5)
        except Exception:  # any class may refuse to be sent
            return object, ()

    def _note(self, location: Location) -> None:
        self.found = self.found or self._target.holds(location)

    def _note_path(self, path: object) -> None:
        """Note whether a text is a path or URL within the target."""
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
        if not isinstance(text, str) or len(text) > MAX_PATH or "\0" in text or text in self._seen:
            return
        if "/" not in text and os.sep not in text and text != self._name:
            return
        self._seen.add(text)
        with suppress(PyramidError, OSError, ValueError):
            if "://" in text:
                self._note(locate(text))
            elif not self._target.is_local:  # fsspec has bucket and key in one path
                bucket, _, key = text.strip("/").partition("/")
                self._note(Location(self._target.scheme, bucket, key))
            elif self._takes_relative or os.path.isabs(text):
                self._note(locate(text))

    def _note_zarr(self, store: Any, path: str) -> None:  # noqa: ANN401  (a store of zarr)
        """Note whether a path of a store is within the target."""
        if package_of(getattr(store, "store", None)) == "obstore":
            self._note_obstore(store.store, path)
        for root in (getattr(store, "root", None), getattr(store, "path", None)):
            if isinstance(root, str | os.PathLike):
                self._note_path(join_path(os.fspath(root), path))

    def _note_obstore(self, store: Any, path: str) -> None:  # noqa: ANN401  (a store of obstore)
        """Note whether a path of a store of obstore is within the target."""
        config, prefix = dict(getattr(store, "config", None) or {}), getattr(store, "prefix", None)
        bucket = config.get("bucket") or config.get("container_name")
        if isinstance(bucket, str):
            self._note(Location(self._target.scheme, bucket, join_path(str(prefix or ""), path)))
        elif prefix is not None:
            self._note_path(join_path(str(prefix), path))

    def _note_specs(self, found: object) -> None:
        """Note whether a store in a specification of tensorstore is within the target."""
        if isinstance(found, Mapping):
            bucket, path = found.get("bucket"), found.get("path")
            if isinstance(bucket, str):
                self._note(Location(self._target.scheme, bucket, str(path or "")))
            for value in found.values():
                self._note_specs(value)
        elif isinstance(found, list):
            for value in found:
                self._note_specs(value)
        else:
            self._note_path(found)
