"""Every notebook runs from top to bottom."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_notebooks_run(tmp_path: Path) -> None:
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks, "there is no notebook to run"
    for notebook in notebooks:
        copy = shutil.copy(notebook, tmp_path)
        words = [sys.executable, "-c", "from nbclient.cli import main; main()", "--timeout=120", str(copy)]
        run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{notebook.name}: {run.stderr[-3000:]}"
