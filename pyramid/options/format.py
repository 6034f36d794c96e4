"""The format of a target, from the option and the ending of the target's name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyramid.errors import OptionError

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# The formats that are written. ``auto`` decides by the name of the target.
N5, OME_ZARR, AUTO = "n5", "ome-zarr", "auto"
# The ending of a target that is an N5.
N5_ENDING = ".n5"


def with_format(options: Options, target: str | None) -> Options:
    """Return options in which the format is decided.

    Raises
    ------
    OptionError
        If a version of OME-Zarr is given for a target that is none.
    """
    ends_so = target is not None and target.rstrip("/").lower().endswith(N5_ENDING)
    chosen = options.format if options.format != AUTO else N5 if ends_so else OME_ZARR
    if chosen == N5 and options.ome_zarr_version != type(options).ome_zarr_version:
        raise OptionError(
            f"ome_zarr_version: an N5 is of no version of OME-Zarr, so {options.ome_zarr_version} cannot be written; "
            'leave it out, or give format="ome-zarr"'
        )
    return replace(options, format=chosen)


def written_version(options: Options) -> str:
    """Return the name of the version that is written, as in `pyramid.ngff.FORMATS`."""
    return N5 if options.format == N5 else options.ome_zarr_version
