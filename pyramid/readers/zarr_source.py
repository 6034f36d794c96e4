"""A Zarr array as a `Source`.

For a path or URL, a pickle holds the path or URL and the options that are not secret. Each process opens the array
once.
"""

from __future__ import annotations

import functools
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.buffer.cpu import NDBuffer

from pyramid import ngff, stores
from pyramid.errors import SourceError, StorageError
from pyramid.hierarchy import nodes
from pyramid.hierarchy.unfinished import check_finished
from pyramid.model import Box, SourceSpec
from pyramid.options import parsing
from pyramid.options.convert import Options
from pyramid.readers.axes import AXES_REMEDY, AxisOrder, array_order, check_dtype, doubtful_axes
from pyramid.readers.paths import stem
from pyramid.readers.zarr_image import (
    GROUPS_BESIDE,
    Sizes,
    channel_size_notice,
    channels_of,
    largest_first,
    left_out_notice,
    members_remedy,
    sizes_by_axis,
    tells_largest,
)

if TYPE_CHECKING:
    from pyramid.stores.zarr_store import ObjectsStore

MAX_REASON_CHARACTERS = 300  # of another library's error, which may quote a whole document

Node: TypeAlias = "zarr.Array[Any] | zarr.Group"


@dataclass(frozen=True, slots=True)
class Place:
    """The address at which another process opens an array again.

    Parameters
    ----------
    array_path, zarr_format
        The array's path in the store, and its format, 2 or 3.
    store
        The store, which pickles without its secrets.
    opening
        Different each time that a source is opened, so that an array that was written again is opened again.
    """

    array_path: str
    zarr_format: int
    store: ObjectsStore = field(repr=False, compare=False)
    opening: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class ZarrSource:
    """A Zarr array.

    Parameters
    ----------
    spec, order
        What is known before a chunk is read, and the axis of each of the array's dimensions.
    where
        The array itself, or its address.
    """

    spec: SourceSpec
    order: AxisOrder
    where: zarr.Array[Any] | Place

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            For a chunk that cannot be read.
        """
        array = self.where if isinstance(self.where, zarr.Array) else _find(self.where)
        for part, view in self.order.pieces(box, out):
            try:
                if array.dtype == view.dtype:
                    array.get_basic_selection(part.slices, out=NDBuffer.from_numpy_array(view))
                else:  # in the other byte order the array cannot be read into `out` itself
                    view[...] = array[part.slices]
            except Exception as error:  # a codec may raise anything over a damaged chunk
                if not isinstance(self.where, zarr.Array):
                    self.where.store.settle()
                raise SourceError(
                    f"{self.spec.location or 'the Zarr array'}: the region from {part.start} to {part.stop} cannot be "
                    f"read: {_reason(error)}; a chunk is damaged, or the store is out of reach"
                ) from error


@dataclass(frozen=True, slots=True)
class _Opened:
    """An array, and the image that it belongs to.

    Parameters
    ----------
    array, image, attributes
        The array, and the metadata and attributes of the image that it is the largest level of. They are None and
        empty for an array without an image.
    other_groups
        Groups of the image that hold no levels.
    location, where
        The path or URL, None for an object of zarr; and the array or address that `ZarrSource` reads from.
    """

    array: zarr.Array[Any]
    image: ngff.Multiscale | None
    attributes: Mapping[str, Any]
    other_groups: list[str]
    location: str | None
    where: zarr.Array[Any] | Place


def open_zarr_url(url: str, options: Options) -> ZarrSource:
    """Open the array or image at a path or URL (see `open_zarr`)."""
    location, storage = str(stores.locate(url)), options.source_storage_options
    store = stores.open_source_store(url, storage)
    objects = store.objects
    try:
        node = nodes.read_node(objects)
        if node is None:
            objects.check_found()
        else:
            check_finished(node)
    except SourceError as error:
        remedy = "" if "; " in str(error) or ": wait" in str(error) else "; check that it is whole"
        raise SourceError(f"{location} cannot be opened as Zarr: {error}{remedy}") from error
    except StorageError as error:
        remedy = "" if "; check" in str(error) else "; check the address and the credentials"
        raise SourceError(f"{location} cannot be opened as Zarr: {error}{remedy}") from error
    if node is None:
        raise SourceError(f"{location} does not exist, neither as Zarr nor as a file; check the address")
    image = _image(node.attributes, location) if node.array is None else None
    path = image.datasets[0].path if image is not None else ""
    place = Place(path, node.zarr_format, store)
    attributes = node.attributes if image is not None else {}
    others = list(_other_groups(objects, node.zarr_format)) if image is not None else []
    if image is not None:
        _check_largest(image, _find(place), lambda path: _find(replace(place, array_path=path)), location)
    source = _source(_Opened(_find(place), image, attributes, others, location, place), options)
    # If a group is missing, the server has shown how it answers for that, and needs no further request.
    answered = image is not None and len(others) < len(GROUPS_BESIDE)
    refused = store.objects.forbidden if answered else _forbids_missing(store)
    return source if not refused else replace(source, spec=_with_refusal(source.spec))


def _forbids_missing(store: ObjectsStore) -> bool:
    return not store.objects.location.is_local and store.objects.forbids_missing()


def _with_refusal(spec: SourceSpec) -> SourceSpec:
    """Add a notice that chunks which the server refuses are taken for missing."""
    notice = "the server refuses (403) whatever it does not have: chunks that it refuses are taken for missing"
    return replace(spec, notices=(*spec.notices, notice))


def _other_groups(objects: nodes.Fetches, zarr_format: int) -> Iterator[str]:
    """Yield the groups in an image that hold no levels, with one request for each."""
    for name in GROUPS_BESIDE:
        try:
            document = "zarr.json" if zarr_format == 3 else ".zattrs"  # some programs write it without a .zgroup
            if nodes.read_document(objects, f"{name}/{document}") is not None:
                yield name
        except (SourceError, StorageError):  # some servers answer with an error for what is missing
            continue


def open_zarr_node(node: Any, options: Options) -> ZarrSource:  # noqa: ANN401  (zarr's own types, checked by the caller)
    """Open an array or image given as an object of zarr (see `open_zarr`)."""
    array, image = _array_of(node, "the Zarr group")
    if image is not None:
        _check_largest(image, array, lambda path: node[path], "the Zarr group")
    attributes = _attributes(node) if image is not None else {}
    others = [name for name in GROUPS_BESIDE if name in node] if image is not None else []
    return _source(_Opened(array, image, attributes, others, None, array), options)


@functools.lru_cache(maxsize=16)
def _find(place: Place) -> zarr.Array[Any]:
    """Open the array at an address, with one request for Zarr 3 and two for Zarr 2."""
    level = f": its largest level {nodes.shown(place.array_path)}" if place.array_path else ""
    subject = _shown(place.store) + level
    try:
        form: Literal[2, 3] = 2 if place.zarr_format == 2 else 3
        return zarr.open_array(place.store, path=nodes.check_path(place.array_path), mode="r", zarr_format=form)
    except Exception as error:  # stores and codecs raise their own kinds
        raise SourceError(f"{subject} cannot be opened as Zarr: {_reason(error)}; check that it is complete") from error


def _reason(error: Exception) -> str:
    """Return the text of an error, cut to `MAX_REASON_CHARACTERS`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 3]}..."


def _shown(store: Store) -> str:
    return str(store)


def _image(attributes: Mapping[str, Any], where: str) -> ngff.Multiscale:
    """Parse the attributes of a group as an image, its largest level first."""
    try:
        return largest_first(ngff.parse(dict(attributes)))
    except SourceError as error:
        instead = members_remedy(attributes, where)
        raise SourceError(
            instead or f"{where} is not an OME-Zarr image: {error}; name an array or an image within it"
        ) from error


def _attributes(node: Node) -> Mapping[str, Any]:
    """Return the attributes of a node; empty if the document is not a mapping."""
    attributes: Any = node.metadata.attributes
    return attributes if isinstance(attributes, Mapping) else {}


def _array_of(node: Node, where: str) -> tuple[zarr.Array[Any], ngff.Multiscale | None]:
    """Return the array of an open node, and its image's metadata.

    For a group, the array is the largest level. For an array, the metadata is None.
    """
    if isinstance(node, zarr.Array):
        return node, None
    image = _image(_attributes(node), where)
    try:
        array = node[image.datasets[0].path]
    except Exception as error:  # a level that is missing or damaged
        raise SourceError(
            f"{where}: its largest level cannot be opened: {_reason(error)}; copy the image again"
        ) from error
    if not isinstance(array, zarr.Array):
        raise SourceError(f"{where}: {image.datasets[0].path!r} is a group where the largest level should be")
    return array, image


def _check_largest(
    image: ngff.Multiscale, array: zarr.Array[Any], find: Callable[[str], zarr.Array[Any]], where: str
) -> None:
    """Raise SourceError if the last level is larger than the first.

    It is only checked if the sizes of pixels do not show the order.
    """
    if tells_largest(image):
        return
    last = image.datasets[-1].path
    try:
        shape = find(last).shape
    except Exception:  # a level that is missing is not the one that is read
        return
    if math.prod(shape) > math.prod(array.shape):
        raise SourceError(
            f"{where}: its last level, {nodes.shown(last)} of shape {shape}, is larger than its first, of shape "
            f"{array.shape}; OME-Zarr lists the largest first: name the array of the largest level"
        )


def _source(opened: _Opened, options: Options) -> ZarrSource:
    array, image, location = opened.array, opened.image, opened.location
    parsing.check_one_image(options.series, "a Zarr array or OME-Zarr image")
    dtype = check_dtype(np.dtype(array.dtype))
    named: Sequence[object] = tuple(image.axes) if image is not None else _dimension_names(array)
    order = array_order(array.shape, options.axes, named)
    at_once = order.by_axis(array.shards or array.chunks)
    shape = order.axes_shape
    sizes = sizes_by_axis(image, order)
    by_axis = [sizes.get(axis, Sizes()) for axis in order.axes]
    channels, notices = channels_of(image, order)
    beyond = left_out_notice(opened.attributes, _attributes(array), order, opened.other_groups)
    moved = tuple(each.translation for each in by_axis)
    spec = SourceSpec(
        axes=order.axes,
        shape=shape,
        dtype=dtype,
        chunks=tuple(max(1, min(n, whole)) for n, whole in zip(at_once, shape, strict=True)),
        scale=tuple(each.scale for each in by_axis),
        units=tuple(each.unit for each in by_axis),
        name=(image.name if image is not None else "") or (stem(PurePosixPath(location)) if location else "image"),
        channels=channels,
        location=location,
        chunks_at_once=zarr.config.get("async.concurrency", 1) or 1,
        notices=(
            *(image.notices if image is not None else ()),
            *doubtful_axes(array.shape, options.axes, named),
            *(each.notice for each in by_axis if each.notice),
            *channel_size_notice(image, order),
            *notices,
            *beyond,
        ),
        translation=moved if any(moved) else (),
    )
    return ZarrSource(spec, order, opened.where)


def _dimension_names(array: zarr.Array[Any]) -> Sequence[object]:
    """Return the names of the dimensions; in Zarr 2 only xarray's attribute has them."""
    names: Any = getattr(array.metadata, "dimension_names", None)
    if not names or all(name is None for name in names):
        names = _attributes(array).get("_ARRAY_DIMENSIONS")
    if names is None or isinstance(names, list | tuple):
        return names or ()
    raise SourceError(f"the names of the array's dimensions are {nodes.shown(names)}, not a list; {AXES_REMEDY}")
