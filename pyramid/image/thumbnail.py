"""The small picture that a conversion writes next to the levels of an image."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyramid.errors import SourceError
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.documents import group_documents
from pyramid.image.image import Image
from pyramid.image.picture import as_png
from pyramid.image.reader import Reader
from pyramid.manifests.entry import Entry
from pyramid.model import StoreFormat
from pyramid.ngff.thumbnails import THUMBNAIL_KEY, make_thumbnails
from pyramid.stores import Objects, Readable, locate, open_objects
from pyramid.stores.objects import ByteSink

# The place of the width and the height in a PNG.
_SIZE_AT = 16


def write_thumbnail(
    url: str,
    options: Mapping[str, Any] | None,
    zarr_format: StoreFormat,
    attributes: Mapping[str, Any],
    take: Callable[[Iterable[Entry]], object] | None,
) -> dict[str, Any]:
    """Write the picture of an image whose attributes are not yet written.

    Parameters
    ----------
    url, options
        The path or URL of the image, and its storage options.
    zarr_format
        The format of its group.
    attributes
        The attributes that its group will have.
    take
        Takes the entry of the picture for a manifest; None if there is none.

    Returns
    -------
    dict
        Further attributes of the group. They are empty, with a notice, if no level is small enough.
    """
    objects = open_objects(url, options)
    pending = _Pending(objects, group_documents(zarr_format, attributes))
    try:
        image = Reader(locate(url), url, options, pending).read("")
        assert isinstance(image, Image), "the attributes are those of an image"
        picture = as_png(image)
    except SourceError as error:
        give_notices((f"no thumbnail is written: {error}",), url)
        return {}
    objects.put(THUMBNAIL_KEY, picture)
    if take is not None:
        take([Entry(THUMBNAIL_KEY, len(picture), hashlib.sha256(picture).hexdigest())])
    return make_thumbnails(*struct.unpack_from(">2I", picture, _SIZE_AT))


class _Pending(Readable):
    """The objects of an image with the documents that its group will have."""

    def __init__(self, objects: Objects, documents: Mapping[str, bytes]) -> None:
        super().__init__(objects)
        self._documents = documents

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Fetch an object, or a document that is not yet written."""
        body = self._documents.get(key)
        if body is None:
            return super().fetch(key, into, expected_bytes)
        into.restart()
        into.write(body)
        return len(body)
