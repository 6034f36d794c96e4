"""Attributes of an image that a conversion leaves out.

They are those beyond the size and place of its pixels and its channels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pyramid.errors import list_some, short_repr
from pyramid.ngff.metadata import Attributes, ome_content
from pyramid.ngff.values import index, list_or_empty, mapping_or_empty, mappings
from pyramid.ngff.version import first_image

# The most places that a notice names: more would hide the rest.
MAX_NAMED = 8
# The most channels that are looked at: metadata comes from anyone.
MAX_CHANNELS = 1000
# Keys of a group and of ``ome`` that are read or replaced.
ROOT_KEYS = frozenset({"multiscales", "omero", "_creator", "ome"})
_OME = frozenset({"version", "multiscales", "omero", "_creator"})
# Keys of an image that are read or replaced. The method of its levels is replaced by that of the conversion.
_MULTISCALE = frozenset(
    {"name", "axes", "datasets", "coordinateTransformations", "coordinateSystems", "type", "metadata", "version"}
)
_CHANNEL = frozenset({"label", "color", "inverted", "window", "active", "family", "coefficient", "id"})
# How all channels are shown that are written here; anything else is lost.
_SHOWN_LINEARLY = {"family": ("linear",), "coefficient": (1,)}
_OMERO = frozenset({"id", "name", "version", "channels", "rdefs"})
# Keys of an array that are read: the names of its dimensions.
ARRAY_KEYS = frozenset({"_ARRAY_DIMENSIONS"})


def left_out(attributes: Attributes, middle_z: int = 0) -> Iterator[str]:
    """Yield the places in an image's attributes that a conversion leaves out.

    Attributes of others, next to those of OME-Zarr, are not among them: they are carried over.

    Parameters
    ----------
    attributes
        The attributes of the image's group, as anyone wrote them.
    middle_z
        The plane that viewers show at first after a conversion.

    Examples
    --------
    >>> list(left_out({"multiscales": [{"axes": [], "history": {}}, {}], "spatialdata_attrs": {}}))
    ['multiscales[0].history', 'multiscales[1]']
    """
    content, prefix = ome_content(attributes)
    yield from beyond(first_image(content), _MULTISCALE, f"{prefix}multiscales[0].")
    count = len(list_or_empty(content.get("multiscales")))
    if count > 1:
        yield f"{prefix}multiscales[1]" if count == 2 else f"{prefix}multiscales[1] to [{count - 1}]"
    omero = mapping_or_empty(content.get("omero"))
    yield from beyond(omero, _OMERO, f"{prefix}omero.")
    yield from _left_out_of_channels(omero.get("channels"), f"{prefix}omero.channels[].")
    shown_first = mapping_or_empty(omero.get("rdefs"))
    if index(shown_first.get("defaultZ")) not in (None, 0, middle_z):
        yield f"{prefix}omero.rdefs.defaultZ"
    if index(shown_first.get("defaultT")) not in (None, 0):
        yield f"{prefix}omero.rdefs.defaultT"
    if prefix:
        yield from beyond(content, _OME, prefix)


def _left_out_of_channels(channels: object, prefix: str) -> Iterator[str]:
    """Yield each key of channels that is lost, once."""
    known = mappings(channels) if len(list_or_empty(channels)) <= MAX_CHANNELS else []
    yield from dict.fromkeys(key for channel in known for key in beyond(channel, _CHANNEL, prefix))
    for key, usual in _SHOWN_LINEARLY.items():
        if any(channel.get(key) not in (None, *usual) for channel in known):
            yield f"{prefix}{key}"


def beyond(holder: Attributes, known: Collection[str], prefix: str = "") -> Iterator[str]:
    """Yield the keys of an object that are not `known`, each as a place."""
    for key in holder:
        if key not in known:
            yield f"{prefix}{short_repr(key)[1:-1]}"


def describe_left_out(places: list[str]) -> Iterator[str]:
    """Yield one notice that names the places left out, or none if nothing is."""
    if places:
        yield f"not carried over from the source: {list_some(places, MAX_NAMED)}"
