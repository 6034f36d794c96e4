"""N5 is what tensorstore and z5py take it for, whatever the shape, the block, the dtype and the compression."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import pyramid
from pyramid.errors import PyramidWarning
from pyramid.writing.codecs import CODECS
from tests.support.n5 import DTYPES, TENSORSTORE, Z5PY, by_tensorstore, by_us, by_z5py, write_tensorstore, write_z5py

AXES = ("yx", "zyx", "czyx", "tczyx")


@st.composite
def images(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    """Pixels, and the shape of a chunk."""
    ndim = draw(st.integers(2, 5))
    shape = tuple(draw(st.integers(1, 5)) for _ in range(ndim - 2)) + tuple(draw(st.integers(1, 40)) for _ in "yx")
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    chunks = tuple(max(c, -(-n // 8)) for c, n in zip(chunks, shape, strict=True))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    raw = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(0, 100, shape)
    return raw.astype(dtype), chunks


@given(images(), st.sampled_from(list(CODECS)), st.booleans())
def test_what_is_written_is_read_alike(
    image: tuple[np.ndarray[Any, Any], tuple[int, ...]], codec: str, skip_empty: bool
) -> None:
    pixels, chunks = image
    axes = AXES[pixels.ndim - 2]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", PyramidWarning)
        target = Path(folder, "a.n5")
        pyramid.convert(
            pixels,
            target,
            axes=axes,
            chunks=dict(zip(axes, chunks, strict=True)),
            codec=codec,
            levels=2,
            method="max",
            skip_empty=skip_empty,
            workers=1,
        )
        for name in sorted(path.name for path in target.glob("s*")):
            own = by_us(target / name)
            assert np.array_equal(by_tensorstore(target / name), own)
            if codec != "zstd" and codec != "blosc:zstd":
                assert np.array_equal(by_z5py(target / name), own)
        assert np.array_equal(by_us(target / "s0"), pixels)


@given(images(), st.sampled_from(TENSORSTORE))
def test_what_tensorstore_writes_is_read(
    image: tuple[np.ndarray[Any, Any], tuple[int, ...]], compression: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_tensorstore(Path(folder, "a"), *image, compression)
        assert np.array_equal(by_us(Path(folder, "a")), image[0])


@given(images(), st.sampled_from(Z5PY))
def test_what_z5py_writes_is_read(image: tuple[np.ndarray[Any, Any], tuple[int, ...]], compression: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_z5py(Path(folder, "b.n5", "a"), *image, compression)
        assert np.array_equal(by_us(Path(folder, "b.n5", "a")), image[0])
