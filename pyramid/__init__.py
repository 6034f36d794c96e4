"""Multiscale OME-Zarr pyramids from TIFF files and arrays.

`convert` builds a pyramid, or one of each of many images, and `plan` says what it would do. `create` begins one whose
pixels come by region, and `add_levels` builds the levels of an array or image that has none. `open` reads a pyramid's
metadata and gives its levels as lazy arrays. `info` also reads the metadata of a plate or any other collection, and
`preview` makes a picture of it.
`download` copies any of them to local disk, `validate` holds their metadata against the specification, `verify` finds
out whether their pixels are right and repairs them, and `manifest` lists the digests of a store. `edit` changes
metadata in place, and `upgrade` makes a later version of OME-Zarr of it. `pack` makes one zipped file of an OME-Zarr,
and `unpack` a folder of that. `view` shows them in a browser. Importing the package is quick: each library is imported
when it is first needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pyramid._version import __version__
from pyramid.errors import BatchError, OptionError, PyramidError, PyramidWarning, SourceError, StoppedError, TargetError

if TYPE_CHECKING:
    from pyramid.adding import add_levels
    from pyramid.api import convert, plan
    from pyramid.batch.outcome import BatchOutcome
    from pyramid.batch.planning import BatchPlan
    from pyramid.batch.progress import BatchProgress
    from pyramid.batch.report import BatchReport
    from pyramid.creating import Creation, create
    from pyramid.downloading import Download, download
    from pyramid.editing import Edit, Upgrade, edit, upgrade
    from pyramid.engine.build import Progress
    from pyramid.engine.report import RunReport
    from pyramid.image import Collection, Image, info, open, preview
    from pyramid.inventory import Manifest, manifest
    from pyramid.options.created_keywords import CreateOptions
    from pyramid.options.keywords import AddLevelsOptions, ConvertOptions
    from pyramid.packing import Packed, pack, unpack
    from pyramid.planning import Plan
    from pyramid.previewing import Preview
    from pyramid.validating import RuleFinding, Validation, validate
    from pyramid.verifying import Finding, LevelCheck, Verification, VerifyProgress, verify
    from pyramid.viewing import Viewer, view

__all__ = [
    "AddLevelsOptions",
    "BatchError",
    "BatchOutcome",
    "BatchPlan",
    "BatchProgress",
    "BatchReport",
    "Collection",
    "ConvertOptions",
    "CreateOptions",
    "Creation",
    "Download",
    "Edit",
    "Finding",
    "Image",
    "LevelCheck",
    "Manifest",
    "OptionError",
    "Packed",
    "Plan",
    "Preview",
    "Progress",
    "PyramidError",
    "PyramidWarning",
    "RuleFinding",
    "RunReport",
    "SourceError",
    "StoppedError",
    "TargetError",
    "Upgrade",
    "Validation",
    "Verification",
    "VerifyProgress",
    "Viewer",
    "__version__",
    "add_levels",
    "convert",
    "create",
    "download",
    "edit",
    "info",
    "manifest",
    "open",
    "pack",
    "plan",
    "preview",
    "unpack",
    "upgrade",
    "validate",
    "verify",
    "view",
]

# The module of each public name that is imported when it is first needed.
_HOMES = {
    "AddLevelsOptions": "pyramid.options.keywords",
    "BatchOutcome": "pyramid.batch.outcome",
    "BatchPlan": "pyramid.batch.planning",
    "BatchProgress": "pyramid.batch.progress",
    "BatchReport": "pyramid.batch.report",
    "Collection": "pyramid.image",
    "ConvertOptions": "pyramid.options.keywords",
    "CreateOptions": "pyramid.options.created_keywords",
    "Creation": "pyramid.creating",
    "Download": "pyramid.downloading",
    "Edit": "pyramid.editing",
    "Finding": "pyramid.verifying",
    "Image": "pyramid.image",
    "Manifest": "pyramid.inventory",
    "LevelCheck": "pyramid.verifying",
    "Packed": "pyramid.packing",
    "Plan": "pyramid.planning",
    "Preview": "pyramid.previewing",
    "Progress": "pyramid.engine.build",
    "Upgrade": "pyramid.editing",
    "RuleFinding": "pyramid.validating",
    "RunReport": "pyramid.engine.report",
    "Validation": "pyramid.validating",
    "Verification": "pyramid.verifying",
    "VerifyProgress": "pyramid.verifying",
    "Viewer": "pyramid.viewing",
    "add_levels": "pyramid.adding",
    "convert": "pyramid.api",
    "create": "pyramid.creating",
    "download": "pyramid.downloading",
    "edit": "pyramid.editing",
    "info": "pyramid.image",
    "manifest": "pyramid.inventory",
    "open": "pyramid.image",
    "pack": "pyramid.packing",
    "plan": "pyramid.api",
    "preview": "pyramid.image",
    "unpack": "pyramid.packing",
    "upgrade": "pyramid.editing",
    "validate": "pyramid.validating",
    "verify": "pyramid.verifying",
    "view": "pyramid.viewing",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attributes are of any type)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    from importlib import import_module  # noqa: PLC0415  (next to its one use)

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
