"""Commands that convert several files, for errors about their folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

# Endings of TIFFs by which a folder of them is recognised.
_TIFFS = (".tif", ".tiff", ".btf", ".lsm", ".svs", ".ndpi", ".qptiff", ".scn", ".stk")
# What stands for other letters in a pattern of a shell.
_WILD = re.compile(r"([*?\[\]])")


def tiffs_of(names: Sequence[str]) -> list[str]:
    """Return the names of TIFFs among those of a folder, without hidden files."""
    return sorted(name for name in names if name.lower().endswith(_TIFFS) and not name.startswith("."))


def convert_each(folder: str | Path, names: Sequence[str]) -> str:
    """Return the command that converts several files of a folder, next to each.

    Parameters
    ----------
    folder
        The folder, which is quoted where a shell needs that.
    names
        Names of files, of which the endings are taken, or one pattern.

    Examples
    --------
    >>> print(convert_each("my cells", ["a.tif", "b.ome.tif"]))
    pyramid convert 'my cells'/*.tif 'my cells'/
    >>> print(convert_each(".", ["well A*.tif"]))
    pyramid convert ./'well A'*.tif ./
    """
    is_pattern = len(names) == 1 and _WILD.search(names[0]) is not None
    patterns = [names[0]] if is_pattern else sorted({f"*{Path(name).suffix}" for name in names})
    quoted = (
        "".join(part if _WILD.fullmatch(part) else shlex.quote(part) for part in _WILD.split(pattern) if part)
        for pattern in patterns
    )
    start = shlex.quote(str(folder)).rstrip("/")
    return f"pyramid convert {' '.join(f'{start}/{pattern}' for pattern in quoted)} {start}/"
