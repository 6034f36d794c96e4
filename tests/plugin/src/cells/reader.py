"""A ``.cells`` file: a line of three extents (z, y, x), then the pixels as little-endian uint16."""

from dataclasses import dataclass

import numpy as np

from pyramid.plugin import Box, SourceError, SourceSpec


@dataclass(frozen=True)
class CellsSource:
    spec: SourceSpec
    offset: int

    def read(self, box: Box, out: np.ndarray) -> None:
        pixels = np.memmap(self.spec.location, "<u2", "r", self.offset, self.spec.shape)
        out[...] = pixels[box.slices]


def open_cells(source, options):
    if not str(source).endswith(".cells"):
        return None
    with open(source, "rb") as file:
        line = file.readline(100)
        try:
            shape = tuple(int(extent) for extent in line.split())
        except ValueError:
            raise SourceError(f"{source}: its first line has no three extents; save it again") from None
        spec = SourceSpec("zyx", shape, "uint16", (1, *shape[1:]), (None,) * 3, (None,) * 3, location=str(source))
        return CellsSource(spec, file.tell())


open_cells.priority = 10  # before every other reader
