"""What an OME-Zarr image says of itself, whatever the version that says it.

Tuples by axis follow `Multiscale.axes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pyramid.model import Channel

Attributes: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Dataset:
    """One level: the path of its array, and where its pixels lie.

    Parameters
    ----------
    path
        Path of the array below the image's group.
    scale
        Size of a pixel on each axis, in the axis's unit; None in versions that do not tell it.
    translation
        Centre of the first pixel on each axis, in the axis's unit; None where the image does not say.
    """

    path: str
    scale: tuple[float, ...] | None
    translation: tuple[float, ...] | None


@dataclass(frozen=True)
class Window:
    """The values that a channel holds (`min` to `max`) and those that are shown (`start` to `end`)."""

    min: float
    max: float
    start: float
    end: float


@dataclass(frozen=True)
class OmeroChannel:
    """How a channel is shown.

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
    """A named space that an image can lie in (from 0.6 on): the names and units of its axes."""

    name: str
    axes: tuple[str, ...]
    units: tuple[str | None, ...]


@dataclass(frozen=True)
class LabelFacts:
    """What makes an image a label.

    Parameters
    ----------
    source
        Path from the label to the image that it labels, as it is told; None where it is not.
    colors, properties
        How many label values have a colour, and how many have properties.
    """

    source: str | None
    colors: int
    properties: int


@dataclass(frozen=True)
class Multiscale:
    """The metadata of an image: all that its group's attributes tell.

    Parameters
    ----------
    axes
        Letters of ``tczyx``. What is written is in that order; what others wrote keeps its own.
    units
        Unit of each axis, None where it is unknown.
    datasets
        The levels, the largest first.
    name
        What the image is called; empty where it has no name.
    method
        The downsampling method, None where there is none or it is unknown.
    channels
        One for each index on ``c``, or one where there is no such axis; empty for an image without ``omero``.
    provenance
        What made the image, from what; see `creator`. JSON-ready, and free of secrets.
    default_z, default_t
        The plane that viewers show at first.
    systems
        The coordinate systems that it names, that of its levels first; empty before 0.6.
    label
        What makes it a label; None for any other image.
    given
        What it says of each channel, without what is made up for `channels`.
    notices
        What was not read, a sentence each.
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


@dataclass(frozen=True)
class Version:
    """A version of OME-Zarr, as its difference from the others.

    Parameters
    ----------
    name
        As it is written in the metadata, without a patch number.
    zarr_format
        The Zarr format that it stands on.
    shards
        Whether chunks can be gathered in shards.
    dimension_names
        Whether every array carries the names of its axes.
    write
        From an image's metadata to the attributes of its group; None for a version that is read and not written.
    read
        The reverse; None for attributes that are of another version, or of no image. Raises SourceError with the
        place of what is broken.
    """

    name: str
    zarr_format: Literal[2, 3]
    shards: bool
    dimension_names: bool
    write: Callable[[Multiscale], dict[str, Any]] | None
    read: Callable[[Attributes], Multiscale | None]
