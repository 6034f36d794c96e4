"""Sizes, channels and places in the XML of a LIF."""

from __future__ import annotations

from pyramid.model import Channel
from pyramid.readers.tiff.description import Description, number, positive
from pyramid.readers.tiff.microscopes import micrometers
from pyramid.readers.vendors.lif.structure import Dimension, StoredChannel, Structure
from pyramid.readers.vendors.xml_tree import Element

UM = "micrometer"
# Colours of Leica's lookup tables, by their names in small letters.
COLORS = {
    "red": "FF0000",
    "green": "00FF00",
    "blue": "0000FF",
    "cyan": "00FFFF",
    "magenta": "FF00FF",
    "yellow": "FFFF00",
    "gray": "FFFFFF",
    "grey": "FFFFFF",
}
SPACE = "xyz"


def describe_image(image: Element, structure: Structure, tile: int | None) -> Description:
    """Return what the XML says of an image.

    Parameters
    ----------
    image, structure
        The element of the image, and its dimensions and channels.
    tile
        The number of a tile of a mosaic; None for an image that is not one.
    """
    found = Description(notices=list(structure.notices))
    for dimension in structure.dimensions:
        _measure(found, dimension)
    found.channels = tuple(_channel(each) for each in structure.channels)
    attachments = [each for each in image.find_all("Data/Image/Attachment") if each.get("Name") == "TileScanInfo"]
    tiles = [each for attachment in attachments for each in attachment.find_all("Tile")]
    if tile is not None and tile < len(tiles):
        for axis in SPACE:
            found.place(axis, micrometers(tiles[tile].get(f"Pos{axis.upper()}")), UM)
    for attachment in image.find_all("Data/Image/Attachment"):
        setting = next((each for each in attachment.children if each.get("ObjectiveName")), None)
        if setting is not None:
            found.tell("objective", setting.get("ObjectiveName"))
            break
    return found


def _measure(found: Description, dimension: Dimension) -> None:
    """Note the size of a pixel: the length between the outer centres, by its steps."""
    length, axis = number(dimension.element.get("Length")), dimension.letter.lower()
    if not length or dimension.count < 2 or axis not in (*SPACE, "t"):
        return
    step, unit = abs(length) / (dimension.count - 1), dimension.element.get("Unit")
    if axis == "t":
        found.measure("t", step, unit or "s", "the length of t in the LIF")
    elif unit == "m":
        found.measure(axis, micrometers(step), UM, f"the length of {axis} in the LIF")
    else:
        found.measure(axis, step, unit, f"the length of {axis} in the LIF")


def _channel(channel: StoredChannel) -> Channel:
    properties = {each.value("Key"): each.value("Value") for each in channel.element.find_all("ChannelProperty")}
    table = channel.element.get("LUTName")
    emission = positive(properties.get("EmissionWavelength"))
    return Channel(
        name=properties.get("DyeName") or table or None,
        color=COLORS.get(table.lower()),
        dye=properties.get("DyeName") or None,
        emission_nm=emission,
    )
