"""Every real TIFF at hand converts, level 0 equal to what tifffile reads; what it cannot read is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray

import pyramid
from pyramid.cli import main
from pyramid.errors import SourceError
from tests.support.corpus import DAMAGED_LEAST, READABLE_LEAST, as_tifffile_reads, tiffs
from tests.support.stores import read_level


def convert(path: Path, target: Path, expected: NDArray[Any]) -> str:
    """What is wrong with the conversion of a file that tifffile reads; empty where nothing is."""
    try:
        image = pyramid.convert(path, target, series=0, levels=2, codec="none")
    except SourceError as error:
        return f"refused: {error}"
    level = read_level(target, 0)
    if level.dtype != expected.dtype or not np.array_equal(level, expected, equal_nan=level.dtype.kind == "f"):
        return f"{level.dtype} {level.shape} differs from {expected.dtype} {expected.shape}"
    return "" if len(image.levels) == 2 else f"{len(image.levels)} levels"


def refuse(path: Path, target: Path) -> str:
    """What is wrong with the refusal of a file that tifffile cannot read; empty where nothing is."""
    words = ["convert", str(path), str(target), "--series", "0"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    first, *_ = (result.stderr or "nothing").splitlines()
    whole = (target / "zarr.json").exists() and "multiscales" in (target / "zarr.json").read_text()
    refused = result.exit_code == SourceError.exit_status and str(path) in first and not whole
    return "" if refused else f"exit status {result.exit_code}: {first}"


def test_every_tiff_converts_or_is_refused(tmp_path: Path) -> None:
    complaints, readable, damaged = {}, 0, 0
    for path in tiffs():
        expected = as_tifffile_reads(path)
        if expected is None:
            damaged += 1
            complaint = refuse(path, tmp_path / "t.zarr")
        else:
            readable += 1
            complaint = convert(path, tmp_path / "t.zarr", expected)
        if complaint:
            complaints[str(path)] = complaint
        shutil.rmtree(tmp_path / "t.zarr", ignore_errors=True)
    assert complaints == {}
    assert readable >= READABLE_LEAST
    assert damaged >= DAMAGED_LEAST
