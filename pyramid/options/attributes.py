"""The option ``attributes``: further keys of a group's attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyramid.errors import OptionError, short_repr
from pyramid.options import parsing

# The keys of attributes that OME-Zarr or this program owns: they have options of their own.
OWNED = (
    *("ome", "multiscales", "omero", "labels", "image-label", "plate", "well", "bioformats2raw.layout", "series"),
    *("pyramid", "_creator", "zarr_conventions", "thumbnails"),
)
# The longest text of attributes: some requests of a viewer, which reads it with each image.
MAX_BYTES = 2**20


def parse_attributes(value: object) -> dict[str, Any]:
    """Parse attributes from a mapping, a JSON text, or the path of a JSON file.

    Examples
    --------
    >>> parse_attributes('{"lab": "B3"}')
    {'lab': 'B3'}
    """
    found = parsing.mapping(_read(value))
    for key in found:
        if key in OWNED:
            raise OptionError(f"{key!r} is a key of OME-Zarr; use its own options, or give another key")
    try:
        text = json.dumps(found, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"they cannot be written as JSON: {error}; give values of JSON") from None
    if len(text) > MAX_BYTES:
        raise OptionError(f"they are {len(text)} bytes of JSON, and at most {MAX_BYTES} are kept; give fewer")
    return found


def _read(value: object) -> object:
    """Return the text of a JSON file, and anything else as it is."""
    if isinstance(value, Mapping) or (isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"')):
        return value
    try:
        path = Path(str(value)).expanduser()
        if path.stat().st_size > MAX_BYTES:
            raise OptionError(f"{path} is over {MAX_BYTES} bytes; give fewer attributes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OptionError(
            f'{short_repr(value)} cannot be read: {error.strerror}; give a JSON file, or a text as \'{{"lab": "B3"}}\''
        ) from None
    except ValueError:
        raise OptionError(f"{short_repr(value)} is not text in UTF-8; give a JSON file") from None
