"""The options of `add_levels`: those of `convert` that are about levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyramid.errors import OptionError
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.nearest import unknown

# The names of the options, in the order of ``--help``.
ADDING_OPTIONS = (
    *("axes", "scale", "units", "origin", "name", "method", "nodata", "scale_factors", "levels", "min_size"),
    *("chunks", "shards", "codec", "codec_level", "shuffle", "checksum", "memory", "workers", "scheduler"),
    *("scheduler_file", "cluster", "block_timeout", "performance_report", "resume", "report"),
)
# Those that are as level 0 has them, where they are not given.
OF_LEVEL_0 = ("chunks", "shards", "codec", "codec_level", "shuffle", "checksum")


def make_adding_options(values: Mapping[str, Any], storage_options: Mapping[str, Any] | None) -> Options:
    """Parse a user's values, by option name, into Options.

    Raises OptionError for an option that is not one of `ADDING_OPTIONS`, and for a value that does not parse.

    Examples
    --------
    >>> make_adding_options({"levels": "3"}, None).levels
    3
    >>> make_adding_options({"overwrite": True}, None)
    Traceback (most recent call last):
        ...
    pyramid.errors.OptionError: overwrite: it is an option of convert, and not of add_levels; leave it out
    """
    for name in values:
        if name not in ADDING_OPTIONS and name in option_specs():
            raise OptionError(f"{name}: it is an option of convert, and not of add_levels; leave it out")
        if name not in ADDING_OPTIONS:
            raise OptionError(unknown("option", name, ADDING_OPTIONS))
    options = make_options(values)
    return replace(options, source_storage_options=storage_options, target_storage_options=storage_options)
