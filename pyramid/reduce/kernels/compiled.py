"""Kernels that are compiled once, kept on disk, and called without Numba.

To import Numba takes most of a second, and to load machine code a hundredth of that. So Numba only compiles. What it
makes is kept as an object file, which llvmlite loads, and is called through ctypes, without the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import numpy as np

from pyramid.reduce.kernels import code_files, native
from pyramid.reduce.kernels.parts import Entry, Part

Function = TypeVar("Function", bound=Callable[..., Any])

_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int64
# Whether a kernel without code on disk is compiled, or NotKeptError is raised.
_compiles: ContextVar[bool] = ContextVar("compiles", default=True)


class NotKeptError(Exception):
    """No code on disk fits, and none is to be compiled."""


class CompiledKernel(Entry):
    """A kernel, compiled or loaded for the types of its arguments at their first call.

    Parameters
    ----------
    function
        The kernel: it returns nothing, and takes C-contiguous arrays, NumPy scalars, whole numbers, and tuples of
        these.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        super().__init__(function)
        self._codes: dict[str, Callable[..., object]] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: object) -> None:
        """Run the kernel."""
        types = ", ".join(map(_type_of, arguments))
        code = self._codes.get(types)
        if code is None:
            with self._lock:
                code = self._codes.get(types) or self._codes.setdefault(types, self._find(types, arguments))
        code(*arguments)

    def _find(self, types: str, arguments: tuple[object, ...]) -> Callable[..., object]:
        """Load the code for some types, or compile it and keep it."""
        key = code_files.key_of(self.function, types)
        kept = code_files.read(key)
        if kept is None:
            if not _compiles.get():
                raise NotKeptError
            from pyramid.reduce.kernels import compiling  # noqa: PLC0415  (Numba: only to compile)

            try:
                kept = compiling.compile_object(self.function, arguments)
            except compiling.UnsupportedError:
                return cast("Callable[..., object]", compiling.jitted(self.function))
            code_files.write(key, kept)
        return _callable(native.load(kept), arguments)


@contextmanager
def without_compiling() -> Iterator[None]:
    """Let kernels only load code from disk.

    They raise NotKeptError where there is none.
    """
    token = _compiles.set(False)
    try:
        yield
    finally:
        _compiles.reset(token)


def compiled(function: Function) -> Function:
    """Compile `function` at its first call for some types, and keep the code on disk."""
    return cast("Function", CompiledKernel(function))


def called(function: Function) -> Function:
    """Compile `function` with each kernel that calls it."""
    return cast("Function", Part(function, is_inlined=False))


def inlined(function: Function) -> Function:
    """Compile `function` as a part of the body of each kernel that calls it."""
    return cast("Function", Part(function, is_inlined=True))


def _callable(address: int, arguments: tuple[object, ...]) -> Callable[..., object]:
    """Return the code at an address as a function of arguments like the given ones.

    Numba's functions take the places of a result and of an exception first. Then come the parts of each argument.
    """
    native_call = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER, _POINTER, *_kinds(arguments))(address)

    def call(*given: object) -> None:
        result, raised = _POINTER(), _POINTER()
        values: list[Any] = []
        for argument in given:
            _add_values(argument, values)
        if native_call(ctypes.addressof(result), ctypes.addressof(raised), *values):
            raise ValueError("a compiled kernel failed; this should not have happened")

    return call


def _type_of(argument: object) -> str:
    """Name the type of an argument, for which code is compiled."""
    if isinstance(argument, np.ndarray):
        if not (argument.flags.c_contiguous and argument.flags.aligned):
            raise ValueError("a kernel takes C-contiguous, aligned arrays; pass a copy")
        return f"{argument.dtype.str}[{argument.ndim}]"
    if isinstance(argument, tuple):
        return f"{type(argument).__name__}({', '.join(map(_type_of, argument))})"
    return argument.dtype.str if isinstance(argument, np.generic) else type(argument).__name__


def _kinds(argument: object) -> list[Any]:
    """Return the C types of the values that Numba passes for an argument."""
    if isinstance(argument, tuple):
        return [kind for item in argument for kind in _kinds(item)]
    if isinstance(argument, np.ndarray):
        return [_POINTER, _POINTER, _INTEGER, _INTEGER, _POINTER, *[_INTEGER] * (2 * argument.ndim)]
    if isinstance(argument, np.generic):
        return [np.ctypeslib.as_ctypes_type(cast("Any", argument.dtype))]
    if isinstance(argument, int):
        return [_INTEGER]
    raise TypeError(f"a kernel takes no argument of type {type(argument).__name__}")


def _add_values(argument: Any, values: list[Any]) -> None:  # noqa: ANN401  (whatever a kernel takes)
    """Append the values that Numba passes for an argument."""
    if isinstance(argument, np.ndarray):
        # Memory that Numba owns, and the object that holds it: neither, as the caller keeps the array.
        values += (None, None, argument.size, argument.itemsize, argument.__array_interface__["data"][0])
        values += argument.shape
        values += argument.strides
    elif isinstance(argument, tuple):
        for item in argument:
            _add_values(item, values)
    else:
        values.append(argument.item() if isinstance(argument, np.generic) else int(argument))
