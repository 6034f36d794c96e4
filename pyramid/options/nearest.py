"""The known name that a mistyped one most probably means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pyramid.errors import short_repr

# The longest text that is compared: every known name is shorter.
MAX_COMPARED_CHARACTERS = 80


def nearest(value: object, known: Iterable[str], *, strict: bool = False) -> str | None:
    """Return the known name that is most like a value.

    Capitals, hyphens, underscores and spaces do not count. A beginning or a part of a name is like the name; with
    `strict`, as for names of files, which share their endings, only a beginning is.

    Returns
    -------
    str or None
        None where no name is like the value.

    Examples
    --------
    >>> nearest("maen", ["mean", "mode"]), nearest("s4", ["gs", "s3", "s3a"]), nearest("lz4", ["blosc:lz4", "gzip"])
    ('mean', 's3', 'blosc:lz4')
    >>> nearest("endpoint", ["endpoint_url", "region"]), nearest("zebra", ["mean", "mode"])
    ('endpoint_url', None)
    """
    given = _folded(str(value)[:MAX_COMPARED_CHARACTERS])
    if len(given) < 2:
        return None
    names = {name: _folded(name) for name in sorted(known)}
    allowed = 1 if len(given) < 5 else len(given) // 3
    far = {name: _edits(given, folded) for name, folded in names.items()}
    close = [name for name in names if far[name] <= allowed]
    if close:
        return min(close, key=lambda name: (far[name], not names[name].startswith(given)))
    for name, folded in names.items():
        if folded.startswith(given) or (not strict and given in re.split(r"[^a-z0-9]+", name.casefold())):
            return name
    if strict:
        return None
    similar = difflib.get_close_matches(given, names.values(), n=1)
    return next((name for name, folded in names.items() if folded in similar), None)


def unknown(kind: str, value: object, known: Iterable[str]) -> str:
    """Return a message that `value` is not one of `known`, with the nearest of them."""
    choices = sorted(known)
    near = nearest(value, choices)
    hint = f"did you mean {near!r}?" if near else f"choose one of: {', '.join(choices)}"
    return f"unknown {kind} {short_repr(value)}; {hint}"


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]", "", text.casefold())


def _edits(one: str, other: str) -> int:
    """Count the letters that are changed, left out, added or swapped with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        after = [i]
        for j, against in enumerate(other, 1):
            fewest = min(row[j] + 1, after[j - 1] + 1, row[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                fewest = min(fewest, before[j - 2] + 1)
            after.append(fewest)
        before, row = row, after
    return row[-1]
