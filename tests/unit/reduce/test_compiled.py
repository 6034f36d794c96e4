"""Compiled code on a disk that is damaged or full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np
from pyramid.reduce import load_method
out = np.zeros((1,), "f4")
load_method("median")(np.arange(3, dtype="f4"), (3,), (3,), out)
print(out[0])
"""


def median(folder: Path) -> str:
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, check=False, capture_output=True, text=True, timeout=120
    )
    return ran.stdout.strip() or ran.stderr


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_code_is_compiled_again(ending: str, tmp_path: Path) -> None:
    assert median(tmp_path) == "1.0"
    found = [*tmp_path.rglob(f"*.{ending}")]
    assert found
    for file in found:
        file.write_bytes(b"")
    assert median(tmp_path) == "1.0"
    assert all(file.stat().st_size for file in found)


def test_code_that_cannot_be_written_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert median(tmp_path / "file" / "within") == "1.0"
