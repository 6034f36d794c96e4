"""Many kills of `edit` and `upgrade` at random moments: the old image or the new one, never half of one."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pyramid
from tests.integration.editing.test_edit import build
from tests.integration.editing.test_upgrade import pixels

KILLS = 25
CALLS = {
    "edit": "edit({path!r}, name='new', scale={{'x': 3}})",
    "upgrade": "upgrade({path!r}, to='0.6')",
}


@pytest.mark.parametrize("name", CALLS)
def test_a_kill_at_any_moment_leaves_the_old_image_or_the_new(tmp_path: Path, name: str) -> None:
    original = build(tmp_path / "a.zarr", "0.4")
    seen, random_s = pixels(original), random.Random(0)
    for number in range(KILLS):
        path = Path(shutil.copytree(original, tmp_path / f"{number}.zarr"))
        call = CALLS[name].format(path=str(path))
        program = f"import pyramid; pyramid.{name}; print(flush=True); pyramid.{call}"
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random_s.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        image = pyramid.open(path)
        assert (image.version, image.name, image.levels[0].scale) in (
            ("0.4", pyramid.open(original).name, (1, 1, 0.5, 0.5)),
            ("0.4", "new", (1, 1, 0.5, 3)),
            ("0.6", pyramid.open(original).name, (1, 1, 0.5, 0.5)),
        )
        for one, other in zip(pixels(path), seen, strict=True):
            np.testing.assert_array_equal(one, other)
        if name == "upgrade":
            pyramid.upgrade(path, to="0.6")
            assert not list(path.rglob(".z*"))
            assert pyramid.open(path).version == "0.6"
        shutil.rmtree(path)
