"""The versions that client, scheduler and workers must share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from pyramid._version import __version__

# Packages that must be the same everywhere, with how many parts of the version count: those by which the processes
# speak to each other, and on workers those on which the bytes of a block depend.
SPOKEN = {"dask": 3, "distributed": 3}
ENCODING = {"imagecodecs": 3, "numpy": 2}


def own_versions() -> dict[str, str]:
    """Return the versions of this process, by name."""
    found = {"ome-pyramid": __version__, "python": "{}.{}".format(*sys.version_info)}
    for name, parts in {**SPOKEN, **ENCODING}.items():
        try:
            found[name] = ".".join(version(name).split(".")[:parts])
        except PackageNotFoundError:
            found[name] = "none"
    return found


def difference(there: Mapping[str, str], *, encodes: bool) -> str | None:
    """Return what differs from the versions of this process, or None.

    Parameters
    ----------
    there
        The versions of another process.
    encodes
        Whether it does blocks.

    Examples
    --------
    >>> difference({**own_versions(), "python": "3.2"}, encodes=True).partition(",")[0]
    'has python 3.2'
    """
    here = own_versions()
    differing = [name for name, mine in here.items() if there.get(name) != mine and (encodes or name not in ENCODING)]
    if not differing:
        return None
    theirs = ", ".join(f"{name} {there.get(name, 'none')}" for name in differing)
    return f"has {theirs}, and this process has {', '.join(here[name] for name in differing)}"
