"""Archives and places that cannot be used: a sentence, an exit status, and nothing is changed."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.stores.zip_records import MAX_32, End, end_records
from tests.support.archives import write_group
from tests.support.stores import digests

IMAGE = np.random.default_rng(6).integers(0, 4000, (300, 280), "uint16")
MOST_BYTES = 64 * 2**20


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    pyramid.convert(IMAGE, tmp_path / "cells.ozx")
    return tmp_path / "cells.ozx"


def again(archive: Path, more: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Write the entries of an archive once more, with others."""
    file = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        for name, body in more.items():
            new.writestr(name, body)
    return file.getvalue()


def twice(archive: Path) -> bytes:
    file = io.BytesIO(archive.read_bytes())
    with zipfile.ZipFile(file, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("zarr.json", b"{}")
    return file.getvalue()


def resized(archive: Path, size: int) -> bytes:
    """Give the first entry of the directory another size."""
    data = bytearray(archive.read_bytes())
    place = data.rindex(b"PK\1\2\x2d\3", 0, data.index(b"zarr.json", data.index(b"PK\1\2")))
    struct.pack_into("<2I", data, place + 20, size, size)
    return bytes(data)


def damaged(archive: Path) -> bytes:
    """Change a byte in the middle of a chunk of the coarsest level."""
    with zipfile.ZipFile(archive) as opened:
        last = opened.infolist()[-1]
    data = bytearray(archive.read_bytes())
    data[last.header_offset + 100] ^= 0xFF
    return bytes(data)


BAD: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda archive: b"", "its last record is missing"),
    "cut": (lambda archive: archive.read_bytes()[:-1000], "its last record is missing"),
    "cut in front": (lambda archive: archive.read_bytes()[1000:], "at another place than it says"),
    "another kind": (lambda archive: b"no archive" * 100, "its last record is missing"),
    "compressed": (lambda archive: again(archive, {}, zipfile.ZIP_DEFLATED), "compressed by zip"),
    "bomb": (lambda archive: again(archive, {"bomb": bytes(10**7)}, zipfile.ZIP_LZMA), "compressed by zip"),
    "two of a name": (twice, "two entries of the name 'zarr.json'"),
    "upwards": (lambda archive: again(archive, {"../../outside": b"x"}), "leads out of it"),
    "absolute": (lambda archive: again(archive, {"/tmp/outside": b"x"}), "leads out of it"),
    "too large": (lambda archive: resized(archive, 10**9), "go beyond"),
    "endless": (lambda archive: end_records(End(2**40, 0, 2**50), b""), "at another place than it says"),
    "wide": (lambda archive: resized(archive, MAX_32), "go beyond"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_by_every_command(name: str, archive: Path, tmp_path: Path) -> None:
    make, reason = BAD[name]
    (tmp_path / "bad.ozx").write_bytes(make(archive))
    before = digests(tmp_path)
    bad, out = str(tmp_path / "bad.ozx"), str(tmp_path / "out")
    for command in (
        ["info", bad],
        ["unpack", bad, out],
        ["verify", bad],
        ["download", bad, out],
        ["convert", bad, out],
    ):
        tracemalloc.start()
        run = CliRunner().invoke(main, [*command])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (run.exit_code, run.exception.__class__) == (3, SystemExit), (command, run.output)
        assert reason in run.output, (command, run.output)
        assert "; " in run.output
        assert peak < MOST_BYTES
        assert digests(tmp_path) == before, command
        assert not (tmp_path / "out").exists(), command


def test_a_damaged_chunk_is_found_and_not_unpacked(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.ozx").write_bytes(damaged(archive))
    with pytest.raises(pyramid.SourceError, match=r"'1/c/0/0' is damaged, since its CRC-32"):
        pyramid.unpack(tmp_path / "bad.ozx", tmp_path / "out")
    assert not pyramid.verify(tmp_path / "bad.ozx").ok
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.ozx", "cells.ozx"]


def test_sizes_that_the_two_headers_disagree_on_are_refused(archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    (tmp_path / "bad.ozx").write_bytes(data.replace(b"0/zarr.json", b"9/zarr.json", 1))
    with pytest.raises(pyramid.SourceError, match=r"another entry where '0/zarr\.json' should be"):
        pyramid.open(tmp_path / "bad.ozx")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["pack", "nowhere", "a.ozx"], 3, "does not exist"),
        (["pack", "file.txt", "a.ozx"], 3, "is a file"),
        (["pack", "empty", "a.ozx"], 3, "is not a Zarr"),
        (["pack", "v2", "a.ozx"], 3, "convert it to OME-Zarr 0.5"),
        (["pack", "plain", "a.ozx"], 3, "not OME-Zarr"),
        (["pack", "running", "a.ozx"], 3, "not finished"),
        (["pack", "linked", "a.ozx"], 3, "is a link"),
        (["pack", "good", "a.zip"], 4, "does not end in .ozx"),
        (["pack", "good", "good/a.ozx"], 4, "in the source"),
        (["pack", "good", "cells.ozx"], 4, "--overwrite"),
        (["pack", "good", "cells.ozx/b.ozx"], 4, "in the archive"),
        (["pack", "good", "file.txt/b.ozx"], 4, "b.ozx"),
        (["pack", "good", "http://127.0.0.1:9/b.ozx"], 4, "cannot write to http"),
        (["pack", "cells.ozx", "a.ozx"], 3, "is packed"),
        (["unpack", "cells.ozx", "good"], 4, "not empty"),
        (["unpack", "cells.ozx", "file.txt"], 4, "is a file"),
        (["unpack", "cells.ozx", "s3://bucket/a"], 4, "give a path"),
        (["unpack", "good", "out"], 3, "not a file that ends in .ozx"),
        (["unpack", "missing.ozx", "out"], 3, "does not exist"),
        (["convert", "i.npy", "cells.ozx"], 4, "--overwrite"),
        (["convert", "i.npy", "a.ozx", "--ome-zarr-version", "0.4"], 2, "0.5 or newer"),
        (["convert", "cells.ozx", "cells.ozx", "--overwrite"], 4, "overlap"),
        (["convert", "cells.ozx::0", "cells.ozx", "--overwrite"], 4, "overlap"),
        (["verify", "cells.ozx", "--repair"], 2, "unpack it"),
        (["plan", "i.npy", "cells.ozx"], 4, "--overwrite"),
        (["convert", "i.npy", "cells.ozx/a.ome.zarr"], 4, "in the archive"),
        (["convert", "i.npy", "j.npy", "new.ozx"], 2, "named as one image"),
        (["download", "cells.ozx", "new.ozx"], 4, "give a folder"),
        (["unpack", "cells.ozx", "new.ozx"], 4, "give another name"),
        (["convert", "nothing.tif", "cells.ozx", "--overwrite"], 3, "nothing.tif"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    arguments: list[str], status: int, reason: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archive.parent
    monkeypatch.chdir(folder)
    make_inputs(folder)
    before = digests(folder)
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == status, run.output
    assert reason in run.output
    assert "; " in run.output
    assert digests(folder) == before


def make_inputs(folder: Path) -> None:
    np.save(folder / "i.npy", IMAGE)
    np.save(folder / "j.npy", IMAGE)
    (folder / "file.txt").write_text("no Zarr")
    (folder / "empty").mkdir()
    (folder / "v2").mkdir()
    (folder / "v2/.zgroup").write_text('{"zarr_format": 2}')
    write_group(folder / "good", a=b"1")
    write_group(folder / "linked", a=b"1")
    (folder / "linked/b").symlink_to("a")
    (folder / "plain").mkdir()
    (folder / "plain/zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    (folder / "running").mkdir()
    (folder / "running/zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {"pyramid": {"state": "in progress"}}}'
    )
