"""Every example of the README runs, in the README's order."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.servers.service import Service

SAMPLE = ROOT / "tests/data/tiff/ome-sample/multi-channel-z-series.ome.tif"
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE, tmp_path / "cells.ome.tif")
    return tmp_path


def test_commands(folder: Path, s3: Service) -> None:
    lines = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
    commands = [line for line in lines if line.startswith("pyramid ")]
    assert len(commands) >= 2
    keys = {"AWS_ACCESS_KEY_ID": s3.options["key"], "AWS_SECRET_ACCESS_KEY": s3.options["secret"]}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": s3.endpoint}
    for command in commands:
        words = [sys.executable, "-m", "pyramid", *shlex.split(command)[1:]]
        run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{command}: {run.stderr}"


def test_make_targets_are_there() -> None:
    lines = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
    named = {line.split()[1] for line in lines if line.startswith("make ")}
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= there


def test_python(folder: Path) -> None:
    program = "\n".join(text for language, text in BLOCKS if language == "python")
    run = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout
