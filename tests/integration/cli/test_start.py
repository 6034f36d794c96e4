"""What a command imports: a small image waits for no library that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pyramid

COMPILERS = {"numba", "llvmlite", "scipy"}
# Libraries that each take longer to import than a small image takes to convert.
SLOW = {"dask", "distributed", "zarr", "numcodecs", "obstore", "fsspec", "IPython", "PIL", "rich", "tqdm"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small image that is converted already, beside its source."""
    folder = tmp_path_factory.mktemp("start")
    tiff = next((Path(__file__).parents[2] / "data" / "tiff").rglob("*.ome.tif"))
    pyramid.convert(tiff, folder / "cells.ome.zarr")
    (folder / "cells.ome.tif").write_bytes(tiff.read_bytes())
    return folder


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["info", "cells.ome.zarr"], {"numpy", *SLOW, *COMPILERS}),
        (["info", "cells.ome.zarr", "--json"], {"numpy", *SLOW, *COMPILERS}),
        (["validate", "cells.ome.zarr"], {"numpy", *SLOW, *COMPILERS}),
        (["preview", "cells.ome.zarr", "-o", "cells.png"], SLOW | COMPILERS),
        (["plan", "cells.ome.tif"], SLOW | COMPILERS),
        (["convert", "cells.ome.tif", "mean.ome.zarr"], SLOW | COMPILERS),
        (["convert", "cells.ome.tif", "median.ome.zarr", "--method", "median"], SLOW | COMPILERS),
        (["convert", "cells.ome.tif", "nearest.ome.zarr", "--method", "nearest"], SLOW | COMPILERS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_only_what_it_needs(words: list[str], unwanted: set[str], image: Path) -> None:
    program = (
        "import sys; from pyramid.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=image, capture_output=True, text=True, check=True
    )
    assert unwanted & set(done.stderr.splitlines()[-1].split()) == set()


def test_a_command_starts_no_thread_that_multiplies_matrices(image: Path) -> None:
    program = (
        "import os, sys, threading; from pyramid.cli import main\n"
        "main(['plan', 'cells.ome.tif'], standalone_mode=False)\n"
        "tasks = '/proc/self/task'\n"  # Linux has them
        "running = len(os.listdir(tasks)) if os.path.isdir(tasks) else threading.active_count()\n"
        "print(running, 'numpy' in sys.modules, file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=image, capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr.splitlines()[-1] == "1 True"
