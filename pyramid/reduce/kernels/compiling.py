"""The compilation of kernels with Numba."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
import numpy as np

from pyramid.reduce.kernels.native import ObjectCode
from pyramid.reduce.kernels.parts import Entry, Part

# Options of machine code that is called without Numba: no wrappers for Python, no counts of references.
_BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


class UnsupportedError(Exception):
    """Numba does not give its object files away, as in an unknown version."""


def compile_object(function: Callable[..., None], arguments: tuple[object, ...]) -> ObjectCode:
    """Compile a kernel for the types of some arguments.

    Raises
    ------
    UnsupportedError
        If Numba keeps the code to itself: how it is taken is not a part of Numba's interface.
    """
    try:
        dispatcher = numba.njit(nogil=True, error_model="numpy", **_BARE)(_with_parts(function))
        dispatcher.compile(tuple(map(_numba_type, arguments)))
        (made,) = dispatcher.overloads.values()
        content = made.library.serialize_using_object_code()[2][0]
        return ObjectCode(made.fndesc.llvm_func_name, bytes(content))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UnsupportedError(str(error)) from error


@functools.cache
def jitted(function: Callable[..., None]) -> Callable[..., None]:
    """Return a kernel that Numba itself calls."""
    made: Callable[..., None] = numba.njit(nogil=True, error_model="numpy")(_with_parts(function))
    return made


def _with_parts(function: Callable[..., Any]) -> FunctionType:
    """Return a function whose parts and kernels are those that Numba compiles."""
    assert isinstance(function, FunctionType)
    names = dict(function.__globals__)
    names |= {name: _for_numba(names[name]) for name in function.__code__.co_names if name in names}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def _for_numba(value: object) -> object:
    if isinstance(value, Part):
        return _compiled_part(value)
    return jitted(value.function) if isinstance(value, Entry) else value


@functools.cache
def _compiled_part(part: Part) -> object:
    options: dict[str, Any] = {"inline": "always"} if part.is_inlined else {"nogil": True, "_nrt": False}
    return numba.njit(error_model="numpy", **options)(_with_parts(part.function))


def _numba_type(argument: object) -> object:
    """Return Numba's type of an argument; an array is one that may be written to."""
    if isinstance(argument, np.ndarray):
        return numba.types.Array(numba.from_dtype(argument.dtype), argument.ndim, "C")
    return numba.typeof(argument)
