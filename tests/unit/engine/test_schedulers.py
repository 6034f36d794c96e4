"""Dask is asked for its configuration only where one may be set, since importing it takes longer than a small image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (
    "import json, sys; from pyramid.engine import schedulers as s\n"
    "print(json.dumps([s.configured_value(), s.configured_workers(), 'dask' in sys.modules]))"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# scheduler: threads\n\n  # num_workers: 3\n", [None, None, False]),
        ("array:\n  slicing:\n    split-large-chunks: true\n", [None, None, False]),
        ("scheduler: synchronous # all in one\n", ["synchronous", None, True]),
        ("{num_workers: 3}\n", [None, 3, True]),
    ],
)
def test_files_of_comments_import_nothing(tmp_path: Path, text: str, expected: list[object]) -> None:
    folder = tmp_path / ".config" / "dask"
    folder.mkdir(parents=True)
    (folder / "some.yaml").write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DASK_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**environment, "HOME": str(tmp_path)}, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == expected
