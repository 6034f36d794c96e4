"""The description of a source, from the metadata of its file and its axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from pyramid.model import SourceSpec
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files.file import SourceFile
from pyramid.readers.paths import stem
from pyramid.readers.tiff.axes import renamed_channels, renamed_sizes
from pyramid.readers.tiff.description import Description


def describe_source(axes: str, order: AxisOrder, found: Description, file: SourceFile) -> SourceSpec:
    """Return the description of an image, without what depends on how it is stored.

    Dtype and chunks are left empty. Sizes, places and channels go with the axes that a user renames.

    Parameters
    ----------
    axes, order
        The file's letters, and the axes of its dimensions.
    found
        What the file says.
    file
        The file, whose name the image has if the file gives it none.
    """
    sizes, renamed = renamed_sizes(axes, order, found.scale)
    channels, unnamed = renamed_channels(axes, order, found.channels)
    return SourceSpec(
        axes=order.axes,
        shape=order.axes_shape,
        dtype="",
        chunks=(),
        scale=tuple(found.scale.get(sizes.get(axis, "")) for axis in order.axes),
        units=tuple(found.units.get(sizes.get(axis, "")) for axis in order.axes),
        name=found.name or stem(PurePath(file.name)),
        channels=channels,
        location=str(file),
        notices=(*renamed, *unnamed),
        translation=_translation(found.origin, sizes, order),
        details=tuple(found.details),
    )


def _translation(origin: Mapping[str, float], sizes: Mapping[str, str], order: AxisOrder) -> tuple[float, ...]:
    """Return the place of the first pixel on each axis; empty if it is 0 on all."""
    places = tuple(origin.get(sizes.get(axis, ""), 0.0) for axis in order.axes)
    return places if any(places) else ()
