"""The share of blocks of a quick look."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from pyramid.errors import OptionError, short_repr


def parse_sample(value: object) -> float | None:
    """Parse a share, as ``"1%"``, ``0.01`` or ``"0.01"``; None for all blocks.

    Examples
    --------
    >>> parse_sample("1%"), parse_sample(0.25), parse_sample(None)
    (0.01, 0.25, None)
    """
    if value is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", str(value)) if not isinstance(value, bool) else None
    share = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < share <= 1:
        raise OptionError(f"sample: {short_repr(value)} is not a share of the blocks; give one, as 1% or 0.01")
    return share


def chosen_blocks(count: int, share: float | None, seed: int) -> Sequence[int]:
    """Return the numbers of the blocks of a sample, at least one.

    Examples
    --------
    >>> list(chosen_blocks(4, None, 0)), len(list(chosen_blocks(1000, 0.01, 0)))
    ([0, 1, 2, 3], 10)
    """
    if share is None or share == 1:
        return range(count)
    return sorted(random.Random(seed).sample(range(count), max(1, round(count * share))))
