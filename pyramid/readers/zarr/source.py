"""A Zarr array as a `Source`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.readers.axes import AxisOrder
from pyramid.readers.zarr.found import PixelReader, reason


@dataclass(frozen=True, slots=True, eq=False)
class ZarrSource:
    """A Zarr array.

    Parameters
    ----------
    spec, order
        What is known before a chunk is read, and the axis of each of the array's dimensions.
    pixels
        The reader of its pixels. For a path or URL, it pickles as an address, with the options that are not secret.
    """

    spec: SourceSpec
    order: AxisOrder
    pixels: PixelReader

    def fingerprint(self) -> dict[str, Any]:
        """Return what its reader knows of the stored array."""
        own = getattr(self.pixels, "fingerprint", None)
        return {} if own is None else dict(own())

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            For a chunk that cannot be read.
        """
        for part, view in self.order.pieces(box, out):
            try:
                self.pixels.read(part, view)
            except Exception as error:  # a codec may raise anything over a damaged chunk
                raise SourceError(
                    f"{self.spec.location or 'the Zarr array'}: the region from {part.start} to {part.stop} cannot be "
                    f"read: {reason(error)}; a chunk is damaged, or the store is out of reach"
                ) from error
