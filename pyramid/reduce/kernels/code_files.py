"""Files with the machine code of kernels.

They are next to Python's own compiled files, or in the user's cache.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyramid.reduce.kernels.native import ObjectCode, processor

# Folder that takes the files, where it is set: for tests, and for who wants them elsewhere.
FOLDER_VARIABLE = "OME_PYRAMID_CACHE_DIR"
_SUFFIX = ".kernel"
_DIGEST_CHARACTERS = 64


def key_of(function: Callable[..., Any], types: str) -> str:
    """Return the name of the file for a kernel and types of arguments.

    It is another one for another processor, version of a compiler, or source of the kernel's module or of any in this
    folder.
    """
    source = _digest(function.__code__.co_filename)
    parts = (*_surroundings(), source, function.__module__, function.__qualname__, types)
    return f"{function.__name__}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}{_SUFFIX}"


def read(key: str) -> ObjectCode | None:
    """Return the code in a file; None if there is none, or if it is damaged."""
    for folder in _folders():
        with suppress(OSError, ValueError):
            digest, symbol, content = (folder / key).read_bytes().split(b"\n", 2)
            if hashlib.sha256(symbol + content).hexdigest().encode() == digest:
                return ObjectCode(symbol.decode(), content)
    return None


def write(key: str, code: ObjectCode) -> None:
    """Keep code in the first folder that takes it.

    Where none does, each process compiles anew.
    """
    symbol = code.symbol.encode()
    digest = hashlib.sha256(symbol + code.content).hexdigest().encode()
    for folder in _folders():
        partial = folder / f"{key}.{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(b"\n".join((digest, symbol, code.content)))
            partial.replace(folder / key)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        else:
            return


def _folders() -> list[Path]:
    """Return the folders that may hold code, the preferred one first."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return [Path(given)]
    found = [Path(__file__).with_name("__pycache__")]
    with suppress(RuntimeError):  # no home
        caches = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA", "~")}
        usual = caches.get(sys.platform, os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        found.append(Path(usual).expanduser() / "ome-pyramid")
    return found


@functools.cache
def _digest(source: str) -> str:
    """Return a digest of a module's source; empty if the file is missing."""
    path = Path(source)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@functools.cache
def _surroundings() -> tuple[str, ...]:
    """Return versions of compilers, the processor, and a digest of the sources."""
    sources = hashlib.sha256()
    for file in sorted((*Path(__file__).parent.glob("*.py"), *Path(__file__).parent.parent.glob("*.py"))):
        sources.update(file.read_bytes())
    return version("numba"), version("llvmlite"), sys.version, processor(), sources.hexdigest()
