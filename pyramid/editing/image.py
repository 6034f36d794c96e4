"""Edit the metadata of an image, or remove one of its labels."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.editing.attributes import change_attributes
from pyramid.editing.channels import Pixels, check_counts, edit_omero
from pyramid.editing.documents import Change, apply_changes, check_no_writer, describe, reading
from pyramid.editing.labels import remove_label_objects, unlist_label
from pyramid.editing.outcome import Edit
from pyramid.editing.placing import moved, place_levels
from pyramid.editing.wishes import Wishes, parse_wishes
from pyramid.errors import OptionError, SourceError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.ngff import parse_versioned
from pyramid.ngff.metadata import Multiscale
from pyramid.stores import Objects, open_objects, path_or_url
from pyramid.tables import format_list
from pyramid.writing.claims import check_no_run_around


@ending_with_remedy()
def edit(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    *,
    name: str | None = None,
    channel_names: str | list[str] | tuple[str, ...] | None = None,
    channel_colors: str | list[str] | tuple[str, ...] | None = None,
    windows: str | list[tuple[float, float]] | None = None,
    scale: str | Mapping[str, float] | None = None,
    units: str | Mapping[str, str] | None = None,
    translation: str | Mapping[str, float] | None = None,
    attributes: str | Mapping[str, Any] | None = None,
    remove_label: str | None = None,
    dry_run: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Edit:
    """Edit the metadata of an OME-Zarr in place, or remove a label.

    The new document is checked before it replaces the old one as a whole. All other keys stay as they are.

    Parameters
    ----------
    url
        A path or URL of an image; with only `attributes`, of any group.
    name
        The image's name.
    channel_names, channel_colors
        One for each channel; colours as six hexadecimal digits.
    windows
        ``"auto"`` to measure them on the smallest level, or a start and an end for each channel, in pixel values.
    scale
        Size of a level-0 pixel by axis. The sizes of other levels follow; the origin stays.
    units
        A unit for all axes of space, or one by axis.
    translation
        Centre of the first pixel of level 0 by axis, in the axis's unit. That of other levels follows.
    attributes
        Further keys of the group's attributes; None as a value removes a key.
    remove_label
        The name of a label that is taken out of the listing, and then removed with its pixels.
    dry_run
        Whether nothing is written.
    storage_options
        Options with which the store is opened, as for `convert`.

    Returns
    -------
    Edit
        What changed, with a unified diff.

    Raises
    ------
    OptionError
        If an option cannot be used for this image.
    SourceError
        If no such image exists, it is unfinished, or its metadata are broken.
    TargetError
        If another run is writing the store, or it cannot be written.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr")
    >>> edit(f"{folder}/zeros.ome.zarr", name="dark", scale={"y": 0.5, "x": 0.5}, units="um").documents
    1
    """
    given: dict[str, Any] = {
        "name": name,
        "channel_names": channel_names,
        "channel_colors": channel_colors,
        "windows": windows,
    }
    given |= {"scale": scale, "units": units, "translation": translation, "attributes": attributes}
    wishes = parse_wishes({**given, "remove_label": remove_label})
    objects = open_objects(path_or_url(url, "url"), storage_options)
    check_no_run_around(objects.location)
    with reading(objects.location):
        check_no_writer(objects)
        node = read_node(objects, "", kind="group")
        if node is None:
            raise SourceError("it holds no group of Zarr; give the path or URL of an OME-Zarr")
        changes = _changes(_Opened(objects, node, storage_options), wishes)
        label = [] if remove_label is None else unlist_label(objects, node, wishes.remove_label or "", storage_options)
    return _written(objects, [*changes, *label], wishes.remove_label, dry_run=dry_run)


def _written(objects: Objects, changes: list[Change], label: str | None, *, dry_run: bool) -> Edit:
    """Write the changes in their order, then remove the objects of a label."""
    removed = 0
    if not dry_run:
        apply_changes(objects, changes)
    if label is not None:
        removed = remove_label_objects(objects, label, dry_run=dry_run)
    return Edit(str(objects.location), describe(changes), len(changes), removed, dry_run)


@dataclass(frozen=True)
class _Opened:
    """A group that is edited, and the store that holds it."""

    objects: Objects
    node: Node
    storage_options: Mapping[str, Any] | None


def _changes(opened: _Opened, wishes: Wishes) -> list[Change]:
    """Return the changes of the group's own documents."""
    node = opened.node
    attributes = copy.deepcopy(dict(node.attributes))
    if wishes.of_image:
        kind = next((kind for kind in ("plate", "well") if kind in node.ome and "multiscales" not in node.ome), None)
        if kind is not None:
            raise SourceError(f"it is a {kind}, not an image; give the path or URL of an image in it")
        version, image = parse_versioned(node.attributes)
        wanted = _edit_image(opened, attributes, image, wishes)
        again, seen = parse_versioned(json.loads(json.dumps(attributes)))
        if again.name != version.name or seen.datasets != wanted.datasets:
            raise SourceError("its transformations cannot be changed without loss; change them by hand")
    for key, value in wishes.attributes.items():
        if value is None:
            attributes.pop(key, None)
        else:
            attributes[key] = value
    return change_attributes(opened.objects, node, attributes, stale=wishes.remove_label is not None)


def _edit_image(opened: _Opened, attributes: dict[str, Any], image: Multiscale, wishes: Wishes) -> Multiscale:
    """Change the attributes of an image, and return what they must be read as."""
    content: dict[str, Any] = attributes["ome"] if isinstance(attributes.get("ome"), dict) else attributes
    item = content["multiscales"][0]
    if wishes.name is not None:
        item["name"] = wishes.name
        if isinstance(content.get("omero"), dict) and "name" in content["omero"]:
            content["omero"]["name"] = wishes.name
    system = image.systems[0].name if image.systems else None
    if wishes.scale or wishes.translation:
        image = moved(image, wishes.scale, wishes.translation)
        place_levels(item, image, system)
    if wishes.units:
        units = _set_units(item, image, wishes.units, system)
        if not wishes.scale:
            _note_unknown_sizes(image, units)
    if wishes.of_channels:
        edit_omero(content, image, wishes, _pixels(opened, image, wishes))
    return image


def _note_unknown_sizes(image: Multiscale, units: Mapping[str, str]) -> None:
    """Give a notice where a size of 1, as if not known, gets a unit."""
    sizes = dict(zip(image.axes, image.datasets[0].scale or (), strict=False))
    ones = [f"1 {unit} on {axis}" for axis, unit in units.items() if sizes.get(axis) == 1 and unit]
    if ones:
        give_notices((f"the size of a pixel is now {format_list(ones)}; if it is another, give it with scale=...",))


def _set_units(
    item: dict[str, Any], image: Multiscale, units: str | Mapping[str, str], system: str | None
) -> Mapping[str, str]:
    """Set the units of axes, and return them by axis."""
    axes = item.get("axes")
    if system is not None:
        axes = next(found["axes"] for found in item["coordinateSystems"] if found.get("name") == system)
    if not axes or not all(isinstance(axis, dict) for axis in axes):
        raise OptionError("units: its version of OME-Zarr has no units; first run pyramid upgrade")
    by_axis = {axis: units for axis in image.axes if axis in "zyx"} if isinstance(units, str) else dict(units)
    for letter, unit in by_axis.items():
        if letter not in image.axes:
            raise OptionError(f"units: the image has no axis {letter}; give some of {', '.join(image.axes)}")
        axes[image.axes.index(letter)]["unit"] = unit
    return by_axis


def _pixels(opened: _Opened, image: Multiscale, wishes: Wishes) -> Pixels:
    """Return the channels as they are stored, measured if `wishes` want that."""
    path = image.datasets[0].path
    first = read_node(opened.objects, path, opened.node.zarr_format, "array")
    if first is None:
        raise SourceError(f"its level {path} does not exist")
    facts = read_facts(first)
    count = facts.shape[image.axes.index("c")] if "c" in image.axes else 1
    check_counts(wishes, count)
    if wishes.windows != "auto":
        return Pixels(facts.dtype.name, count)
    from pyramid.editing.measuring import measure_windows  # noqa: PLC0415  (numpy: only where pixels are read)

    measured = measure_windows(opened.objects, opened.storage_options, image.nodata)
    return Pixels(facts.dtype.name, count, measured)
