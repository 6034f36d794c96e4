"""Kernels that are loaded while NumPy does their work."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

from pyramid.reduce import load_method
from pyramid.reduce.kernels import loading
from pyramid.reduce.kernels.loading import LazyKernel

MEAN = "pyramid.reduce.kernels.mean:mean"


def wait_for_kernels() -> None:
    for thread in threading.enumerate():
        if thread.name == "pyramid-kernel":
            thread.join()


def test_a_kernel_is_loaded_once_numpy_has_taken_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = LazyKernel(MEAN, "uint8", 2)
    with lazy.replaced():
        pass
    wait_for_kernels()
    assert lazy.loaded is None
    monkeypatch.setattr(loading, "PATIENCE_S", 0.0)
    with lazy.replaced():
        pass
    wait_for_kernels()
    assert lazy.loaded is not None


def test_pixels_are_the_same_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = LazyKernel(MEAN, "uint16", 2)
    monkeypatch.setattr("pyramid.reduce.window.find_kernel", lambda *_: lazy)
    pixels = np.random.default_rng(0).integers(0, 2**16, (6, 50, 61)).astype("uint16")
    found = []
    for _ in range(2):
        out = np.empty((3, 25, 31), "uint16")
        load_method("mean")(pixels, pixels.shape, (2, 2, 2), out)
        found.append(out)
        lazy.load()
    np.testing.assert_array_equal(found[0], found[1])


def test_numpy_goes_on_where_a_kernel_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loading, "PATIENCE_S", 0.0)
    lazy = LazyKernel("pyramid.reduce.kernels.nowhere:mean", "uint8", 2)
    with caplog.at_level(logging.WARNING, "pyramid"), lazy.replaced():
        pass
    wait_for_kernels()
    assert lazy.loaded is None
    assert "a compiled kernel cannot be loaded; NumPy is used" in caplog.text


def test_each_dtype_and_factor_has_a_kernel_of_its_own() -> None:
    find = loading.find_kernel
    assert find(MEAN, "uint8", 2) is find(MEAN, "uint8", 2)
    assert find(MEAN, "uint8", 2) is not find(MEAN, "uint8", 3)
    assert find(MEAN, "uint8", 0).load() is find(MEAN, "uint8", 3).load()


@pytest.mark.parametrize("dtype", ["uint16", "float16"])
def test_large_windows_wait_for_the_kernel(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = LazyKernel(MEAN, "float32" if dtype == "float16" else dtype, 0)
    monkeypatch.setattr("pyramid.reduce.window.find_kernel", lambda *_: lazy)
    pixels, out = np.ones((900, 900), dtype), np.zeros((1, 1), dtype)
    load_method("mean")(pixels, (900, 900), (900, 900), out)
    assert lazy.loaded is not None
    assert out[0, 0] == 1


def test_large_windows_need_no_kernel(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    lazy = LazyKernel("pyramid.reduce.kernels.nowhere:mean", "uint8", 0)
    monkeypatch.setattr("pyramid.reduce.window.find_kernel", lambda *_: lazy)
    pixels, out = np.ones((600, 600), "uint8"), np.zeros((2, 1), "uint8")
    with caplog.at_level(logging.WARNING, "pyramid"):
        for _ in range(2):
            load_method("mean")(pixels, (600, 600), (300, 600), out)
    assert out.all()
    assert caplog.text.count("a compiled kernel cannot be loaded") == 1
