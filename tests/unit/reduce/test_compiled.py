"""Kernels: what calls them, and their code on a disk that is damaged, full or of another machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.reduce import load_method
from pyramid.reduce.kernels import code_files, compiling, mean
from pyramid.reduce.kernels.compiled import CompiledKernel, compiled, inlined

KERNEL: Any = mean._mean_integers
PROGRAM = """
import sys
import numpy as np
from pyramid.reduce import load_method
out = np.zeros((1,), "f4")
load_method("median")(np.arange(3, dtype="f4"), (3,), (3,), out)
print(out[0], "numba" in sys.modules)
"""


def median(folder: Path) -> str:
    """The median, and whether Numba was imported to make it."""
    environ = {**os.environ, code_files.FOLDER_VARIABLE: str(folder)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, check=False, capture_output=True, text=True, timeout=120
    )
    return ran.stdout.strip() or ran.stderr


def test_code_on_disk_needs_no_numba(tmp_path: Path) -> None:
    assert median(tmp_path) == "1.0 True"
    assert median(tmp_path) == "1.0 False"


@pytest.mark.parametrize("damage", ["empty", "cut", "changed"])
def test_damaged_code_is_compiled_again(damage: str, tmp_path: Path) -> None:
    assert median(tmp_path) == "1.0 True"
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    changed = whole[:-900] + bytes([whole[-900] ^ 1]) + whole[-899:]
    file.write_bytes({"empty": b"", "cut": whole[:-100], "changed": changed}[damage])
    assert median(tmp_path) == "1.0 True"
    assert median(tmp_path) == "1.0 False"


def test_code_that_cannot_be_written_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert median(tmp_path / "file" / "within") == "1.0 True"


def test_code_is_kept_by_processor_version_and_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        return code_files.key_of(KERNEL.function, "a")

    before = key()
    assert key() == before != code_files.key_of(KERNEL.function, "b")
    monkeypatch.setattr(code_files, "_surroundings", lambda: ("another processor",))
    assert key() != before


def test_numba_calls_a_kernel_whose_code_it_keeps_to_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise compiling.UnsupportedError

    monkeypatch.setenv(code_files.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(compiling, "compile_object", refuse)
    kernel = CompiledKernel(KERNEL.function)
    monkeypatch.setattr(mean, "_mean_integers", kernel)
    pixels, out = np.array([[1, 3], [5, 7]], "uint8"), np.zeros((1, 1), "uint8")
    monkeypatch.setattr("pyramid.reduce.window.COMPILING_PAYS_S", -1)  # so that it waits for the kernel
    load_method("mean")(pixels, (2, 2), (2, 2), out)
    assert out.item() == 4
    assert list(tmp_path.iterdir()) == []


@inlined
def _twice(number: int) -> int:
    return 2 * number


@compiled
def _fill(out: NDArray[Any], scalar: np.number[Any], pair: tuple[int, int]) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = scalar + _twice(pair[0]) * i + pair[1] * j


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "float32", "float64"])
def test_arguments_of_all_kinds_arrive(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(code_files.FOLDER_VARIABLE, str(tmp_path))
    out = np.zeros((3, 4), dtype)
    _fill(out, np.dtype(dtype).type(5), (10, 1))
    np.testing.assert_array_equal(out, 5 + 20 * np.arange(3)[:, None] + np.arange(4))


def test_arrays_that_a_kernel_would_misread_are_refused() -> None:
    with pytest.raises(ValueError, match="C-contiguous, aligned"):
        _fill(np.zeros((4, 4), "uint16")[:, ::2], np.uint16(1), (1, 1))
    with pytest.raises(ValueError, match="C-contiguous, aligned"):
        _fill(np.frombuffer(bytearray(17), "uint8")[1:].view("uint16").reshape(2, 4), np.uint16(1), (1, 1))
