"""Limits of the format that is written: its dtypes, and the names of its keys."""

from __future__ import annotations

import json
from dataclasses import replace

from pyramid.errors import OptionError, list_some
from pyramid.model import SourceSpec
from pyramid.ngff import Version
from pyramid.options.convert import Options

# The most names that a notice lists.
MAX_NAMED = 8


def fitted_to_format(spec: SourceSpec, options: Options, version: Version) -> SourceSpec:
    """Return the source without attributes that have names of keys of a format.

    A notice names them.

    Raises
    ------
    OptionError
        If the format does not have the dtype of the pixels, or attributes that are given have the name of a key.
    """
    _check_dtype(spec.dtype, version)
    given = sorted(version.own_keys & set(options.attributes or ()))
    if given:
        raise OptionError(f"attributes: {given[0]!r} is a key of {version.title}; give another key")
    carried = json.loads(spec.attributes or "{}")
    lost = sorted(version.own_keys & set(carried))
    if not lost:
        return spec
    kept = {key: value for key, value in carried.items() if key not in lost}
    notice = f"not carried over, as {version.title} has keys of these names: {list_some(lost, MAX_NAMED)}"
    return replace(spec, attributes=json.dumps(kept) if kept else "", notices=(*spec.notices, notice))


def _check_dtype(dtype: str, version: Version) -> None:
    """Raise OptionError if the format does not have the dtype of the pixels."""
    if version.dtypes is not None and dtype not in version.dtypes:
        raise OptionError(
            f"format: {version.title} has no {dtype}, only integers, float32 and float64; give dtype=..., or "
            "write an OME-Zarr"
        )
