"""Runs of more than one wave and pass: the bytes of a run of one, and no memory that outlives its threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest

import pyramid
from pyramid.engine import wave
from pyramid.engine.local import LocalRunner
from pyramid.engine.receipt import Receipt
from pyramid.engine.wave import Wave
from tests.support.stores import digests

IMAGE = np.random.default_rng(5).integers(0, 4000, (7, 130, 150), "uint16")
OPTIONS: dict[str, Any] = {
    "axes": "zyx",
    "chunks": {"z": 2, "y": 32, "x": 32},
    "shards": "none",
    "scale_factors": [{"z": 2, "y": 2, "x": 2}, {"y": 2, "x": 2}],
    "memory": "104KiB",
    "workers": 1,
}


@pytest.mark.parametrize("wave_tasks", [1, 7, 17])
@pytest.mark.parametrize("source", [IMAGE, da.from_array(IMAGE, chunks=(3, 50, 60))], ids=["numpy", "dask"])
def test_waves_leave_the_bytes_of_one(
    source: Any,
    wave_tasks: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided = pyramid.plan(source, **OPTIONS)
    assert len(decided.passes) > 1
    assert decided.passes[0].tasks > 17
    pyramid.convert(source, tmp_path / "one", **OPTIONS)
    monkeypatch.setattr(wave, "MAX_WAVE_TASKS", wave_tasks)
    pyramid.convert(source, tmp_path / "many", **OPTIONS)
    assert digests(tmp_path / "many") == digests(tmp_path / "one")


def test_a_wave_begins_with_no_memory_of_the_wave_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    run = LocalRunner.run

    def watched(self: LocalRunner, some: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        held.append(len(some.task.buffers._kept))
        run(self, some, on_receipt)

    monkeypatch.setattr(wave, "MAX_WAVE_TASKS", 3)
    monkeypatch.setattr(LocalRunner, "run", watched)
    pyramid.convert(IMAGE, tmp_path / "a", **OPTIONS)
    assert len(held) > 5
    assert set(held) == {0}
