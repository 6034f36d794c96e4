"""The group ``OME`` next to images: the OME-XML of their source, and their paths."""

from __future__ import annotations

from collections.abc import Sequence

from pyramid.hierarchy.documents import group_documents
from pyramid.model import Source
from pyramid.ngff.version import Version
from pyramid.ngff.writing_groups import series_attributes

GROUP = "OME"
# The key of the XML, as other programs look for it.
XML_KEY = f"{GROUP}/METADATA.ome.xml"


def ome_xml_of(source: Source, *, every_image: bool = False) -> bytes | None:
    """Return the OME-XML of a source as it is stored next to it; None if it has none."""
    read = getattr(source, "ome_xml", None)
    found: bytes | None = None if read is None else read(every_image=every_image)
    return found


def ome_documents(version: Version, xml: bytes | None, series: Sequence[str] | None = None) -> dict[str, bytes]:
    """Return key and body of each object of the group.

    Parameters
    ----------
    version
        Of the images.
    xml
        The OME-XML; None if there is none.
    series
        The paths of several images next to the group; None for the single image that the group is in.

    Returns
    -------
    dict
        Empty if there is nothing to keep.
    """
    if xml is None and series is None:
        return {}
    attributes = {} if series is None else series_attributes(version, series)
    found = {f"{GROUP}/{key}": body for key, body in group_documents(version.zarr_format, attributes).items()}
    return found if xml is None else {XML_KEY: xml, **found}
