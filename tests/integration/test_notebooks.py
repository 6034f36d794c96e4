"""Every notebook runs from top to bottom."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.once

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


# Packages whose name is not that of what is imported.
DISTRIBUTIONS = {"skimage": "scikit-image"}


def test_they_are_there() -> None:
    named = {"quickstart", "image-data-on-the-web", "choosing-chunks", "many-files", "analysis", "cluster"}
    assert {path.stem for path in NOTEBOOKS} == named
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert named == set(re.findall(r"notebooks/([\w-]+)\.ipynb", readme))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook: Path, tmp_path: Path) -> None:
    copy = shutil.copy(notebook, tmp_path)
    words = [sys.executable, "-c", "from nbclient.cli import main; main()", "--timeout=120", str(copy)]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_first_cell_and_the_readme_say_what_it_needs_besides_the_package(notebook: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    there = {re.split(r"[\[<>=]", name)[0] for name in project["dependencies"]} | {"pyramid", *sys.stdlib_module_names}
    first, *cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = {name.split(".")[0] for name in re.findall(r"^(?:import|from) ([\w.]+)", code, re.MULTILINE)} - there
    needed = {DISTRIBUTIONS.get(name, name) for name in imported}
    needed |= {"moto[server]"} if '"moto.server"' in code else set()
    for text in ("".join(first["source"]), (ROOT / "README.md").read_text(encoding="utf-8")):
        installed = [set(line.replace("'", "").split()) for line in re.findall(r"`pip install ([^`]+)`", text)]
        assert any(needed | {"jupyterlab"} <= packages for packages in installed), needed


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_what_it_put_out(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_site_has_a_page_with_its_title(notebook: Path) -> None:
    page = (ROOT / "docs/notebooks" / f"{notebook.stem}.md").read_text(encoding="utf-8")
    first = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    assert page.splitlines()[0] == first.splitlines()[0]
    assert f"<!-- notebook {notebook.name} -->" in page


def test_the_site_shows_the_output_of_the_same_cells_only(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("cells", ROOT / "docs/cells.py")
    assert spec is not None
    assert spec.loader is not None
    cells: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cells)
    first = {"cell_type": "markdown", "source": ["# Title\n", "\n", "Words."]}
    code: dict[str, Any] = {"cell_type": "code", "source": ["1 + 1"], "outputs": []}
    run = copy.deepcopy(code)
    run["outputs"] = [
        {"data": {"text/plain": ["2"], "text/html": ["<b>2</b>"]}},
        {"data": {"text/plain": ["a frame"], "text/html": ["<iframe></iframe>"]}},
        {"data": {"image/png": "QUJD\n"}},
        {"text": ["said\n"]},
    ]
    notebook, output = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    notebook.write_text(json.dumps({"cells": [first, code]}))
    assert "1 + 1" in cells.markdown(notebook, output)
    output.write_text(json.dumps({"cells": [first, run]}))
    page = cells.markdown(notebook, output)
    assert page.startswith("\nWords.")
    assert [part in page for part in ("<b>2</b>", "iframe", "a frame", "base64,QUJD", "said")] == [True, False] + 3 * [
        True
    ]
    notebook.write_text(json.dumps({"cells": [first, {**code, "source": ["1 + 2"]}]}))
    assert "<b>" not in cells.markdown(notebook, output)
