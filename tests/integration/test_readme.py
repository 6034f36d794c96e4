"""Each line of the README works as it is written, in the README's order, on a fresh clone."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.pages.fences import fences
from tests.support.paths import ROOT
from tests.support.servers.service import Service

pytestmark = pytest.mark.once

BLOCKS = [(block.language, block.text) for block in fences(ROOT / "README.md") if block.language in ("sh", "python")]
# Variables that would lend the clone this environment, or its settings.
OF_THIS_ENVIRONMENT = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def clone(folder: Path) -> Path:
    """The files of the project as git would give them to a stranger."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def test_the_lines_of_the_readme_work_in_order_on_a_fresh_clone(tmp_path: Path, s3: Service) -> None:
    lines = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
    session = "".join(text for language, text in BLOCKS if language == "python")  # one session, as a reader has it
    script = ["set -e", *lines, f"python <<'END_OF_SESSION'\n{session}END_OF_SESSION"]
    environment = {name: value for name, value in os.environ.items() if name not in OF_THIS_ENVIRONMENT}
    own = str(ROOT / ".venv")
    environment |= {
        "PATH": os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(own)),
        "AWS_ACCESS_KEY_ID": s3.options["key"],
        "AWS_SECRET_ACCESS_KEY": s3.options["secret"],
        "AWS_ENDPOINT_URL": s3.endpoint,
    }
    run = subprocess.run(
        ["sh"],
        input="\n".join(script),
        cwd=clone(tmp_path),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "pyramid info pyramid-demo/slide.ome.zarr" in run.stdout
    assert ". .venv/bin/activate" in run.stdout
    written = {path.name for path in (tmp_path / "pyramid-demo").iterdir()}
    named = {name for _, text in BLOCKS for name in re.findall(r"[\w-]+\.ome\.zarr", text)}
    assert {*named, "slide.ome.tif"} <= written | {"slide.ome.zarr"}
    assert len(named) >= 5


def test_make_targets_are_there() -> None:
    named = set(re.findall(r"`?\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= named <= there
