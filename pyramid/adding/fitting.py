"""The options of added levels: what is not given is as level 0 is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pyramid.adding.finding import Base
from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.hierarchy.arrays import codec_names
from pyramid.image import read_image
from pyramid.labels.fitting import METHODS, levels_of
from pyramid.ngff import FORMATS, PROGRAM
from pyramid.options.convert import Options
from pyramid.options.format import N5, OME_ZARR
from pyramid.planning import KeptBase
from pyramid.readers.axes import doubtful_axes
from pyramid.readers.labelled import Labelled, describe_array
from pyramid.readers.paths import stem
from pyramid.readers.zarr.image import describe_image
from pyramid.readers.zarr.opening import dimension_names
from pyramid.readers.zarr.source import ZarrSource
from pyramid.tables import format_list
from pyramid.writing.stored_encoding import stored_encoding

# Options that are those of the image where the group is one.
_OF_IMAGE = ("axes", "scale", "units", "origin", "name")


def source_of(base: Base, options: Options) -> ZarrSource:
    """Return the reader of level 0.

    Raises
    ------
    SourceError
        If its axes are not in the order of OME-Zarr.
    """
    array, image = base.array, base.image
    names = tuple(image.axes) if image is not None else dimension_names(array)
    name = (image.name if image is not None else "") or stem(PurePosixPath(str(base.location)))
    spec, order = describe_array(Labelled(array, names, name), array.shape, array.dtype, options.axes)
    if order.letters != tuple(order.axes):
        raise SourceError(
            f"{base.location}: the axes of level 0 are {', '.join(map(str, order.letters))}, and OME-Zarr has them as "
            f"{', '.join(order.axes)}; pyramid convert writes them so, to another target"
        )
    if image is not None:
        spec = describe_image(spec, image, order)
    at_once = order.by_axis(array.object_shape)
    spec = replace(
        spec,
        chunks=tuple(max(1, min(n, whole)) for n, whole in zip(at_once, spec.shape, strict=True)),
        location=str(base.location),
        chunks_at_once=array.chunks_at_once,
        notices=(*doubtful_axes(array.shape, options.axes, names), *_codec_notice(base, options)),
        attributes="",
    )
    return ZarrSource(spec, order, array.pixels)


def _codec_notice(base: Base, options: Options) -> tuple[str, ...]:
    if stored_encoding(base.facts) is not None or _is_given(options, "codec"):
        return ()
    names = format_list(list(codec_names(base.facts.codecs)))
    return (f"the compression of level 0, {names}, is only read here; the new levels have {options.codec}",)


def kept_base(base: Base) -> KeptBase:
    """Return how level 0 is stored."""
    return KeptBase(base.facts.chunks, base.facts.shards)


def fitted_options(options: Options, base: Base, axes: str) -> Options:
    """Return the options with which levels are made, from those that are given.

    Raises
    ------
    OptionError
        If one is given that is the image's, or a method that makes no labels.
    """
    image = base.image
    given = [] if image is None else [name for name in _OF_IMAGE if _is_given(options, name)]
    if given:
        raise OptionError(f"{given[0]}: the image has its own; leave it out, and change it with pyramid edit")
    form = FORMATS[base.version]
    fitted: dict[str, Any] = {"format": N5 if form.zarr_format == "n5" else OME_ZARR}
    if form.zarr_format != "n5":
        fitted["ome_zarr_version"] = base.version
    if image is not None and image.label is not None:
        fitted["method"] = _label_method(options)
        fitted |= _levels_of_labelled(options, base)
    fitted |= _layout(options, base, axes) | _encoding(options, base)
    is_ours = image is not None and image.provenance.get("name") == PROGRAM
    fitted["skip_empty"] = is_ours and image is not None and bool(image.provenance.get("skip_empty"))
    return replace(options, **fitted)


def _is_given(options: Options, name: str) -> bool:
    return bool(getattr(options, name) != getattr(type(options), name))


def _label_method(options: Options) -> str:
    if not _is_given(options, "method"):
        return "mode"
    if options.method not in METHODS:
        raise OptionError(
            f"method: {options.method} makes values that are not labels; give one of {format_list(list(METHODS))}"
        )
    return options.method


def _levels_of_labelled(options: Options, base: Base) -> dict[str, Any]:
    """Return the options for the levels of the image that labels are of.

    They are empty if levels are given, or if that image is not there or has only one.
    """
    folder = base.location.path.rpartition("/labels/")[0]
    if not folder or any(_is_given(options, name) for name in ("levels", "scale_factors", "min_size")):
        return {}
    try:
        image = read_image(replace(base.location, path=folder).address, options.target_storage_options)
    except PyramidError:
        return {}
    return levels_of(image) if len(image.levels) > 1 else {}


def _layout(options: Options, base: Base, axes: str) -> dict[str, Any]:
    """Return chunks and shards of level 0 where they are not given."""
    facts = base.facts
    if _is_given(options, "chunks"):
        return {} if _is_given(options, "shards") or facts.shards is not None else {"shards": "none"}
    chunks = {"chunks": dict(zip(axes, facts.chunks, strict=True))}
    if _is_given(options, "shards"):
        return chunks
    return {**chunks, "shards": "none" if facts.shards is None else dict(zip(axes, facts.shards, strict=True))}


def _encoding(options: Options, base: Base) -> dict[str, Any]:
    """Return the encoding of level 0 where it is not given."""
    found = stored_encoding(base.facts)
    if found is None or _is_given(options, "codec"):
        return {}
    fitted: dict[str, Any] = {"codec": found.codec}
    if not _is_given(options, "codec_level"):
        fitted["codec_level"] = found.codec_level
    if not _is_given(options, "shuffle") and found.codec.startswith("blosc:"):
        fitted["shuffle"] = found.shuffle
    if not _is_given(options, "checksum"):
        fitted["checksum"] = found.checksum
    return fitted
