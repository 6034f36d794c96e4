"""A type checker accepts right calls, and rejects a wrong keyword and a wrong type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.once

RIGHT = """
import numpy as np
from typing import Unpack
import pyramid

image = np.zeros((4, 64, 64))
codec: str = "zstd"
pyramid.convert("a.tif", "a.zarr").levels
pyramid.convert(image, "a.zarr", axes="zyx", scale={"z": 1, "y": 0.5, "x": 0.5}, units={"x": "um"}, codec=codec)
pyramid.convert(image, "a.zarr", chunks={"z": 64}, shards="none", scale_factors=[{"y": 2, "x": 2}, "y=3,x=3"])
pyramid.convert(image, "a.zarr", channel_names=["DAPI"], memory="2GiB", levels=None, progress=False)
pyramid.convert(image, "a.zarr", progress=lambda state: print(state.done_bytes), workers=3, overwrite=True)
pyramid.plan("a.tif", method="max", storage_options={"anon": True}).peak_bytes
pyramid.download("a.zarr", "b.zarr", progress=True)
pyramid.convert(["a.tif"], "out", levels=2, progress=lambda state: print(state.done_images)).failed
pyramid.convert("folder", "out", each=True).exit_status
pyramid.plan(["a.tif"], "out").refused

def mine(**options: Unpack[pyramid.ConvertOptions]) -> None:
    pyramid.convert(image, "a.zarr", **options)

mine(chunks="plane")
"""
WRONG = [
    'pyramid.convert("a.tif", "a.zarr", chunk="plane")',
    'pyramid.convert("a.tif", "a.zarr", chunks=64)',
    'pyramid.convert("a.tif", "a.zarr", scale=0.5)',
    'pyramid.convert("a.tif", "a.zarr", levels="many")',
    'pyramid.convert("a.tif", "a.zarr", overwrite="yes")',
    'pyramid.convert("a.tif", "a.zarr", progress="yes")',
    'pyramid.convert("a.tif")',
    'pyramid.plan("a.tif", codec_level="high")',
    'pyramid.plan("a.tif", memori="2GiB")',
]


def test_mypy_accepts_right_calls_and_rejects_wrong_ones(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(RIGHT + "\n".join(WRONG) + "\n", encoding="utf-8")
    words = ["-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), str(program)]
    words += ["--cache-dir", str(tmp_path / "cache"), "--no-error-summary", "--hide-error-context"]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    first = RIGHT.count("\n") + 1
    errors = [line for line in run.stdout.splitlines() if line.startswith(f"{program}:") and ": error: " in line]
    found = {int(line.split(":")[1]) for line in errors}
    assert found == set(range(first, first + len(WRONG))), run.stdout + run.stderr
    assert 'Unexpected keyword argument "chunk" for overloaded function "convert"' in run.stdout
