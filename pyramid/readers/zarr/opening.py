"""The array to read at a path or URL, or of an object of zarr, and its metadata."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from pyramid import ngff, stores
from pyramid.errors import SourceError, StorageError, short_repr, with_remedy
from pyramid.hierarchy import nodes
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS
from pyramid.hierarchy.unfinished import check_finished
from pyramid.model import StoreFormat
from pyramid.ngff import n5
from pyramid.ngff.groups import OTHER_GROUPS
from pyramid.options.convert import Options
from pyramid.options.series import check_one_image
from pyramid.readers.axes import AXES_REMEDY
from pyramid.readers.diagnosis import sources_within
from pyramid.readers.labelled import Labelled, describe_array
from pyramid.readers.paths import stem
from pyramid.readers.zarr.at_url import Hierarchy
from pyramid.readers.zarr.found import FoundArray
from pyramid.readers.zarr.image import (
    carry_over,
    describe_image,
    has_distinct_sizes,
    largest_first,
    members_remedy,
)
from pyramid.readers.zarr.source import ZarrSource
from pyramid.stores.readable import REFUSES_MISSING, Readable

Attributes: TypeAlias = Mapping[str, Any]

# A group of zarr, as messages name it, for it may not have a location.
GROUP = "the Zarr group"


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """An array, and the image that it belongs to.

    Parameters
    ----------
    array, image, attributes
        The array, and the metadata and attributes of the image that it is the largest level of. They are None and
        empty for an array without an image.
    other_groups
        Groups of the image that hold no levels.
    """

    array: FoundArray
    image: ngff.Multiscale | None
    attributes: Attributes
    other_groups: list[str]


def open_zarr_url(url: str, options: Options) -> ZarrSource:
    """Open the array or image at a path or URL (see `open_zarr`)."""
    location = str(stores.locate(url))
    objects = Readable(stores.open_objects(url, options.source_storage_options))
    node = _read_node(objects, location)
    opened = open_image(
        node.attributes if node.array is None else None,
        Hierarchy(url, options.source_storage_options, node, objects).find,
        lambda: _other_groups(objects, node.zarr_format),
        location,
    )
    # If a group is missing, the server has shown how it answers for that, and needs no further request.
    if opened.image is not None and len(opened.other_groups) < len(OTHER_GROUPS):
        refuses_missing = objects.forbidden
    else:
        refuses_missing = not objects.location.is_local and objects.forbids_missing()
    notice = f"{REFUSES_MISSING}: chunks that it refuses are taken for missing"
    return source_of(opened, options, location, (notice,) if refuses_missing else ())


def _read_node(objects: Readable, location: str) -> nodes.Node:
    """Return the node at a location; raise SourceError if it is missing or unfinished."""
    try:
        node = nodes.read_node(objects)
        if node is None:
            objects.check_found()
        else:
            check_finished(node)
    except SourceError as error:
        text = with_remedy(error, "check that it is whole")
        raise SourceError(f"{location} cannot be opened as Zarr: {text}") from error
    except StorageError as error:
        text = with_remedy(error, "check the address and the credentials")
        raise SourceError(f"{location} cannot be opened as Zarr: {text}") from error
    if node is None:
        raise SourceError(f"{location} does not exist, neither as Zarr nor as a file; check the address")
    return node


def open_image(
    attributes: Attributes | None,
    find: Callable[[str], FoundArray],
    other_groups: Callable[[], Iterable[str]],
    where: str,
) -> OpenedImage:
    """Open an array, or the largest level of an image.

    Parameters
    ----------
    attributes
        Those of the image's group; None for an array.
    find
        Opens the array at a path.
    other_groups
        Returns the groups of the image that hold no levels.
    where
        The name in errors.
    """
    if attributes is None:
        return OpenedImage(find(""), None, {}, [])
    try:
        version, parsed = ngff.parse_versioned(dict(attributes))
        image = largest_first(_with_version(parsed, version.name, ngff.given_version(attributes)))
    except SourceError as error:
        instead = members_remedy(attributes, where)
        within = sources_within(Path(where))
        remedy = "; name an array or an image within it"
        if within:
            remedy += f", as {where}/{within[0]}"
        elif Path(where).is_dir():
            remedy = ", and it holds neither an array nor an image; check the path"
        raise SourceError(instead or f"{where} is not an OME-Zarr image: {error}{remedy}") from error
    others = list(other_groups())
    array = find(image.datasets[0].path)
    _check_largest(image, array, find, where)
    return OpenedImage(array, image, attributes, others)


def _with_version(image: ngff.Multiscale, name: str, given: object) -> ngff.Multiscale:
    """Return an image with a notice if its version is a draft, or not given."""
    if given == n5.NAME or isinstance(given, float) or (isinstance(given, str) and re.fullmatch(r"[\d.]+", given)):
        return image
    said = (
        "does not give its version of OME-Zarr" if given is None else f"is of a draft of OME-Zarr, {short_repr(given)}"
    )
    return replace(image, notices=(*image.notices, f"the image {said}; it is read as {name}"))


def _other_groups(objects: nodes.Fetches, zarr_format: StoreFormat) -> Iterator[str]:
    """Yield the groups in an image that hold no levels, with one request for each."""
    document = ATTRIBUTE_KEYS[zarr_format]  # some programs write it without a .zgroup
    for name in OTHER_GROUPS:
        try:
            if nodes.read_document(objects, f"{name}/{document}") is not None:
                yield name
        except (SourceError, StorageError):  # some servers answer with an error for what is missing
            continue


def _check_largest(image: ngff.Multiscale, array: FoundArray, find: Callable[[str], FoundArray], where: str) -> None:
    """Raise SourceError if the last level is larger than the first.

    It is only checked if the sizes of pixels do not show the order.
    """
    if has_distinct_sizes(image):
        return
    last = image.datasets[-1].path
    try:
        shape = find(last).shape
    except Exception:  # a level that is missing is not the one that is read
        return
    if math.prod(shape) > math.prod(array.shape):
        raise SourceError(
            f"{where}: its last level, {short_repr(last)} of shape {shape}, is larger than its first, of shape "
            f"{array.shape}; OME-Zarr lists the largest first: name the array of the largest level"
        )


def source_of(opened: OpenedImage, options: Options, location: str | None, notices: tuple[str, ...] = ()) -> ZarrSource:
    """Return the source of an opened array."""
    array, image = opened.array, opened.image
    check_one_image(options.series, "a Zarr array or OME-Zarr image")
    names = image.axes if image is not None else dimension_names(array)
    name = (image.name if image is not None else "") or (stem(PurePosixPath(location)) if location else "image")
    labelled = Labelled(array, tuple(names), name, image.notices if image is not None else ())
    spec, order = describe_array(labelled, array.shape, array.dtype, options.axes)
    if image is not None:
        spec = describe_image(spec, image, order)
    at_once = order.by_axis(array.object_shape)
    kept, left_out = carry_over(opened.attributes, array.attributes, order, opened.other_groups)
    spec = replace(
        spec,
        chunks=tuple(max(1, min(n, whole)) for n, whole in zip(at_once, spec.shape, strict=True)),
        location=location,
        chunks_at_once=array.chunks_at_once,
        inner_chunks=order.by_axis(array.inner_chunks) if array.inner_chunks else (),
        notices=(*spec.notices, *left_out, *notices),
        attributes=kept,
    )
    return ZarrSource(spec, order, array.pixels)


def dimension_names(array: FoundArray) -> tuple[object, ...]:
    """Return the names of the dimensions; in Zarr 2 only xarray's attribute has them."""
    names: Any = array.dimension_names
    if not names or all(name is None for name in names):
        names = array.attributes.get("_ARRAY_DIMENSIONS")
    if names is None or isinstance(names, list | tuple):
        return tuple(names or ())
    raise SourceError(f"the names of the array's dimensions are {short_repr(names)}, not a list; {AXES_REMEDY}")
