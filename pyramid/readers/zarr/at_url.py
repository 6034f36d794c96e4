"""The Zarr at a path or URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.decoding import ArrayReader, stored_array
from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.planning.passes import READS_BACK
from pyramid.readers.zarr.found import FoundArray, reason
from pyramid.stores.readable import Readable


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
            if stored is None and node.zarr_format == "n5":
                raise SourceError("it has no pixels, or a compression that is not known here")
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
            stored.chunks if stored.shards else (),
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
        address = ArrayAddress(path, 2 if self.root.zarr_format == 2 else 3, store)
        return of_zarr(open_address(address), address)
