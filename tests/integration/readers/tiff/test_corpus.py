"""Every real TIFF at hand reads as tifffile reads it, and what tifffile cannot read is refused with a sentence."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import random_boxes, read
from tests.support.corpus import DAMAGED_LEAST, READABLE_LEAST, as_tifffile_reads, tiffs
from tests.support.paths import TIFFS


@dataclass
class AttemptFailure:
    """Whether a file was read, and what was wrong with it; empty where nothing was."""

    readable: bool
    complaint: str


def examine(path: Path) -> AttemptFailure:
    expected = as_tifffile_reads(path)
    try:
        source = open_source(path, Options())
        whole = read(source)
    except SourceError as error:
        told = str(path) in str(error)
        complaint = f"refused: {error}" if expected is not None else "" if told else f"no place: {error}"
        return AttemptFailure(expected is not None, complaint)
    if expected is None:
        return AttemptFailure(False, "read, though tifffile cannot")
    if source.spec.dtype != expected.dtype.name or not np.array_equal(
        whole, expected, equal_nan=whole.dtype.kind == "f"
    ):
        return AttemptFailure(True, f"{source.spec.dtype} {whole.shape} differs from {expected.dtype} {expected.shape}")
    wrong = [
        box
        for box in random_boxes(expected.shape, 4)[1:]
        if not np.array_equal(read(source, box), expected[box.slices], equal_nan=whole.dtype.kind == "f")
    ]
    return AttemptFailure(True, f"wrong in {wrong}" if wrong else "")


def test_every_tiff_reads_as_tifffile_reads_it_or_is_refused() -> None:
    verdicts = {path: examine(path) for path in tiffs()}
    complaints = {str(path): verdict.complaint for path, verdict in verdicts.items() if verdict.complaint}
    assert complaints == {}
    assert sum(verdict.readable for verdict in verdicts.values()) >= READABLE_LEAST
    assert sum(not verdict.readable for verdict in verdicts.values()) >= DAMAGED_LEAST


FUZZED = [
    "image-tiff/images/predictor-3-rgb-f32.tif",
    "image-tiff/images/tiled-jpeg-ycbcr.tif",
    "image-tiff/seq/seq-1c-8b-tiled-lzw-20f3db0c.tiff",
    "image-tiff/seq/seq-1c-8b-multistrip-20f3db0c.tiff",
    "image-tiff/seq/seq-1c-8b-multipage-adeefdcc.tiff",
    "image-tiff/bigtiff/BigTIFF.tif",
    "ome-files/2010-06-18x24y5z1t2c8b-text.ome.tiff",
    "scikit-image/_blobs_3d_fiji_skeleton.tif",
]


def read_damaged(data: bytes, folder: Path) -> NDArray[Any] | None:
    """The pixels of a damaged file, None where it is refused. Anything else that is raised is a failure."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tif") as file:
        file.write(data)
        file.flush()
        try:
            source = open_source(file.name, Options())
            if np.prod(source.spec.shape, dtype=float) > 1e7:
                return None  # a size that nobody asks for at once; opening it cost nothing
            return read(source)
        except SourceError:
            return None


@pytest.mark.parametrize("name", FUZZED)
def test_a_tiff_that_was_cut_short_gives_the_right_pixels_or_is_refused(name: str, tmp_path: Path) -> None:
    data = (TIFFS / name).read_bytes()
    whole = read_damaged(data, tmp_path)
    chance = random.Random(0)
    refused = 0
    for length in [0, 3, 4, 8, 9, len(data) // 2, len(data) - 1, *(chance.randrange(len(data)) for _ in range(20))]:
        pixels = read_damaged(data[:length], tmp_path)
        refused += pixels is None
        if pixels is not None and whole is not None and pixels.shape == whole.shape:
            np.testing.assert_array_equal(pixels, whole)
    assert refused >= 5  # at the least where the header itself is cut


@pytest.mark.parametrize("name", FUZZED)
def test_a_tiff_with_wrong_bytes_is_read_or_refused_but_never_breaks(name: str, tmp_path: Path) -> None:
    data = (TIFFS / name).read_bytes()
    chance = random.Random(1)
    outcomes = []
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
        outcomes.append(read_damaged(bytes(broken), tmp_path))
    assert all(pixels is None or pixels.size for pixels in outcomes)
