"""The image of many files: their shape, sizes and channels, from some of them."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import SourceError
from pyramid.model import Channel, Shape, Source, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers.axes import check_extent
from pyramid.readers.patterns.listing import Listing, base_name
from pyramid.readers.patterns.mapping import Mapping
from pyramid.readers.patterns.names import index_of
from pyramid.readers.patterns.places import FileOptions, Place, place_of_files
from pyramid.readers.patterns.source import MAX_AT_ONCE, FileSpec, FilesSource, outer_shape
from pyramid.readers.patterns.values import Values
from pyramid.readers.tiff.source import ParsedTiff, TiffSource
from pyramid.tables import format_count

# Files that are opened before a run, besides one a channel: an image may have 100,000, at 2 ms each.
MAX_CHECKED = 8
MAX_CHANNELS = 16  # channels of which a file is opened


def open_one(listing: Listing, options: Options) -> Source:
    """Open the only TIFF that was listed."""
    name = listing.entries[0].name
    place = place_of_files(listing, options, FileOptions(options.series, options.axes))
    source = place.parse(name).source
    notice = f"the only TIFF of {listing.given} is read: {name}"
    return replace(source, spec=replace(source.spec, notices=(notice, *source.spec.notices)))


def open_set(listing: Listing, options: Options, *, quietly: bool = False) -> TiffSource | None:
    """Open listed files that are one OME-TIFF, by what the first says of the others.

    Parameters
    ----------
    listing, options
        The files, and how they are read.
    quietly
        Whether a first file that cannot be read means that the files are not such a set.

    Raises
    ------
    SourceError
        If the first file is one of a set, and others are listed that are not of it.
    """
    names = listing.names
    first = min(names)
    place = place_of_files(listing, options, FileOptions(options.series, None))
    try:
        parsed = place.parse(first)
    except SourceError:
        if quietly:
            return None
        raise
    used = parsed.files
    if len(used) <= 1:
        return None
    others = {place.shown(name) for name in names} - used
    if others:
        raise SourceError(
            f"{place.shown(first)} is one of {len(used)} files of an OME-TIFF, and {listing.given} has "
            f"{format_count(len(others), 'file')} besides; give that file by itself, which is read with the others of "
            "its image"
        )
    place = place_of_files(listing, options, FileOptions(options.series, options.axes))
    source = place.parse(first).source
    notice = f"{listing.given} is one OME-TIFF of {len(used)} files, and is read as its metadata says"
    return replace(source, spec=replace(source.spec, notices=(notice, *source.spec.notices)))


@dataclass(frozen=True, slots=True)
class _Checked:
    """Files that are opened before a run, by their index on the axes of the names."""

    files: dict[Shape, ParsedTiff]
    first: ParsedTiff
    each: FileSpec


def open_mapped(mapping: Mapping, listing: Listing, options: Options, notices: Sequence[str]) -> FilesSource:
    """Open an image of many files.

    Raises
    ------
    SourceError
        If a file that is looked at is not like the first one.
    """
    place = place_of_files(listing, options, FileOptions(options.series, _own_axes(mapping, options.axes)))
    checked = _check_some(mapping, place)
    first, each = checked.first.source.spec, checked.each
    axes, shape = outer_shape(mapping.axes, mapping.names, each)
    check_extent(axes, shape)
    chunks = {**dict(zip(first.axes, first.chunks, strict=True)), **dict.fromkeys(mapping.axes, 1)}
    scale, units, doubts = _sizes(axes, mapping, checked)
    spec = SourceSpec(
        axes=axes,
        shape=shape,
        dtype=first.dtype,
        chunks=tuple(chunks[axis] for axis in axes),
        scale=scale,
        units=units,
        name=base_name(listing),
        channels=_channels(mapping, checked),
        location=place.shown(mapping.name(mapping.first)),
        notices=tuple(dict.fromkeys([*notices, *first.notices, *doubts])),
        chunks_at_once=MAX_AT_ONCE if place.is_remote else first.chunks_at_once,
        details=(*mapping.facts(), ("checked", _describe_checks(mapping, checked))),
    )
    return FilesSource(spec, place, mapping.axes, mapping.names, each, listing.digest(), uuid.uuid4().hex)


def _own_axes(mapping: Mapping, axes: str | None) -> str | None:
    """Return the letters of each file's dimensions.

    They are those that the user gives after the axes of the names.
    """
    own = "".join(field.name for field in mapping.template.fields if field.is_axis)
    rest = (axes or "")[len(own) :]
    return rest if axes and axes.startswith(own) and {"y", "x"} <= set(rest) else axes


def _check_some(mapping: Mapping, place: Place) -> _Checked:
    """Open the first file, the last, and some between, and check that they are alike."""
    indices = dict.fromkeys([mapping.first, mapping.last, *_spread(mapping)])
    named = [(index, name) for index in indices if (name := mapping.names.at(index)) is not None]
    most = min(MAX_AT_ONCE, len(named)) if place.is_remote else 1
    parsed = dict(map_concurrently(lambda item: (item[0], place.parse(item[1])), named, most))
    first = parsed[mapping.first]
    spec = first.source.spec
    each = FileSpec(spec.axes, spec.shape, spec.dtype, place.shown(mapping.name(mapping.first)))
    for index, name in named:
        each.check(parsed[index], place.shown(name))
    return _Checked(parsed, first, each)


def _spread(mapping: Mapping) -> list[Shape]:
    """Return places that are looked at: one a channel, and some at even distances."""
    total = math.prod(mapping.shape)
    found = [index_of(i * total // MAX_CHECKED, mapping.shape) for i in range(MAX_CHECKED)]
    if "c" in mapping.axes:
        c = mapping.axes.index("c")
        channels = range(min(mapping.shape[c], MAX_CHANNELS))
        found += [(*mapping.first[:c], i, *mapping.first[c + 1 :]) for i in channels]
    return found


def _describe_checks(mapping: Mapping, checked: _Checked) -> str:
    if len(checked.files) == mapping.files:
        return "all files are alike"
    return f"{len(checked.files)} of {mapping.files} files are alike; each other one is checked when it is read"


def _sizes(
    axes: str, mapping: Mapping, checked: _Checked
) -> tuple[tuple[float | None, ...], tuple[str | None, ...], list[str]]:
    """Return scale and units on each axis, and a notice where the files differ."""
    spec = checked.first.source.spec
    scale: dict[str, float | None] = dict(zip(spec.axes, spec.scale, strict=True))
    units: dict[str, str | None] = dict(zip(spec.axes, spec.units, strict=True))
    for axis in mapping.axes:
        scale[axis], units[axis] = checked.first.scale.get(axis), checked.first.units.get(axis)
    notices = []
    for axis in axes:
        said = {(each.scale.get(axis), each.units.get(axis)) for each in checked.files.values()}
        if len(said) > 1:
            scale[axis] = units[axis] = None
            notices.append(f"the files give different sizes of {axis}: none is taken; give scale=...")
    return tuple(scale.get(axis) for axis in axes), tuple(units.get(axis) for axis in axes), notices


def _channels(mapping: Mapping, checked: _Checked) -> tuple[Channel, ...]:
    """Return the channels, named by the pattern, else by the files."""
    spec = checked.first.source.spec
    if "c" not in mapping.axes:
        return spec.channels
    c = mapping.axes.index("c")
    values = mapping.values[c]
    described: list[Channel] = [Channel()] * len(values.texts)
    for index, parsed in checked.files.items():
        own = parsed.source.spec.channels
        if len(own) == 1 and described[index[c]] == Channel():
            described[index[c]] = own[0]
    names = channel_names(values)
    if names is not None:
        described = [replace(channel, name=name) for channel, name in zip(described, names, strict=True)]
    return tuple(described) if any(channel != Channel() for channel in described) else ()


def channel_names(values: Values) -> tuple[str, ...] | None:
    """Return the names of channels that file names hold; None if they only count.

    Numbers that count the channels before their names, as MetaMorph writes, are left out.

    Examples
    --------
    >>> from pyramid.readers.patterns.template import Field
    >>> channel_names(Values(Field("c"), ("1DAPI", "2GFP"))), channel_names(Values(Field("c"), ("1", "2")))
    (('DAPI', 'GFP'), None)
    >>> channel_names(Values(Field("c"), ("405", "488")))
    ('405', '488')
    """
    numbered = [re.fullmatch("([0-9]+)[-_ ]?(.*)", text) for text in values.texts]
    counts = [int(found[1]) for found in numbered if found]
    is_counted = counts in (list(range(len(values.texts))), list(range(1, len(values.texts) + 1)))
    if not is_counted:
        return values.texts
    rest = tuple(found[2] for found in numbered if found)
    return rest if all(rest) else None
