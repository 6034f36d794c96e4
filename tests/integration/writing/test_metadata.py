"""How channels are shown: what is read for it, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pyramid
from pyramid.errors import PyramidWarning
from pyramid.model import Box
from pyramid.writing import metadata
from pyramid.writing.target import Target

SHAPE, CHUNKS = (2, 70, 256, 256), {"z": 32, "y": 128, "x": 128}


def test_channels_that_a_level_has_no_more_are_measured_on_the_one_before(prefix: str) -> None:
    pixels = np.stack([np.arange(600 * 560, dtype="uint16").reshape(600, 560) % n for n in (11, 501)])
    factors = {"c": 2, "y": 2, "x": 2}
    with pytest.warns(PyramidWarning, match="channels are averaged, so that coarser levels have fewer"):
        image = pyramid.convert(pixels, f"memory://tests/{prefix}", axes="cyx", scale_factors=factors, levels=2)
    assert [level.shape[0] for level in image.levels] == [2, 1]
    assert [channel.window and channel.window.max for channel in image.channels] == [10, 500]


@pytest.mark.parametrize(("held_px", "reads", "at_once"), [(2**23, 3, 4), (4 * 256**2, 16, 1)])
def test_a_chunk_is_read_once_though_many_planes_of_it_are_looked_at(
    held_px: int, reads: int, at_once: int, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes: list[Box] = []
    reading: list[Box] = []
    most: list[int] = []
    read = Target.read

    def recording(sink: Target, level: int, box: Box, out: NDArray[Any]) -> None:
        boxes.append(box)
        reading.append(box)
        most.append(len(reading))
        read(sink, level, box, out)
        reading.remove(box)

    monkeypatch.setattr(Target, "read", recording)
    monkeypatch.setattr(metadata, "MAX_HELD_PX", held_px)
    pixels = np.random.default_rng(6).gamma(2, 400, SHAPE).astype("uint16")
    image = pyramid.convert(pixels, f"memory://tests/{prefix}", axes="czyx", chunks=CHUNKS, shards="none")
    assert len(boxes) == 2 * reads
    assert all(box.size_px <= held_px for box in boxes)
    assert 1 <= max(most) <= at_once
    looked_at = np.linspace(0, SHAPE[1] - 1, 16).round().astype(int)
    for channel, planes in zip(image.channels, pixels[:, looked_at], strict=True):
        assert channel.window is not None
        start, end = np.percentile(planes, (1, 99.9))
        assert (channel.window.start, channel.window.end) == (start, end)
