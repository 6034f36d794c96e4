"""The options of `create`: those of `convert` that are not about a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyramid.errors import OptionError
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.spec import OptionSpec

# The options of `convert` that an image without a source has, in the order of `Options`.
CREATED = (
    *("scale", "units", "origin", "name", "attributes", "channel_names", "channel_colors", "fill_missing", "format"),
    *("ome_zarr_version", "method", "nodata", "scale_factors", "levels", "min_size", "chunks", "shards", "codec"),
    *("codec_level", "shuffle", "checksum", "skip_empty", "thumbnail", "memory", "workers", "scheduler"),
    *("scheduler_file", "cluster", "block_timeout", "performance_report", "overwrite", "resume", "storage_options"),
    *("report",),
)
# The value of ``levels`` with which coarse levels are written as soon as they can be.
AS_WRITTEN = "as written"
# Meanings of options that differ from those in `convert`.
_MEANINGS = {
    "fill_missing": "make pixels that never come 0 in `finish`, which else refuses an image with gaps",
    "levels": 'how many levels, the first included; or "as written": each object of a level as soon as it can be made',
    "memory": "memory for parts of objects that wait for the rest, and for the workers of `finish`; else a quarter of "
    "what is free",
    "storage_options": "options of the store of TARGET",
}
_REMEDIES = {
    "manifest": "pyramid.manifest(target) lists the digests of the finished image",
    "labels": "write the label image next to the image, and convert it with labels=...",
}


def created_specs() -> dict[str, OptionSpec]:
    """Return the options of `create` by name, with what they mean there."""
    known = option_specs()
    return {name: replace(known[name], help=_MEANINGS.get(name, known[name].help)) for name in CREATED}


def make_created_options(values: Mapping[str, Any]) -> tuple[Options, bool]:
    """Parse the options of `create`, by name.

    Returns
    -------
    tuple
        The options, and whether coarse levels are written as soon as they can be.

    Raises
    ------
    OptionError
        For an unknown option, one that only a source has, and a value that does not parse.

    Examples
    --------
    >>> options, as_written = make_created_options({"levels": "as written", "chunks": "plane"})
    >>> options.levels, options.chunks, as_written
    (None, 'plane', True)
    """
    for name in values:
        if name in option_specs() and name not in (*CREATED, "axes") and values[name] is not None:
            remedy = _REMEDIES.get(name, "leave it out")
            raise OptionError(f"{name}: it is an option of convert, for a source that is there; {remedy}")
    levels = values.get("levels")
    as_written = isinstance(levels, str) and levels == AS_WRITTEN
    if isinstance(levels, str) and not as_written and not levels.isdecimal():
        raise OptionError(f'levels: {levels!r} is neither a number nor "{AS_WRITTEN}"; give one of them')
    options = make_options({**values, "levels": None if as_written else levels})
    if options.overwrite and options.resume:
        raise OptionError("overwrite: resume=True goes on with what is there, and overwrite=True removes it; give one")
    if options.skip_empty and not options.fill_missing:
        raise OptionError(
            "skip_empty: objects that hold only zeros are left out, so nothing shows that one has come; give "
            "fill_missing=True too"
        )
    return options, as_written
