"""Manifests of stores on disk, in buckets and on the web, and stores held against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, PyramidWarning, SourceError, TargetError
from pyramid.inventory import ManifestProgress, compare
from tests.support import trees
from tests.support.manifests import checked_by_tool, dandi_of, expected_entries
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer

IMAGE = np.random.default_rng(0).integers(0, 999, (3, 200, 180)).astype("uint16")
OPTIONS: dict[str, Any] = {"axes": "zyx", "chunks": "z=1,y=64,x=64", "shards": "none", "name": "image"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.ome.zarr"
    pyramid.convert(IMAGE, path, **OPTIONS)
    return path


def found(url: object, manifest: object, **options: Any) -> list[tuple[str, str]]:
    return [(finding.key, finding.kind) for finding in compare(str(url), str(manifest), **options)]


@pytest.mark.parametrize("form", ["sha256", "md5"])
def test_a_manifest_is_what_the_usual_tools_read(form: str, image: Path, tmp_path: Path) -> None:
    (image / "with spaces é\nand lines").write_bytes(b"")
    (image / ".hidden").write_bytes(b"1")
    (image / os.fsdecode(b"\xff\xfe")).write_bytes(b"not UTF-8")
    file = tmp_path / "m"
    made = pyramid.manifest(image, form, output=file)
    assert [tuple(entry) for entry in made] == expected_entries(image, form)
    assert made.objects == len(expected_entries(image))
    assert made.bytes == sum(size for _, size, _ in expected_entries(image))
    assert os.fsencode(file.read_text("utf-8", "surrogateescape")) == os.fsencode(str(made))
    assert checked_by_tool(file, image, f"{form}sum") == 0
    assert found(image, file) == []
    (image / ".hidden").write_bytes(b"2")
    assert checked_by_tool(file, image, f"{form}sum") != 0


def test_the_checksum_of_the_archive(image: Path, tmp_path: Path) -> None:
    made = pyramid.manifest(image, "dandi", output=tmp_path / "m")
    assert made.checksum == dandi_of(image)
    assert (tmp_path / "m").read_text() == f"{made.checksum}\n"
    assert list(made) == []
    assert found(image, tmp_path / "m") == []
    (image / "zarr.json").write_bytes(b"{}")
    assert found(image, tmp_path / "m") == [("", "digest")]


def test_a_bucket_and_the_web_have_the_manifest_of_the_folder(
    image: Path, s3: Service, prefix: str, web: WebServer, tmp_path: Path
) -> None:
    os.remove(image / "0/c/1/0/0")  # a missing chunk means background
    expected = str(pyramid.manifest(image))
    store = s3.store(prefix)
    for path in image.rglob("*"):
        if path.is_file():
            store.put(path.relative_to(image).as_posix(), path.read_bytes())
    assert str(pyramid.manifest(s3.url(prefix), storage_options=s3.storage_options)) == expected
    assert str(pyramid.manifest(web.url(image.name))) == expected
    (image / "ro-crate-metadata.json").write_text("{}")
    pyramid.manifest(image, output=tmp_path / "m")
    assert found(web.url(image.name), tmp_path / "m") == []  # no metadata names the crate, but the manifest does


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plates_are_walked_on_the_web(zarr_format: int, web: WebServer, tmp_path: Path) -> None:
    trees.plate(tmp_path / "plate", zarr_format)
    assert str(pyramid.manifest(web.url("plate"))) == str(pyramid.manifest(tmp_path / "plate"))


def test_each_difference_is_named(image: Path, tmp_path: Path) -> None:
    pyramid.manifest(image, output=tmp_path / "m")
    (image / "0/c/0/0/0").write_bytes((image / "0/c/0/0/0").read_bytes()[::-1])
    os.remove(image / "0/c/1/0/0")
    (image / "0/c/2/0/0").write_bytes(b"")
    (image / "extra").write_bytes(b"")
    differences = [("0/c/0/0/0", "digest"), ("0/c/1/0/0", "missing"), ("0/c/2/0/0", "size"), ("extra", "extra")]
    assert found(image, tmp_path / "m") == differences


def test_progress_begins_with_what_is_found(image: Path) -> None:
    seen: list[ManifestProgress] = []
    made = pyramid.manifest(image, progress=seen.append)
    assert seen[-1].done_objects == seen[-1].total_objects == made.objects
    assert seen[-1].done_bytes == made.bytes
    assert "objects" in str(seen[-1].snapshot())


def test_many_objects_take_little_more_memory_than_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyramid import inventory
    from pyramid.manifests import sorting

    monkeypatch.setattr(sorting, "MAX_HELD", 500)
    monkeypatch.setattr(inventory, "MAX_HELD_BYTES", 2**16)
    peaks = []
    for count in (100, 1000, 8000):  # the first imports what is needed
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:064d}").write_bytes(b"")
        tracemalloc.start()
        made = pyramid.manifest(folder, workers=2, output=tmp_path / f"m{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert made.objects == count
    assert peaks[2] - peaks[1] < 600 * 7000


@pytest.mark.parametrize(
    ("make", "options", "error", "words"),
    [
        (None, {}, SourceError, "does not exist; check the path"),
        ("empty", {}, SourceError, "holds nothing"),
        ("file", {}, SourceError, "is a file, and a store is a folder"),
        ("image", {"form": "sha1"}, OptionError, "form: 'sha1' is not one of"),
        ("image", {"workers": 0}, OptionError, "workers: "),
        ("image", {"output": "image.ome.zarr/m"}, TargetError, "is in the store that it describes"),
        ("image", {"output": "s3://bucket/m"}, TargetError, "output: .* is a URL; give a path"),
        ("image", {"output": "nowhere/m"}, TargetError, "in a folder that exists"),
        ("image", {"output": "mine.txt"}, TargetError, "exists and is not a manifest"),
    ],
)
def test_what_cannot_be_done_is_said(
    make: str | None,
    options: dict[str, Any],
    error: type[Exception],
    words: str,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "mine.txt").write_text("my notes")
    with pytest.raises(error, match=words):
        pyramid.manifest({None: "none", "image": image.name}.get(make, str(make)), **options)
    assert (tmp_path / "mine.txt").read_text() == "my notes"


def test_unfinished_stores_are_refused(tmp_path: Path, image: Path) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(IMAGE, tmp_path / "half", progress=stop, **OPTIONS)
    with pytest.raises(SourceError, match="its conversion is not finished"):
        pyramid.manifest(tmp_path / "half")
    with pytest.raises(KeyboardInterrupt):
        pyramid.download(image, tmp_path / "copy", progress=stop)
    with pytest.raises(SourceError, match="is an unfinished download"):
        pyramid.manifest(tmp_path / "copy")


def test_what_the_web_cannot_name_is_said(web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/file").write_bytes(b"1")
    with pytest.raises(SourceError, match=r"is not a Zarr.*cannot list what is there"):
        pyramid.manifest(web.url("plain"))


def test_links_to_folders_are_named(image: Path) -> None:
    (image / "elsewhere").symlink_to(image.parent)
    with pytest.warns(PyramidWarning, match="elsewhere is a link to a folder and not followed"):
        made = pyramid.manifest(image)
    assert not any(entry.key.startswith("elsewhere") for entry in made)
    assert made.notices


def test_the_command(image: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["manifest", str(image), "--no-progress"])
    assert run.exit_code == 0
    assert run.stdout == str(pyramid.manifest(image))
    run = CliRunner().invoke(main, ["manifest", str(image), "--json"])
    entries = [(entry["key"], entry["size"], entry["digest"]) for entry in json.loads(run.stdout)["entries"]]
    assert entries == expected_entries(image)
    run = CliRunner().invoke(main, ["manifest", str(image), "-o", str(tmp_path / "m"), "--json"])
    assert json.loads(run.stdout)["output"] == str(tmp_path / "m")
    run = CliRunner().invoke(main, ["manifest", str(image), "-o", str(image / "m")])
    assert run.exit_code == 4
    assert not (image / "m").exists()
    run = CliRunner().invoke(main, ["manifest", str(tmp_path / "none")])
    assert run.exit_code == 3


def test_a_shell_does_not_write_it_into_the_store(image: Path) -> None:
    with (image / "m").open("wb") as file:
        command = [sys.executable, "-m", "pyramid", "manifest", str(image)]
        run = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 4
    assert "m, to which the manifest goes, is in the store that it describes" in run.stderr


def test_a_hostile_manifest_is_refused(image: Path, tmp_path: Path) -> None:
    (tmp_path / "m").write_text(f"{'ab' * 32}  ../../etc/passwd\n")
    with pytest.raises(OptionError, match=r"line 1 of .*not a path below a store"):
        found(image, tmp_path / "m")
    with pytest.raises(OptionError, match="cannot be read: No such file"):
        found(image, tmp_path / "none")
    with pytest.raises(OptionError, match="not a path below a store"):
        pyramid.download(image, tmp_path / "copy", manifest=tmp_path / "m")
    assert not (tmp_path / "copy").exists()
