"""Files that bioio reads: with a reader that is installed, and without."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from pyramid.errors import OptionError, SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.bioio import open_bioio
from pyramid.testing.sources import random_boxes, read
from tests.support.vendors.lif import Image, write_lif

PIXELS = np.random.default_rng(5).integers(0, 4000, (2, 3, 20, 31)).astype("u2")
LENGTHS = {"X": (30 * 2e-7, "m"), "Y": (19 * 4e-7, "m"), "Z": (2 * 1.5e-6, "m")}
IMAGES = [Image("first", PIXELS[0, 0], "YX"), Image("second", PIXELS, "CZYX", LENGTHS)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_lif(tmp_path / "a.lif", IMAGES)


def test_a_scene_is_read_as_its_own_reader_reads_it(path: Path) -> None:
    source = open_bioio(path, Options(series=1))
    assert source is not None
    spec = source.spec
    assert (spec.axes, spec.shape, spec.dtype) == ("czyx", PIXELS.shape, "uint16")
    assert spec.scale[1:] == pytest.approx((1.5, 0.4, 0.2))
    assert spec.units[1:] == ("micrometer",) * 3
    assert len(spec.channels) == 2
    assert "it is read by bioio, with bioio_lif" in spec.notices
    again = pickle.loads(pickle.dumps(source))
    ours = open_source(path, Options(series=1))
    for box in random_boxes(PIXELS.shape, 5):
        np.testing.assert_array_equal(read(again, box), PIXELS[box.slices])
        np.testing.assert_array_equal(read(ours, box), PIXELS[box.slices])


def test_scenes_are_listed_and_chosen(path: Path) -> None:
    with pytest.raises(SourceError, match="holds 2 images; choose one with series=N"):
        open_bioio(path, Options())
    with pytest.raises(OptionError, match="has no image 7"):
        open_bioio(path, Options(series=7))


@pytest.mark.parametrize(
    ("name", "command"), [("a.oib", "pip install bioio bioio-bioformats"), ("a.dv", "pip install bioio bioio-dv")]
)
def test_a_missing_reader_is_named_with_the_command(
    name: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"\x93\x00\x17\xfe")
    with pytest.raises(SourceError, match=command):
        open_source(tmp_path / name, Options())
    monkeypatch.setattr("pyramid.readers.bioio._is_installed", lambda: False)
    with pytest.raises(SourceError, match=command):
        open_source(tmp_path / name, Options())


def test_a_file_that_no_reader_knows_is_not_bioios(tmp_path: Path) -> None:
    (tmp_path / "a.unknown").write_bytes(b"\x93\x00\x17\xfe")
    assert open_bioio(tmp_path / "a.unknown", Options()) is None
    assert open_bioio(tmp_path, Options()) is None
    assert open_bioio(np.zeros((3, 4)), Options()) is None
