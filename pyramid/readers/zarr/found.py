"""An array of a Zarr: what its document says, and what reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, Shape

MAX_REASON_CHARACTERS = 300  # of another library's error, which may quote a whole document


class PixelReader(Protocol):
    """Reads regions of an array, in the order of its own dimensions.

    It pickles small.
    """

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        `out` may be strided, or of the other byte order.
        """
        ...


@dataclass(frozen=True, slots=True)
class FoundArray:
    """An array that is opened.

    Parameters
    ----------
    shape, dtype
        Those of its pixels.
    object_shape
        Pixels of one of its objects: a shard, or a chunk where there are no shards.
    attributes
        Its attributes.
    dimension_names
        As the document gives them, so perhaps not a list; None where it gives none.
    pixels
        The reader of its pixels.
    chunks_at_once
        Number of objects that one reading decodes at a time.
    inner_chunks
        Pixels of a chunk of a shard; empty where there are no shards.
    """

    shape: Shape
    dtype: np.dtype[Any]
    object_shape: Shape
    attributes: Mapping[str, Any]
    dimension_names: object
    pixels: PixelReader
    chunks_at_once: int = 1
    inner_chunks: Shape = ()


def reason(error: Exception) -> str:
    """Return the text of an error, cut to `MAX_REASON_CHARACTERS`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 3]}..."
