"""Tests that every reader and every downsampling method must pass.

The tests of a plug-in inherit them. They need pytest.

Examples
--------
A reader's test makes a source, and the array that it must hold::

    class TestCells(SourceContract):
        @pytest.fixture
        def expected(self):
            return np.arange(24, dtype="uint16").reshape(2, 3, 4)

        @pytest.fixture
        def source(self, expected, tmp_path):
            write_cells(tmp_path / "a.cells", expected)
            return open_cells(tmp_path / "a.cells", Options())
"""

from pyramid.testing.methods import MethodContract
from pyramid.testing.sources import SourceContract

__all__ = ["MethodContract", "SourceContract"]
