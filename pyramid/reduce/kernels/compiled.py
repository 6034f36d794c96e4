"""Decorators that compile kernels with Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile `function` at its first call for a dtype, and keep the code on disk.

    It runs without the interpreter's lock. Where no folder can hold the code (a read-only installation without a home),
    each process compiles anew. Numba looks only at the time of the function's own file to see whether the code on disk
    is stale. So after a change of a function that kernels of another file call, empty ``__pycache__``.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        made = numba.njit(**options)(function)
    return made


def inlined(function: Function) -> Function:
    """Compile `function` as a part of each kernel that calls it.

    That is quicker than to compile it separately.
    """
    made: Function = numba.njit(inline="always", error_model="numpy")(function)
    return made
