"""The metadata of an OME-Zarr image, in a form that suits all versions.

Tuples by axis follow `Multiscale.axes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pyramid.model import Channel

Attributes: TypeAlias = Mapping[str, Any]
Rgba: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Dataset:
    """One level: the path of its array, and the size and place of its pixels.

    Parameters
    ----------
    path
        Path of the array below the image's group.
    scale
        Size of a pixel on each axis, in the axis's unit; None in versions that do not give it.
    translation
        Centre of the first pixel on each axis, in the axis's unit; None where the image does not give it.
    """

    path: str
    scale: tuple[float, ...] | None
    translation: tuple[float, ...] | None


@dataclass(frozen=True)
class Window:
    """The range of a channel's values (`min`, `max`), and the shown (`start`, `end`)."""

    min: float
    max: float
    start: float
    end: float


@dataclass(frozen=True)
class OmeroChannel:
    """The display settings of a channel.

    Parameters
    ----------
    label
        Its name.
    color
        Six hexadecimal digits, in capitals.
    window
        None in images that were written without one.
    active
        Whether it is shown at first.
    inverted
        Whether the least value is shown brightest.
    """

    label: str | None
    color: str
    window: Window | None
    active: bool
    inverted: bool = False


@dataclass(frozen=True)
class CoordinateSystem:
    """A named space of images (from 0.6 on): the names and units of its axes."""

    name: str
    axes: tuple[str, ...]
    units: tuple[str | None, ...]


@dataclass(frozen=True)
class LabelFacts:
    """The metadata that makes an image a label.

    Parameters
    ----------
    source
        Path from the label to the image that it labels, as it is given; None where it is not.
    colors, properties
        The number of label values that have a colour, and that have properties.
    rgba
        Red, green, blue and opacity of the values that have a colour; what is odd is left out.
    """

    source: str | None
    colors: int
    properties: int
    rgba: Mapping[int, Rgba] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Multiscale:
    """The metadata of an image, from its group's attributes.

    Parameters
    ----------
    axes
        Letters of ``tczyx``. What is written is in that order; what others wrote keeps its own.
    units
        Unit of each axis, None where it is unknown.
    datasets
        The levels, the largest first.
    name
        The name of the image; empty where it has none.
    method
        The downsampling method; None where it is unknown or levels were not downsampled.
    nodata
        The value of pixels that the method left out; None if all counted.
    channels
        One for each index on ``c``, or one where the image lacks that axis; empty for an image without ``omero``.
    provenance
        The program and the source that the image was made with; see `creator`. JSON-ready, and free of secrets.
    default_z, default_t
        The plane that viewers show at first.
    systems
        The coordinate systems that it names, that of its levels first; empty before 0.6.
    label
        The metadata of a label; None for any other image.
    given
        Each channel as the metadata gives it, without the defaults that are added in `channels`.
    notices
        A sentence for each part that was not read.
    copied
        Number of levels after the first that were copied from the source, so that their method is not known. Only
        written.
    image_label
        The metadata that makes the image a label, as it is written; None for any other image. Only written.
    """

    axes: str
    units: tuple[str | None, ...]
    datasets: tuple[Dataset, ...]
    name: str = ""
    method: str | None = None
    channels: tuple[OmeroChannel, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    default_z: int = 0
    default_t: int = 0
    systems: tuple[CoordinateSystem, ...] = ()
    label: LabelFacts | None = None
    given: tuple[Channel, ...] = field(default=(), compare=False)
    notices: tuple[str, ...] = ()
    nodata: float | None = None
    copied: int = 0
    image_label: Mapping[str, Any] | None = None


def ome_content(attributes: Attributes) -> tuple[Attributes, str]:
    """Return the mapping with OME-Zarr's keys, and the prefix of their places.

    It is the one under ``ome``, or else the attributes themselves.

    Examples
    --------
    >>> ome_content({"ome": {"version": "0.5"}}), ome_content({"plate": {}})
    (({'version': '0.5'}, 'ome.'), ({'plate': {}}, ''))
    """
    ome = attributes.get("ome")
    return (ome, "ome.") if isinstance(ome, Mapping) else (attributes, "")
