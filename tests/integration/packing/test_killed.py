"""A process that is killed leaves the old archive or the new one, and a conversion goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyramid
from pyramid.packing.converting import PACKED
from tests.support.archives import read_tree, write_zip
from tests.support.killing import kill_at_random

IMAGE = np.random.default_rng(8).integers(0, 4000, (2, 300, 280), "uint16")
# Kills its own process at the Nth call of a function.
PROGRAM = """
import os, signal, sys
import pyramid
from importlib import import_module
module, name, number = sys.argv[1:4]
home = import_module(module)
real, left = getattr(home, name), [int(number)]
def killing(*arguments, **keywords):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **keywords)
setattr(home, name, killing)
options = {} if sys.argv[4] == "unpack" else {"overwrite": True}
getattr(pyramid, sys.argv[4])(*sys.argv[5:7], **options)
"""


def kill(at: str, number: int, command: str, *paths: Path) -> None:
    """Run a command that is killed at the Nth call of ``module:function``."""
    arguments = [*at.split(":"), str(number), command, *map(str, paths)]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    np.save(tmp_path / "cells.npy", IMAGE)
    return tmp_path / "cells.npy"


@pytest.mark.parametrize("number", [1, 3])
def test_pack_leaves_the_old_archive(number: int, source: Path, tmp_path: Path) -> None:
    pyramid.convert(str(source), tmp_path / "a.ome.zarr", axes="cyx")
    old = write_zip(tmp_path / "a.ozx", {"zarr.json": b"old"}).read_bytes()
    kill("pyramid.packing.archiving:local_header", number, "pack", tmp_path / "a.ome.zarr", tmp_path / "a.ozx")
    assert (tmp_path / "a.ozx").read_bytes() == old
    pyramid.pack(tmp_path / "a.ome.zarr", tmp_path / "a.ozx", overwrite=True)
    pyramid.unpack(tmp_path / "a.ozx", tmp_path / "b.ome.zarr")
    assert read_tree(tmp_path / "b.ome.zarr") == read_tree(tmp_path / "a.ome.zarr")


def test_unpack_leaves_no_folder_of_the_name(source: Path, tmp_path: Path) -> None:
    pyramid.convert(str(source), tmp_path / "a.ozx", axes="cyx")
    kill("pyramid.packing.unpacking:_write", 3, "unpack", tmp_path / "a.ozx", tmp_path / "a.ome.zarr")
    assert not (tmp_path / "a.ome.zarr").exists()
    assert len(pyramid.open(tmp_path / "a.ozx").levels) == 2


@pytest.mark.parametrize(
    ("at", "number"),
    [
        ("pyramid.writing.metadata:finish", 1),
        ("pyramid.packing.archiving:local_header", 2),
        ("pyramid.packing.converting:_remove", 1),
        ("pyramid.packing.converting:remove_content", 1),
        ("os:rename", 1),
        ("os:rmdir", 1),
    ],
)
def test_convert_leaves_the_old_archive_or_the_new_one_and_goes_on(
    at: str, number: int, source: Path, tmp_path: Path
) -> None:
    pyramid.convert(str(source), tmp_path / "whole/cells.ozx")
    new = (tmp_path / "whole/cells.ozx").read_bytes()
    target = tmp_path / "cells.ozx"
    old = write_zip(target, {"zarr.json": b"old"}).read_bytes()
    kill(at, number, "convert", source, target)
    assert target.read_bytes() in (old, new)
    with pytest.raises(pyramid.TargetError, match="exists"):
        pyramid.convert(str(source), target)
    pyramid.convert(str(source), target, resume=True)
    assert target.read_bytes() == new
    assert not (tmp_path / "cells.ozx.unfinished").exists()


@pytest.mark.parametrize("left", [None, ".zarr.json-1-2-0123456789abcdef0123456789abcdef"])
def test_a_conversion_that_had_only_made_its_folder_goes_on(left: str | None, source: Path, tmp_path: Path) -> None:
    pyramid.convert(str(source), tmp_path / "whole/cells.ozx")
    write_zip(tmp_path / "cells.ozx", {"zarr.json": b"old"})
    folder = tmp_path / "cells.ozx.unfinished"
    folder.mkdir()
    if left is not None:
        (folder / left).write_bytes(b"{")
    pyramid.convert(str(source), tmp_path / "cells.ozx", resume=True)
    assert (tmp_path / "cells.ozx").read_bytes() == (tmp_path / "whole/cells.ozx").read_bytes()
    assert not folder.exists()


def test_a_packed_folder_of_an_earlier_run_is_removed(source: Path, tmp_path: Path) -> None:
    left = tmp_path / f".cells.ozx{PACKED}"
    (left / "0/c").mkdir(parents=True)
    (left / "0/zarr.json").write_bytes(b"{}")
    (tmp_path / "cells.ozx.packed").mkdir()  # a user's own
    pyramid.convert(str(source), tmp_path / "cells.ozx")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["cells.npy", "cells.ozx", "cells.ozx.packed"]


CALLS = {
    "pack": "'a.ome.zarr', 'cells.ozx', overwrite=True",
    "unpack": "'new.ozx', 'b.ome.zarr'",
    "convert": "'cells.npy', 'cells.ozx', overwrite=True, axes='cyx'",
}


@pytest.mark.parametrize("name", CALLS)
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(
    name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pyramid.convert(str(source), "a.ome.zarr", axes="cyx")
    pyramid.pack("a.ome.zarr", "new.ozx")
    new, tree = Path("new.ozx").read_bytes(), read_tree(Path("a.ome.zarr"))
    old = write_zip(Path("old.ozx"), {"zarr.json": b"old"}).read_bytes()
    archive, folder = Path("cells.ozx"), Path("b.ome.zarr")

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree("cells.ozx.unfinished", ignore_errors=True)
        archive.write_bytes(old)

    def check() -> None:
        assert archive.read_bytes() in (old, new)
        assert not folder.exists() or read_tree(folder) == tree
        if name == "convert":
            goes_on = Path("cells.ozx.unfinished").exists()
            pyramid.convert(str(source), archive, axes="cyx", resume=goes_on, overwrite=not goes_on)
            assert archive.read_bytes() == new
            assert not Path("cells.ozx.unfinished").exists()

    kill_at_random(name, CALLS[name], prepare, check)
