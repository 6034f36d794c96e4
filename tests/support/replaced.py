"""Documents with one part replaced, for metadata that anyone may have written."""

from __future__ import annotations

from typing import Any


def replaced(document: Any, value: Any) -> list[Any]:
    """The document with `value` in the place of each of its parts in turn."""
    if isinstance(document, dict):
        parts = [(key, one) for key, inner in document.items() for one in [value, *replaced(inner, value)]]
        return [{**document, key: one} for key, one in parts]
    if isinstance(document, list):
        places = [(i, one) for i, inner in enumerate(document) for one in [value, *replaced(inner, value)]]
        return [[*document[:i], one, *document[i + 1 :]] for i, one in places]
    return []
