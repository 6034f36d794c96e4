"""An image as a vendor's file stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.file import SourceFile
from pyramid.readers.tiff.description import Description


class StoredImage(Protocol):
    """One image of a file, found without reading its pixels.

    Its dimensions are named by the letters of tifffile: T, C, Z, Y, X, S for the samples of a pixel, and others, which
    `pyramid.readers.tiff.axes` has. Those of one pixel are left out, except Y and X.
    """

    @property
    def name(self) -> str:
        """Name of the image in its file; empty if it has none."""
        ...

    @property
    def axes(self) -> str:
        """A letter for each dimension, the slowest first."""
        ...

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        ...

    @property
    def dtype(self) -> np.dtype[Any] | str:
        """Dtype of the pixels in the file, or words for an image that cannot be read."""
        ...

    @property
    def chunks(self) -> Shape:
        """Pixels on each dimension that are decoded at once; 1 if it can be cut anywhere."""
        ...

    def describe(self) -> Description:
        """Return what the file says of the image.

        Raises
        ------
        SourceError
            If the image cannot be read: its pixels are encoded in a way that is not known, or are not in the file.
        """
        ...

    def read(self, file: SourceFile, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the region `box` of the image's dimensions.

        Parameters
        ----------
        file
            The file of the image.
        box
            Region, on the dimensions of `axes`.
        out
            Memory of its shape and of the dtype in native byte order; it may be strided.

        Raises
        ------
        SourceError, EOFError
            If pixels cannot be read.
        """
        ...


@dataclass(frozen=True)
class UnreadableImage:
    """An image that is listed with those of its file, and cannot be read.

    Parameters
    ----------
    name, reason
        Its name in the file, and the error that choosing it raises.
    """

    name: str
    reason: SourceError
    axes: str = "?"
    shape: Shape = ()
    dtype: str = "cannot be read"
    chunks: Shape = ()

    def describe(self) -> NoReturn:
        """Raise the reason."""
        raise SourceError(str(self.reason)) from self.reason

    def read(self, file: SourceFile, box: Box, out: NDArray[Any]) -> NoReturn:
        """Raise the reason."""
        del file, box, out
        self.describe()
