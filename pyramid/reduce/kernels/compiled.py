"""Decorators that compile kernels with Numba."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

Function = TypeVar("Function", bound=Callable[..., Any])


class _Kept(FunctionCache):  # type: ignore[misc]  # Numba has no annotations
    """Code on disk, which is compiled anew if it is damaged or the disk is full."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401  (Numba's own types)
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling may raise anything
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:  # noqa: ANN401  (as above)
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def compiled(function: Function) -> Function:
    """Compile `function` at its first call for a dtype, and keep the code on disk.

    It runs without the interpreter's lock. Where no folder can hold the code (a read-only installation without a home),
    each process compiles anew. Numba looks only at the time of the function's own file to see whether the code on disk
    is stale. So after a change of a function that kernels of another file call, empty ``__pycache__``.
    """
    made: Any = numba.njit(nogil=True, error_model="numpy")(function)
    with contextlib.suppress(RuntimeError, OSError):
        made._cache = _Kept(function)
    return cast("Function", made)


def inlined(function: Function) -> Function:
    """Compile `function` as a part of each kernel that calls it.

    That is quicker than to compile it separately.
    """
    made: Function = numba.njit(inline="always", error_model="numpy")(function)
    return made
