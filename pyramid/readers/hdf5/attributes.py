"""Attributes of HDF5 objects, as plain values."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

MAX_VALUES = 1000  # of an attribute that are read: those that matter are short


def attribute(owner: Any, name: str) -> Any:  # noqa: ANN401  (h5py is not typed)
    """Return an attribute; None if it is missing or cannot be read."""
    with contextlib.suppress(Exception):  # a damaged attribute is as good as none
        return owner.attrs.get(name)
    return None


def text_of(value: object) -> str:
    """Return an attribute as text, which Imaris stores as an array of single letters.

    Examples
    --------
    >>> text_of(np.array([b"u", b"m"])), text_of(b"um"), text_of(None)
    ('um', 'um', '')
    """
    if isinstance(value, np.ndarray):
        value = b"".join(item for item in value.ravel()[:100_000].tolist() if isinstance(item, bytes)) or value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return value.strip("\0 ") if isinstance(value, str) else ""


def texts_of(value: object) -> list[str]:
    """Return an attribute as a list of texts.

    Examples
    --------
    >>> texts_of(np.array(["z", b"y"], object)), texts_of(3)
    (['z', 'y'], [])
    """
    if not isinstance(value, np.ndarray | list | tuple):
        return [text_of(value)] if text_of(value) else []
    items = value.ravel().tolist() if isinstance(value, np.ndarray) else list(value)
    return [text_of(item) for item in items[:MAX_VALUES]]


def numbers_of(value: object) -> list[float]:
    """Return an attribute as a list of numbers, which may be in a text.

    Returns
    -------
    list of float
        Empty where one is missing, or is not finite.

    Examples
    --------
    >>> numbers_of(np.array([b"0", b".", b"5"])), numbers_of((1, 2)), numbers_of("a"), numbers_of(None)
    ([0.5], [1.0, 2.0], [], [])
    """
    text = text_of(value)
    try:
        if text:
            numbers = [float(word) for word in text.replace(",", " ").split()[:MAX_VALUES]]
        else:
            numbers = [float(number) for number in np.ravel(np.asarray(value, float))[:MAX_VALUES]]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
