"""An array of a Zarr: what its document says, and what reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader, stored_array
from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.model import Box, Shape
from pyramid.planning.passes import READS_BACK
from pyramid.stores.readable import Readable

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
    """

    shape: Shape
    dtype: np.dtype[Any]
    object_shape: Shape
    attributes: Mapping[str, Any]
    dimension_names: object
    pixels: PixelReader
    chunks_at_once: int = 1


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The Zarr at a URL.

    Parameters
    ----------
    url, options
        The URL, and its storage options.
    root
        The node at the URL.
    objects
        The objects there.
    """

    url: str
    options: Mapping[str, Any] | None
    root: Node
    objects: Readable

    def find(self, path: str) -> FoundArray:
        """Open the array at a path, with one request for Zarr 3 and two for Zarr 2.

        Raises
        ------
        SourceError
            If it cannot be opened.
        """
        try:
            node = self._node(path)
            stored = stored_array(node)
            if stored is None:
                return self._by_library(path)
        except Exception as error:  # stores and codecs raise their own kinds
            level = f": its largest level {short_repr(path)}" if path else ""
            raise SourceError(
                f"{self.objects.location}{level} cannot be opened as Zarr: {reason(error)}; check that it is complete"
            ) from error
        names = (node.array or {}).get("dimension_names") if node.zarr_format == 3 else None
        reads = 1 if self.objects.location.is_local else READS_BACK
        return FoundArray(
            stored.shape,
            stored.dtype.to_numpy(),
            stored.object_shape,
            node.attributes,
            names,
            ArrayReader(self.objects, self.objects, stored),
            reads,
        )

    def _node(self, path: str) -> Node:
        node = self.root if not path else read_node(self.objects, path, self.root.zarr_format, "array")
        if node is None or node.array is None:
            raise SourceError("no array is there")
        return node

    def _by_library(self, path: str) -> FoundArray:
        from pyramid.readers.zarr.library import ArrayAddress, of_zarr, open_address  # noqa: PLC0415  (0.6 s of zarr)
        from pyramid.stores import open_source_store  # noqa: PLC0415  (as above)

        store = open_source_store(self.url, self.options)
        address = ArrayAddress(path, self.root.zarr_format, store)
        return of_zarr(open_address(address), address)


def reason(error: Exception) -> str:
    """Return the text of an error, cut to `MAX_REASON_CHARACTERS`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 3]}..."
