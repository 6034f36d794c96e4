"""Shell loops that convert several files, for errors: a command converts one."""

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


def loop_over(folder: str | Path, names: Sequence[str]) -> str:
    """Return the line of a shell that converts all files of a folder.

    Each OME-Zarr is written next to its file.

    Parameters
    ----------
    folder
        The folder, which is quoted where a shell needs that.
    names
        Names of files, of which the endings are taken, or one pattern.

    Examples
    --------
    >>> print(loop_over("my cells", ["a.tif", "b.tif"]))
    for f in 'my cells'/*.tif; do pyramid convert "$f" "${f%.*}.ome.zarr"; done
    >>> print(loop_over("/data", ["a.ome.tif"]))
    for f in /data/*.tif; do pyramid convert "$f" "${f%.ome.*}.ome.zarr"; done
    >>> print(loop_over("/data", ["a.ome.tif", "b.tif"]))
    for f in /data/*.tif; do o="${f%.*}"; pyramid convert "$f" "${o%.ome}.ome.zarr"; done
    >>> print(loop_over(".", ["well A*.tif"]))
    for f in ./'well A'*.tif; do pyramid convert "$f" "${f%.*}.ome.zarr"; done
    """
    is_pattern = len(names) == 1 and _WILD.search(names[0]) is not None
    patterns = [names[0]] if is_pattern else sorted({f"*{Path(name).suffix}" for name in names})
    quoted = (
        "".join(part if _WILD.fullmatch(part) else shlex.quote(part) for part in _WILD.split(pattern) if part)
        for pattern in patterns
    )
    start = shlex.quote(str(folder)).rstrip("/")
    files = " ".join(f"{start}/{pattern}" for pattern in quoted)
    with_ome = [".ome." in name.lower() for name in names]
    if any(with_ome) and not all(with_ome):
        return f'for f in {files}; do o="${{f%.*}}"; pyramid convert "$f" "${{o%.ome}}.ome.zarr"; done'
    ending = ".ome.*" if all(with_ome) else ".*"
    return f'for f in {files}; do pyramid convert "$f" "${{f%{ending}}}.ome.zarr"; done'
