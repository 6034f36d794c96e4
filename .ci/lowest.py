"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

What the project does not name itself keeps its pin of constraints.txt.

    python .ci/lowest.py > lowest.txt
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLLOWS = {"llvmlite"}  # each numba wants a llvmlite of its own


def lowest(project: dict[str, object]) -> dict[str, str]:
    """Lower bound by package name, of every dependency of `project` (a parsed pyproject.toml).

    Examples
    --------
    >>> lowest({"dependencies": ["dask[array]>=2024.12", "numpy>=2.0"]})
    {'dask': '2024.12', 'numpy': '2.0'}
    """
    found = {}
    dependencies = project["dependencies"]
    assert isinstance(dependencies, list)
    for requirement in dependencies:
        parts = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)", requirement)
        if parts is None:
            raise SystemExit(f"{requirement!r} is not of the form name>=version")
        found[parts[1]] = parts[2]
    return found


def main() -> None:
    """Print one constraint a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = lowest(project)
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    kept = {name: pin for name, pin in pins.items() if name.lower() not in bounds and name not in FOLLOWS}
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in {**kept, **bounds}.items())


if __name__ == "__main__":
    main()
