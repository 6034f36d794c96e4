"""Damaged files of vendors: a sentence, or pixels of the announced shape, and never anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyramid.errors import PyramidError
from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.vendors.czi import stack, write_czi
from tests.support.vendors.lif import Image, write_lif
from tests.support.vendors.nd2 import depth_loop, time_loop, write_nd2

FILES = 60  # damaged ones of each kind
MAX_READ_PX = 10**6  # a damaged file may claim more, which would only take time
PIXELS = np.random.default_rng(5).integers(0, 4000, (2, 3, 20, 31)).astype("u2")


def write(folder: Path, kind: str) -> bytes:
    if kind == "czi":
        path = write_czi(folder / "a.czi", stack((2, 3, 9, 8), "TZ", compression=6))
    elif kind == "lif":
        path = write_lif(folder / "a.lif", [Image("a", PIXELS, "CZYX")])
    else:
        path = write_nd2(folder / "a.nd2", PIXELS.reshape(6, 20, 31, 1), [time_loop(2, 1.0), depth_loop(3, 1.0)])
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["czi", "lif", "nd2"])
def test_damaged_files_end_in_a_sentence(kind: str, tmp_path: Path) -> None:
    whole, chance = write(tmp_path, kind), np.random.default_rng(1)
    sentences = []
    for number in range(FILES):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[int(chance.integers(len(data))) :]
        else:
            for place in chance.integers(0, len(data), 1 + 20 * (number % 3)):
                data[place] = chance.integers(256)
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(data)
        try:
            source = open_source(path, Options(series=0))
            first = Box((0,) * len(source.spec.shape), tuple(min(n, 64) for n in source.spec.shape))
            if first.size_px <= MAX_READ_PX:
                assert read(source, first).shape == first.shape
        except PyramidError as error:
            sentences.append(str(error))
    assert len(sentences) > FILES / 4
    assert [sentence for sentence in sentences if "\n" in sentence] == []
