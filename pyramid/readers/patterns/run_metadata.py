"""Micro-Manager's ``metadata.txt``, next to the files of a run.

It is one JSON object: a summary of the run, and an object for each file. Micro-Manager 1 names these
``FrameKey-T-C-Z``, with the file in ``FileName``; version 2 names them ``Metadata-Default/FILE``. What does not fit the
files is not taken.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.errors import StorageError
from pyramid.model import Channel
from pyramid.readers.intervals import measure_interval
from pyramid.readers.patterns.source import FilesSource
from pyramid.readers.tiff.description import Description, number, positive
from pyramid.readers.tiff.microscopes import describe_micromanager
from pyramid.stores import locate, open_objects

if TYPE_CHECKING:
    from pyramid.options.convert import Options
    from pyramid.readers.patterns.listing import Listing
    from pyramid.readers.patterns.mapping import Mapping

NAME = "metadata.txt"
MAX_BYTES = 2**28  # of the file: that of half a million frames
_KEYS = (re.compile(r"FrameKey-\d+-\d+-\d+"), re.compile(r"Metadata-[^/]+/.+"))
_PIXELS = ("Height", "y"), ("Width", "x")


@dataclass(frozen=True, slots=True)
class RunMetadata:
    """The summary of a run, and an object for each file by its name."""

    summary: Dict[str, Any]
    frames: Dict[str, Dict[str, Any]]


def describe_run(source: FilesSource, mapping: Mapping, listing: Listing, options: Options) -> FilesSource:
    """Return a source with the sizes, channels and times of its run.

    Those that its files give are kept. Without a ``metadata.txt`` the source is returned as it is.
    """
    folder, _, first = mapping.name(mapping.first).rpartition("/")
    try:
        data = _read(listing, f"{folder}/{NAME}" if folder else NAME, options)
        if data is None:
            return source
        run = _parse(data)
        _check(run, source, first)
    except ValueError as reason:
        notice = f"{NAME} next to the files is not taken: {reason}"
        return replace(source, spec=replace(source.spec, notices=(*source.spec.notices, notice)))
    found = describe_micromanager({"Summary": run.summary}, run.frames[first])
    measure_interval(found, [time / 1000 for time in _elapsed_ms(run, mapping)], NAME)
    return _with_description(source, found, mapping)


def _read(listing: Listing, name: str, options: Options) -> bytes | None:
    """Return the file's bytes; None if there is none."""
    try:
        if locate(listing.base).is_local:
            path = os.path.join(listing.base, name)
            size_bytes = os.stat(path).st_size
            if size_bytes > MAX_BYTES:
                raise ValueError(f"it has {size_bytes} bytes, and the most is {MAX_BYTES}")
            with open(path, "rb") as file:
                return file.read(MAX_BYTES)
        objects = open_objects(listing.base, options.source_storage_options)
        return objects.get_range(name, 0, MAX_BYTES)
    except (OSError, StorageError):
        return None


def _parse(data: bytes) -> RunMetadata:
    """Parse the file; raise ValueError with what is wrong."""
    text = data.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        try:  # a run that was stopped leaves the last brace out
            document = json.loads(f"{text.rstrip(',')}}}")
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON, or is cut off") from None
    summary = document.get("Summary") if isinstance(document, dict) else None
    if not isinstance(summary, dict):
        raise ValueError("it has no Summary of a run of Micro-Manager")
    frames = {}
    for key, value in document.items():
        if isinstance(value, dict) and any(pattern.fullmatch(key) for pattern in _KEYS):
            frames[str(value.get("FileName") or key).rpartition("/")[2]] = value
    return RunMetadata(summary, frames)


def _check(run: RunMetadata, source: FilesSource, first: str) -> None:
    """Raise ValueError if the file is that of another run than the source."""
    if first not in run.frames:
        raise ValueError(f"it names {len(run.frames)} files, and {first} is not among them")
    for facts in (run.summary, run.frames[first]):
        for name, axis in _PIXELS:
            said, have = positive(facts.get(name)), source.spec.shape[source.spec.axes.index(axis)]
            if said is not None and said != have:
                raise ValueError(f"it says {name}={said:g}, and the files have {have} pixels on {axis}")


def _elapsed_ms(run: RunMetadata, mapping: Mapping) -> list[float]:
    """Return the time of each frame of one channel and depth; empty if one is missing."""
    if "t" not in mapping.axes:
        return []
    t = mapping.axes.index("t")
    times = []
    for index in range(mapping.shape[t]):
        name = mapping.names.at((*mapping.first[:t], index, *mapping.first[t + 1 :]))
        frame = run.frames.get(name.rpartition("/")[2], {}) if name is not None else {}
        elapsed = number(frame.get("ElapsedTime-ms"))
        if elapsed is None:
            return []
        times.append(elapsed)
    return times


def _with_description(source: FilesSource, found: Description, mapping: Mapping) -> FilesSource:
    """Return a source with what its files do not say."""
    spec = source.spec
    scale = tuple(
        found.scale.get(axis) if size is None else size for axis, size in zip(spec.axes, spec.scale, strict=True)
    )
    units = tuple(
        found.units.get(axis) if size is None else unit
        for axis, size, unit in zip(spec.axes, spec.scale, spec.units, strict=True)
    )
    places = tuple(found.origin.get(axis, 0.0) for axis in spec.axes)
    return replace(
        source,
        spec=replace(
            spec,
            scale=scale,
            units=units,
            translation=spec.translation or (places if any(places) else ()),
            channels=_channels(spec.channels, found.channels, mapping),
            notices=tuple(dict.fromkeys([*spec.notices, *found.notices])),
            details=(*spec.details, *found.details, ("metadata", f"{NAME} of Micro-Manager")),
        ),
    )


def _channels(known: tuple[Channel, ...], said: tuple[Channel, ...], mapping: Mapping) -> tuple[Channel, ...]:
    """Return the channels that the files are of, by their name or their number."""
    if "c" not in mapping.axes:
        return known or said[: 1 if len(said) == 1 else 0]
    values = mapping.values[mapping.axes.index("c")]
    by_name = {channel.name: channel for channel in said}
    if values.field.is_number:
        if any(place >= len(said) for place in values.numbers):
            return known
        return tuple(said[place] for place in values.numbers)
    found = tuple(by_name.get(text) for text in values.texts)
    if any(channel is None for channel in found):
        return known
    return tuple(channel for channel in found if channel is not None)
