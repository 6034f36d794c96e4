"""Arrays that a file stores without compression, read by region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files.file import SourceFile
from pyramid.readers.files.raw_array import FlatArray, flat_spans, read_flat


@dataclass(frozen=True, slots=True)
class FlatSource:
    """An array in a file, such as a ``.npy``.

    Parameters
    ----------
    spec
        What is known before a pixel is read.
    file, offset
        The file as it was when it was opened, and the byte at which its pixels begin.
    dtype
        The dtype of the pixels in the file, as NumPy writes it, with its byte order.
    order
        The axis of each of the file's dimensions, the fastest last.
    """

    spec: SourceSpec
    file: SourceFile
    offset: int
    dtype: str
    order: AxisOrder

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the file."""
        return {"file": self.file.fingerprint()}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If the file cannot be read, or ends before those pixels.
        """
        array = FlatArray(self.offset, self.order.shape, np.dtype(self.dtype))
        pieces = list(self.order.pieces(box, out))
        spans = (span for part, view in pieces for span in flat_spans(array, part.start, view))
        try:
            with self.file.reading(spans) as files:
                for part, view in pieces:
                    read_flat(files[str(self.file)], array, part.start, view)
        except SourceError:
            raise
        except (OSError, EOFError) as error:
            raise SourceError(f"{self.file} cannot be read: {error}; copy it again from where it came from") from error
