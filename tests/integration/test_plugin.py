"""A plug-in in a package of its own, installed and found through its entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.once

PLUGIN = ROOT / "tests/plugin"


def test_a_plug_in_is_installed_and_passes_the_shipped_tests(tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    source = tmp_path / "plugin"
    source.mkdir()
    for file in (PLUGIN / "pyproject.toml", PLUGIN / "test_cells.py", *PLUGIN.glob("src/cells/*.py")):
        copy = source / file.relative_to(PLUGIN)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, cwd=tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "test_cells.py")]
    done = subprocess.run(tests, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_the_guide_shows_the_very_code() -> None:
    guide = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    for file in ("src/cells/reader.py", "src/cells/method.py", "pyproject.toml"):
        assert (PLUGIN / file).read_text(encoding="utf-8").strip() in guide, file
    reader, method = ((PLUGIN / f"src/cells/{name}.py").read_text().splitlines() for name in ("reader", "method"))
    assert len([line for line in reader if line.strip()]) <= 30
    assert len([line for line in method[method.index("@dataclass(frozen=True)") :] if line.strip()]) <= 10
