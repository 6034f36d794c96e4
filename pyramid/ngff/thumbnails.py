"""Small pictures of a node, by the Zarr convention ``thumbnails``.

The source is https://github.com/zarr-conventions/thumbnails, a proposal. The attributes are those of the group itself,
and not under ``ome``.
"""

from __future__ import annotations

from typing import Any

from pyramid.errors import SourceError
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import check_path, list_or_empty, mappings

# The key of the picture that is written here, below the image.
THUMBNAIL_KEY = "thumbnails/thumbnail.png"
# The most pictures of one node that are looked at: metadata comes from anyone.
MAX_THUMBNAILS = 100

_SCHEMA = "https://raw.githubusercontent.com/zarr-conventions/thumbnails/refs/tags/v1/schema.json"
_CONVENTION = {
    "schema_url": _SCHEMA,
    "spec_url": "https://github.com/zarr-conventions/thumbnails/blob/v1/README.md",
    "uuid": "49326c01-1180-4743-b15f-f7157038a6ab",
    "name": "thumbnails",
    "description": "Metadata for thumbnails representing Zarr data",
}


def make_thumbnails(width_px: int, height_px: int) -> dict[str, Any]:
    """Return the attributes of a group that has a picture at `THUMBNAIL_KEY`."""
    picture = {"width": width_px, "height": height_px, "media_type": "image/png", "uri": THUMBNAIL_KEY}
    return {"zarr_conventions": [dict(_CONVENTION)], "thumbnails": [picture]}


def thumbnail_keys(attributes: Attributes) -> tuple[str, ...]:
    """Return the keys of pictures that a node names, relative to it.

    Those that are at URLs, in the metadata itself, or outside of the node are left out.

    Examples
    --------
    >>> thumbnail_keys({"thumbnails": [{"uri": "thumbnails/a.png"}, {"uri": "../b.png"}, {"uri": "data:,x"}]})
    ('thumbnails/a.png',)
    """
    found = mappings(list_or_empty(attributes.get("thumbnails"))[:MAX_THUMBNAILS])
    uris = dict.fromkeys(uri for item in found if isinstance(uri := item.get("uri"), str) and ":" not in uri)
    return tuple(uri for uri in uris if uri and _is_key(uri))


def _is_key(uri: str) -> bool:
    try:
        return check_path(uri) == uri
    except SourceError:
        return False
