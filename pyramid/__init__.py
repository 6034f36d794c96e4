"""Multiscale OME-Zarr pyramids from TIFF files and arrays.

`convert` builds a pyramid, `plan` says what it would do, `open` reads a pyramid's metadata and gives its levels as
lazy arrays. Importing the package imports none of the libraries beneath: each comes with the first thing that
needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyramid._version import __version__
from pyramid.errors import OptionError, PyramidError, SourceError, StoppedError, TargetError

if TYPE_CHECKING:
    from pyramid.api import convert, plan
    from pyramid.engine import Progress
    from pyramid.image import Image, open
    from pyramid.planning import Plan

__all__ = [
    "Image",
    "OptionError",
    "Plan",
    "Progress",
    "PyramidError",
    "SourceError",
    "StoppedError",
    "TargetError",
    "__version__",
    "convert",
    "open",
    "plan",
]

_HOMES = {
    "Image": "pyramid.image",
    "Plan": "pyramid.planning",
    "Progress": "pyramid.engine",
    "convert": "pyramid.api",
    "open": "pyramid.image",
    "plan": "pyramid.api",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attributes are of any type)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  (beside its one use)

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
