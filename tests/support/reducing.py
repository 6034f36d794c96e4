"""Methods held to one of their two ways: NumPy, or a compiled kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from pyramid.reduce.kernels.loading import LazyKernel, find_kernel

WAYS = ("NumPy", "kernel")


class _NumpyOnly(LazyKernel):
    """A kernel that is never loaded beside NumPy, only for dtypes that must have it."""

    @contextmanager
    def replaced(self) -> Iterator[None]:
        yield


def _loaded(address: str, dtype: str, factor_x: int) -> LazyKernel:
    lazy = find_kernel(address, dtype, factor_x)
    lazy.load()
    return lazy


@contextmanager
def reducing_by(way: str) -> Iterator[None]:
    """Let every method take one way."""
    with mock.patch("pyramid.reduce.window.find_kernel", _NumpyOnly if way == "NumPy" else _loaded):
        yield
