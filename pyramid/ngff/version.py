"""A version of OME-Zarr as its differences from the others, and its reader.

The reader is strict on axes, paths and transformations, which place the pixels. It is lenient on names and on
``omero``, so that broken display settings never keep an image from being opened.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.model import StoreFormat
from pyramid.ngff.frames import Frame
from pyramid.ngff.label_colors import read_label_colors
from pyramid.ngff.metadata import Attributes, Dataset, LabelFacts, Multiscale
from pyramid.ngff.reading_omero import read_channels, read_defaults, read_given
from pyramid.ngff.transforms import Placement, describe_unread
from pyramid.ngff.values import items, list_or_empty, mapping, mapping_or_empty, objects, path_below, text

# The most levels of an image that are read: metadata comes from anyone.
MAX_LEVELS = 1000


@dataclass(frozen=True)
class Version:
    """A version of OME-Zarr, by its differences from the others.

    Parameters
    ----------
    name
        Its name in the metadata, without a patch number.
    zarr_format
        The format of its arrays and groups.
    shards
        Whether chunks can be gathered in shards.
    dimension_names
        Whether every array carries the names of its axes.
    below_ome
        Whether all its keys are under ``ome``, with the version once; if not, they are among all other attributes.
    recognizes
        Whether an item of ``multiscales`` without a version is taken for one of this version.
    frame
        From an item of ``multiscales`` and its place to the axes.
    placement
        From an item of ``datasets``, the axes and the item's place to scale and translation.
    write
        From an image's metadata to the attributes of its group; None for a version that is only read.
    drafts
        The beginning of the names of drafts of a later version, which place pixels as this one does; None if there
        are none.
    level_prefix
        Text before the number in a level's path.
    dtypes
        NumPy names of the dtypes that it has; None if it has all of an image's.
    own_keys
        Names that attributes of others cannot have, next to those of OME-Zarr.
    """

    name: str
    zarr_format: StoreFormat
    shards: bool
    dimension_names: bool
    below_ome: bool
    recognizes: Callable[[Attributes], bool]
    frame: Callable[[Attributes, str], Frame]
    placement: Callable[[Attributes, Frame, str], Placement]
    write: Callable[[Multiscale], dict[str, Any]] | None = None
    drafts: str | None = None
    level_prefix: str = ""
    dtypes: Collection[str] | None = None
    own_keys: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """The name of the format with its version, as people say it."""
        return "N5" if self.zarr_format == "n5" else f"OME-Zarr {self.name}"

    def level_path(self, number: int) -> str:
        """Return the path of a level that is written."""
        return f"{self.level_prefix}{number}"

    def belongs(self, given: object) -> bool:
        """Return whether a given version is read as this one."""
        return is_family(given, self.name) or (
            self.drafts is not None and isinstance(given, str) and given.startswith(self.drafts)
        )

    def read(self, attributes: Attributes) -> Multiscale | None:
        """Read the attributes of an image's group.

        Returns
        -------
        Multiscale or None
            None if they are of another version, or not of an image.

        Raises
        ------
        SourceError
            If they are broken; the error names the place.
        """
        ome = mapping_or_empty(attributes.get("ome"))
        content = ome if self.below_ome else attributes
        if "multiscales" not in content or (not self.below_ome and "multiscales" in ome):  # the newer one counts
            return None
        first = first_image(content)
        given = (ome if self.below_ome else first).get("version")
        belongs = self.recognizes(first) if given is None else self.belongs(given)
        return self._read_content(content, "ome." if self.below_ome else "") if belongs else None

    def _read_content(self, content: Attributes, prefix: str) -> Multiscale:
        """Read the first image of ``multiscales``, and ``omero``.

        The places of both begin with `prefix`.
        """
        place = f"{prefix}multiscales"
        first = mapping(items(content["multiscales"], place)[0], place := f"{place}[0]")
        frame = self.frame(first, place)
        levels = self._read_levels(first.get("datasets"), frame, f"{place}.datasets")
        placements = [placed for _, placed in levels]
        unknown = placements[0].unknown if placements[0].has_scale else range(len(frame.axes))
        omero = content.get("omero")
        given, oddities = read_given(omero, f"{prefix}omero")
        default_z, default_t = read_defaults(omero)
        unread = (part for placed in placements for part in placed.unread)
        return Multiscale(
            axes=frame.axes,
            units=tuple(None if i in unknown else unit for i, unit in enumerate(frame.units)),
            datasets=tuple(dataset for dataset, _ in levels),
            name=text(first.get("name")) or "",
            method=text(first.get("type")),
            nodata=_number(mapping_or_empty(first.get("metadata")).get("nodata")),
            channels=read_channels(omero),
            provenance=dict(mapping_or_empty(content.get("_creator"))),
            default_z=default_z,
            default_t=default_t,
            systems=frame.systems,
            label=_read_label(content.get("image-label")),
            given=given,
            notices=(*describe_unread((*frame.unread, *unread)), *oddities),
        )

    def _read_levels(self, value: object, frame: Frame, place: str) -> list[tuple[Dataset, Placement]]:
        """Read the levels in the order in which they are listed."""
        levels = []
        for dataset, here in objects(value, place, MAX_LEVELS):
            path = path_below(dataset.get("path"), f"{here}.path")
            placed = self.placement(dataset, frame, here)
            scale = placed.scale if placed.has_scale else None
            levels.append((Dataset(path, scale, placed.translation if placed.has_translation else None), placed))
        return levels


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def first_image(content: Attributes) -> Attributes:
    """Return the first item of ``multiscales``; it is empty if missing or broken."""
    return mapping_or_empty(next(iter(list_or_empty(content.get("multiscales"))), None))


def is_family(given: object, name: str) -> bool:
    """Return whether a given version is `name`, or a draft or a patch of it.

    Examples
    --------
    >>> is_family("0.4-dev-spatialdata", "0.4"), is_family("0.6rc0", "0.6"), is_family("0.45", "0.4")
    (True, True, False)
    >>> is_family(0.5, "0.5")
    True
    """
    given = str(given) if isinstance(given, float) else given  # some scripts write a number
    return isinstance(given, str) and re.match(rf"{re.escape(name)}(?!\d)", given) is not None


def _read_label(value: object) -> LabelFacts | None:
    """Read ``image-label``; return None for an image that is not a label."""
    if not isinstance(value, Mapping):
        return None
    source = mapping_or_empty(value.get("source")).get("image")
    colors, properties = (len(list_or_empty(value.get(key))) for key in ("colors", "properties"))
    return LabelFacts(text(source), colors, properties, read_label_colors(value))
