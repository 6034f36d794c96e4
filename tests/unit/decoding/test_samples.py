"""Interleaved samples become planes, by the kernel as by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.decoding.samples import MIN_ITEMS, SampleSplitter, copy_samples, find_splitter

ROWS, WIDTH = 40, 70


def pixels_of(dtype: str, samples: int, depth: int = 1) -> NDArray[np.generic]:
    """Return pixels (depth, rows, width, samples), none of which are alike for long."""
    count = depth * ROWS * WIDTH * samples
    return np.arange(count).astype(dtype).reshape(depth, ROWS, WIDTH, samples)


@pytest.fixture(params=["kernel", "NumPy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a kernel that is loaded, or one that never is."""
    for item_bytes in (1, 2):
        for samples in (2, 3, 4):
            if request.param == "kernel":
                find_splitter(item_bytes, samples).load()
            else:
                monkeypatch.setattr(find_splitter(item_bytes, samples), "loaded", None)
    if request.param == "NumPy":
        monkeypatch.setattr(SampleSplitter, "try_load", lambda _: None)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint16", ">u2", "float16", "float32"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("depth", [1, 2])
def test_planes_get_the_samples_and_nothing_beside_them(dtype: str, samples: int, depth: int) -> None:
    pixels = pixels_of(dtype, samples, depth)
    whole = np.zeros((depth, samples, ROWS + 3, WIDTH + 5), dtype)
    out = whole[:, :, 1 : ROWS + 1, 2 : WIDTH + 2]
    copy_samples(pixels, out.transpose(0, 2, 3, 1))
    assert (out == pixels.transpose(0, 3, 1, 2)).all()
    out[...] = 0
    assert not whole.any()


@pytest.mark.usefixtures("way")
def test_pixels_are_copied_wherever_they_are() -> None:
    pixels = pixels_of("uint8", 3)[0]
    assert pixels.size > MIN_ITEMS
    for source in (pixels, pixels[:, ::-1], pixels[1:, 5:]):
        for out in (np.zeros(source.shape, "uint8"), np.zeros(source.shape[::-1], "uint8").T):
            copy_samples(source, out)
            assert (out == source).all()
    backwards = np.zeros((3, ROWS, WIDTH), "uint8")[:, ::-1].transpose(1, 2, 0)
    copy_samples(pixels, backwards)
    assert (backwards == pixels).all()


@pytest.mark.usefixtures("way")
def test_memory_that_is_shared_or_only_read_is_left_to_numpy() -> None:
    memory = np.arange(64 * 64 * 3).astype("uint8")
    pixels = memory.reshape(64, 64, 3).copy()
    out = memory.reshape(3, 64, 64).transpose(1, 2, 0)
    copy_samples(memory.reshape(64, 64, 3), out)
    assert (out == pixels).all()
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        copy_samples(pixels, out)
    pairs = np.zeros(pixels.size * 2 + 1, "uint8")[1:].view("S2").reshape(3, 64, 64).transpose(1, 2, 0)
    copy_samples(pixels.astype("S2"), pairs)
    assert (pairs == pixels.astype("S2")).all()


def test_the_kernel_is_taken_for_rgb_in_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    splitter = find_splitter(1, 3)
    splitter.load()
    monkeypatch.setattr(splitter, "loaded", lambda *given: calls.append(given))
    pixels = pixels_of("uint8", 3)[0]
    copy_samples(pixels, np.zeros((3, ROWS, WIDTH), "uint8").transpose(1, 2, 0))
    copy_samples(pixels, np.zeros_like(pixels))
    assert len(calls) == 1
