"""The public surface, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pyramid

PUBLIC = {
    "BatchError",
    "BatchOutcome",
    "AddLevelsOptions",
    "BatchPlan",
    "BatchProgress",
    "BatchReport",
    "Download",
    "Edit",
    "Collection",
    "ConvertOptions",
    "CreateOptions",
    "Creation",
    "Finding",
    "Image",
    "Manifest",
    "LevelCheck",
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
    "upgrade",
    "unpack",
    "validate",
    "verify",
    "view",
}
DEAR = {"dask", "distributed", "imagecodecs", "numba", "numpy", "obstore", "rich", "tifffile", "yaml", "zarr"}


def modules_after(statement: str) -> set[str]:
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {str(name).partition(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}


def test_the_public_surface_is_this() -> None:
    assert set(pyramid.__all__) == PUBLIC
    assert len(pyramid.__all__) == len(PUBLIC)


def test_every_public_name_is_there() -> None:
    for name in PUBLIC:
        assert hasattr(pyramid, name), name


def test_importing_the_package_imports_none_of_the_dear_libraries() -> None:
    assert modules_after("import pyramid") & DEAR == set()


def test_importing_the_command_imports_none_that_help_does_not_use() -> None:
    assert modules_after("import pyramid.cli") & DEAR == set()
