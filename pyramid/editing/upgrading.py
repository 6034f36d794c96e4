"""Upgrade an OME-Zarr to a later version by its documents, over the same chunks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pyramid.downloading import download
from pyramid.editing.arrays import NeedsConversionError
from pyramid.editing.documents import Change, apply_changes, check_no_writer, describe, reading
from pyramid.editing.outcome import Upgrade
from pyramid.editing.tree import Hierarchy, plan_changes, read_hierarchy
from pyramid.editing.versions import OME_KEYS
from pyramid.errors import OptionError, SourceError, StorageError, ending_with_remedy
from pyramid.ngff import FORMATS, VERSIONS, WRITABLE, given_version
from pyramid.options.one_of import check_choice
from pyramid.stores import Objects, open_objects, path_or_url
from pyramid.writing.claims import check_no_run_around


@ending_with_remedy()
def upgrade(
    url: str | os.PathLike[str],
    *,
    to: str = "0.5",
    output: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Upgrade:
    """Upgrade an OME-Zarr to a later version, and touch no chunk.

    An image is upgraded with its labels, a plate with its wells. A run that was interrupted goes on when it is run
    again; until then the store is read as before.

    Parameters
    ----------
    url
        A path or URL of the root of an OME-Zarr.
    to
        The version: ``"0.4"``, ``"0.5"`` or ``"0.6"``.
    output
        A local folder that the store is copied to first; by default it is upgraded in place.
    dry_run
        Whether nothing is written.
    storage_options
        Options with which the store is opened, as for `convert`.

    Returns
    -------
    Upgrade
        What changed, with a unified diff.

    Raises
    ------
    OptionError
        If the version is earlier than that of the store, or not one that can be written.
    SourceError
        If the store cannot be read, is damaged, or needs other chunks: then `convert` is the way.
    TargetError
        If another run is writing the store, or it cannot be written.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> path = f"{tempfile.mkdtemp()}/zeros.ome.zarr"
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), path, ome_zarr_version="0.4")
    >>> upgrade(path, to="0.6").version, pyramid.open(path).version
    ('0.6', '0.6')
    """
    to = str(to)  # a version may be given as a number
    check_choice("to", to, WRITABLE)
    objects = open_objects(path_or_url(url, "url"), storage_options)
    check_no_run_around(objects.location)
    with reading(objects.location):
        check_no_writer(objects)
        changes = _planned(objects, to, storage_options)
    if output is not None and not dry_run:
        folder = os.fspath(output)
        download(objects.location.address, folder, storage_options=storage_options)
        return upgrade(folder, to=to)
    if not dry_run:
        apply_changes(objects, changes)
    return Upgrade(str(objects.location), describe(changes), len(changes), dry_run=dry_run, version=to)


def _planned(objects: Objects, to: str, storage_options: Mapping[str, Any] | None) -> list[Change]:
    """Return all changes.

    Raises SourceError that names `convert` where chunks must change.
    """
    tree = read_hierarchy(objects)
    if not any(key in tree.root.ome for key in OME_KEYS):
        raise SourceError("its attributes are not those of OME-Zarr; give the path or URL of an image, plate or series")
    _check_later(tree, to)
    if tree.root.zarr_format == 2 and FORMATS[to].zarr_format == 3:
        _check_root(objects, storage_options)
    try:
        return plan_changes(objects, tree, to)
    except NeedsConversionError as error:
        raise SourceError(
            f"{error}; convert {objects.location} to another target instead, with "
            f'ome_zarr_version="{to}": {tree.pixel_bytes():,} bytes are then read and written, before compression'
        ) from None


def _check_later(tree: Hierarchy, to: str) -> None:
    given = given_version(tree.root.attributes)
    family = next((name for name, version in FORMATS.items() if version.belongs(given)), None)
    if given is not None and family is None:
        raise SourceError(f"it is of OME-Zarr version {given!r}; those read here are: {', '.join(VERSIONS)}")
    if (family is not None and family > to) or (tree.root.zarr_format == 3 and FORMATS[to].zarr_format == 2):
        raise OptionError(f"to: it is OME-Zarr {family or 'of Zarr 3'}, later than {to}; give a later version")


def _check_root(objects: Objects, storage_options: Mapping[str, Any] | None) -> None:
    """Raise OptionError for a part of a hierarchy, which must have one Zarr format."""
    parent, _, name = objects.location.address.rstrip("/").rpartition("/")
    if not parent or not name or "?" in name:
        return
    try:
        found = open_objects(parent, storage_options).get(".zgroup")
    except (StorageError, OptionError):  # no folder above, or none that may be read
        return
    if found is not None:
        raise OptionError(f"url: it is a part of {parent}, which must be of one Zarr format; upgrade {parent}")
