"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile `function` when it is first called for a dtype, without the interpreter's lock, and keep it on disk.

    Where no folder can hold the outcome (a read-only installation without a home), each process compiles anew.
    Numba looks at the time of the function's own file alone to see whether what is kept is stale: whoever changes a
    function that kernels of another file call, empties ``__pycache__``.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        made = numba.njit(**options)(function)
    return made


def inlined(function: Function) -> Function:
    """Make a part of kernels: compiled with each that calls it, which is quicker than compiling it apart."""
    made: Function = numba.njit(inline="always", error_model="numpy")(function)
    return made
