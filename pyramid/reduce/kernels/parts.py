"""The functions that kernels are made of, before they are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Part:
    """A function that kernels call, and that is compiled with each of them.

    Parameters
    ----------
    function
        The function.
    is_inlined
        Whether its code is put in the place of each call. That is quicker than to compile it separately.
    """

    def __init__(self, function: Callable[..., Any], *, is_inlined: bool) -> None:
        self.function = function
        self.is_inlined = is_inlined


class Entry:
    """A function that Python calls.

    Parameters
    ----------
    function
        The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
