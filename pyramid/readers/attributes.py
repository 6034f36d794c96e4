"""The attributes of a source that OME-Zarr has no meaning for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pyramid.options.attributes import MAX_BYTES, OWNED

# The most numbers of an attribute that is an array: more are data.
MAX_ITEMS = 10_000


def keep_attributes(given: Mapping[Any, Any], left_out: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Return attributes as JSON, and the names of those that cannot be kept.

    Parameters
    ----------
    given
        Attributes as a library gives them, also NumPy's numbers and arrays.
    left_out
        Names that are read otherwise.

    Returns
    -------
    str, tuple
        The JSON of an object, empty if there is nothing to keep; and names.

    Examples
    --------
    >>> keep_attributes({"lab": b"B3", "ome": {}, "at": object(), "_x": 1}, ["_x"])
    ('{"lab": "B3"}', ('ome', 'at'))
    """
    kept: dict[str, Any] = {}
    lost: list[str] = []
    size = 0
    for key, value in given.items():
        if key in left_out:
            continue
        try:
            if not isinstance(key, str) or key in OWNED:
                raise TypeError(key)
            plain = _plain(value)
            size += len(json.dumps({key: plain}, allow_nan=False))
            if size > MAX_BYTES:
                raise ValueError(key)
            kept[key] = plain
        except (TypeError, ValueError, RecursionError):
            lost.append(str(key))
    return json.dumps(kept) if kept else "", tuple(lost)


def _plain(value: object) -> Any:  # noqa: ANN401  (any value of JSON)
    """Return a value as JSON has it.

    Raises TypeError or ValueError for one that JSON does not have.
    """
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # of NumPy
        if getattr(value, "size", 1) > MAX_ITEMS:
            raise ValueError("an array")
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise TypeError(type(value).__name__)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(key)
    return key
