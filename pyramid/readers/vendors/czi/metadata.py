"""The XML of a CZI: sizes, channels, scenes, times and the objective.

Lengths of pixels are in meters, places of the stage in micrometers, and times in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyramid.model import Channel
from pyramid.readers.files.file import SourceFile
from pyramid.readers.tiff.description import Description, number, positive
from pyramid.readers.tiff.microscopes import micrometers
from pyramid.readers.vendors.xml_tree import Element, parse_tree

UM = "micrometer"
IMAGE = "ImageDocument/Metadata/Information/Image"
# Channels of the samples of a pixel.
SAMPLES = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"), Channel("alpha"))


class Document:
    """The XML of a file, parsed when it is first needed.

    Parameters
    ----------
    xml, file
        The XML, empty if the file has none, and the file, for errors.
    """

    def __init__(self, xml: str, file: SourceFile) -> None:
        self._root = parse_tree(xml, file) if xml else Element()
        self.metadata = self._root.find("ImageDocument/Metadata")
        self.image = self._root.find(IMAGE)

    def scene(self, index: int) -> Element:
        """Return the element of a scene; an empty one if there is none."""
        scenes = self.image.find_all("Dimensions/S/Scenes/Scene")
        return next((each for each in scenes if each.get("Index") == str(index)), Element())

    def scene_name(self, index: int) -> str:
        """Return the name of a scene; empty if it has none."""
        return self.scene(index).get("Name")


def describe_scene(document: Document, index: int, plane: tuple[int, int], counts: tuple[int, int]) -> Description:
    """Return what the XML says of a scene.

    Parameters
    ----------
    document, index
        The XML, and the number of the scene.
    plane
        Its rows and columns, whose centre the XML gives.
    counts
        Number of channels, and of samples of a pixel, which are colours if there are several.
    """
    found = Description()
    for distance in document.metadata.find_all("Scaling/Items/Distance"):
        axis = distance.get("Id").lower()
        if axis in ("x", "y", "z"):
            found.measure(axis, micrometers(positive(distance.value("Value"))), UM, "the scaling of the CZI")
    step = positive(document.image.value("Dimensions/T/Positions/Interval/Increment"))
    found.measure("t", step, "second", "the interval of the CZI")
    centre = document.scene(index).value("CenterPosition").split(",")
    for axis, place, count in zip("xy", centre, reversed(plane), strict=False):
        middle = number(place)
        if middle is not None and axis in found.scale:
            found.place(axis, middle - (count - 1) / 2 * found.scale[axis], UM)
    found.channels = tuple(_with_samples(list(_channels(document)), *counts))
    found.tell("acquired", document.image.value("AcquisitionDateAndTime"))
    objective = document.metadata.find("Information/Instrument/Objectives/Objective")
    found.tell("objective", objective.value("Manufacturer/Model") or objective.get("Name"))
    return found


def _channels(document: Document) -> Iterator[Channel]:
    """Yield the channels, with colours that they are acquired or shown with."""
    shown = {each.get("Id"): each for each in document.metadata.find_all("DisplaySetting/Channels/Channel")}
    for each in document.image.find_all("Dimensions/Channels/Channel"):
        display = shown.get(each.get("Id"), Element())
        emission = positive(each.value("EmissionWavelength"))
        yield Channel(
            name=each.get("Name") or display.value("ShortName") or None,
            color=_color(display.value("Color")) or _color(each.value("Color")),
            dye=each.value("Fluor") or display.value("DyeName") or None,
            emission_nm=emission if emission and emission < 1e5 else None,
        )


def _with_samples(channels: list[Channel], count: int, samples: int) -> Iterator[Channel]:
    """Yield the channels; for colours, those of the samples of each."""
    if samples == 1:
        yield from channels
    elif count == 1:
        yield from SAMPLES[:samples]
    elif len(channels) == count:
        for channel in channels:
            names = (f"{channel.name} {sample.name}" if channel.name else sample.name for sample in SAMPLES[:samples])
            yield from (Channel(name, sample.color) for name, sample in zip(names, SAMPLES, strict=False))


def _color(text: str) -> str | None:
    """Return the six digits of ``#RRGGBB`` or ``#AARRGGBB``; None for others."""
    match = re.fullmatch(r"#(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})", text)
    return match[1].upper() if match else None
