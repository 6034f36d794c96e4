"""The plug-in's own tests: those that the package ships, inherited."""

import numpy as np
import pytest
from cells.method import last
from cells.reader import open_cells

import pyramid
from pyramid.plugin import Options
from pyramid.testing import MethodContract, SourceContract

PIXELS = np.arange(5 * 60 * 70, dtype="uint16").reshape(5, 60, 70)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.cells"
    path.write_bytes(b"5 60 70\n" + PIXELS.astype("<u2").tobytes())
    return path


class TestCells(SourceContract):
    @pytest.fixture
    def expected(self):
        return PIXELS

    @pytest.fixture
    def source(self, file):
        return open_cells(file, Options())


class TestLast(MethodContract):
    @pytest.fixture
    def method(self):
        return last


def test_both_are_found_by_their_entry_points(file, tmp_path):
    image = pyramid.convert(file, tmp_path / "a.ome.zarr", method="last", scale_factors="y=2,x=2", levels=2)
    np.testing.assert_array_equal(image.levels[0].data, PIXELS)
    np.testing.assert_array_equal(image.levels[1].data, PIXELS[:, 1::2, 1::2])


def test_a_file_without_extents_is_refused(tmp_path):
    (tmp_path / "b.cells").write_bytes(b"none\n")
    with pytest.raises(pyramid.SourceError, match="no three extents"):
        pyramid.plan(tmp_path / "b.cells")
