"""Kernels that are loaded while NumPy does their work."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyramid.reduce import load_method
from pyramid.reduce.kernels import compiling, loading, mean
from pyramid.reduce.kernels.code_files import FOLDER_VARIABLE
from pyramid.reduce.kernels.compiled import CompiledKernel
from pyramid.reduce.kernels.loading import LazyKernel

KERNEL: Any = mean._mean_integers
MEAN = "pyramid.reduce.kernels.mean:mean"


def wait_for_kernels() -> None:
    for thread in threading.enumerate():
        if thread.name == "pyramid-kernel":
            thread.join()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for code, in which there is none."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "code"))
    monkeypatch.setattr("pyramid.reduce.kernels.mean._mean_integers", CompiledKernel(KERNEL.function))
    return tmp_path / "code"


def replace_once(lazy: LazyKernel, spent_s: float) -> None:
    lazy._spent_s = spent_s
    with lazy.replaced():
        pass
    wait_for_kernels()


def test_code_on_disk_is_loaded_soon_and_other_code_compiled_later(empty_cache: Path) -> None:
    first = LazyKernel(MEAN, "uint8", 2)
    replace_once(first, 0)
    assert first.loaded is None
    replace_once(first, loading.PATIENCE_S)
    assert first.loaded is None  # no code is there, and to compile it does not pay yet
    assert not empty_cache.exists()
    replace_once(first, loading.COMPILING_PAYS_S)
    assert first.loaded is not None
    assert len(list(empty_cache.iterdir())) == 1


def test_code_that_was_compiled_before_is_loaded(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LazyKernel(MEAN, "uint8", 2).load()
    monkeypatch.setattr("pyramid.reduce.kernels.mean._mean_integers", CompiledKernel(KERNEL.function))
    monkeypatch.setattr(compiling, "compile_object", None)
    again = LazyKernel(MEAN, "uint8", 2)
    replace_once(again, loading.PATIENCE_S)
    assert again.loaded is not None


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


def test_numpy_goes_on_where_a_kernel_cannot_be_loaded(caplog: pytest.LogCaptureFixture) -> None:
    lazy = LazyKernel("pyramid.reduce.kernels.nowhere:mean", "uint8", 2)
    with caplog.at_level(logging.WARNING, "pyramid"):
        replace_once(lazy, loading.PATIENCE_S)
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
