"""What a new user types first, and the sentence that each mistake is answered with; its end says what to do."""

from __future__ import annotations

import io
import os
import shlex
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import PyramidError
from pyramid.feedback import silence
from tests.support.stores import digests

IMAGE = np.arange(3 * 64 * 64, dtype="uint16").reshape(3, 64, 64)
STARTS = {
    "a.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "a.png": b"\x89PNG\r\n\x1a\n",
    "a.czi": b"ZISRAWFILE",
    "a.nd2": b"\xda\xce\xbe\x0a",
    "a.lif": b"\x70\0\0\0\5\0\0\0\x2a",
    "a.oib": b"\xd0\xcf\x11\xe0\xa1\xb1",
    "a.h5": b"\x89HDF\r\n\x1a\n",
    "a.zip": b"PK\x03\x04",
    "a.tif.gz": b"\x1f\x8b\x08",
    "page.tif": b"<!DOCTYPE html>",
    "photo.tif": b"\xff\xd8\xff\xe0",
    "noise": b"\x93\x00\x17\xfe",
}


def make_inputs(folder: Path) -> None:
    tifffile.imwrite(folder / "good.tif", IMAGE, photometric="minisblack")
    tifffile.imwrite(folder / unicodedata.normalize("NFD", "Zellkörper.tif"), IMAGE, photometric="minisblack")
    for name in ("tiffs", "empty", "others", "images"):
        (folder / name).mkdir()
    for number in range(5):
        tifffile.imwrite(folder / "tiffs" / f"p{number}.tif", IMAGE[0])
    (folder / "made").mkdir()
    for name in ("a.ome.tif", "b.tif"):
        tifffile.imwrite(folder / "made" / name, IMAGE[0])
    zarr.create_array(str(folder / "made" / "a.ome.zarr"), shape=(64, 64), dtype="u1")
    zarr.open_group(str(folder / "hollow.zarr"), mode="w")
    tifffile.imwrite(folder / "six.tif", np.zeros((2, 3, 2, 2, 8, 8), "u2"), metadata={"axes": "RTZCYX"})
    np.save(folder / "words.npy", np.array(["a", "b"]))
    (folder / "text.npy").write_text("hello")
    (folder / "others" / "notes.txt").write_text("hello")
    (folder / "text.tif").write_text("hello")
    (folder / "zero.tif").write_bytes(b"")
    (folder / "zero").write_bytes(b"")
    for name, start in STARTS.items():
        (folder / name).write_bytes(start + bytes(100))
    group = zarr.open_group(str(folder / "group.zarr"), mode="w")
    group.create_array("raw", shape=(64, 64), dtype="u1")
    wells = {
        "rows": [{"name": "A"}],
        "columns": [{"name": "1"}],
        "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}],
    }
    for name, value in (("plate", wells), ("labels", ["nuclei"])):
        zarr.open_group(str(folder / f"{name}.zarr"), mode="w").attrs["ome"] = dict[str, Any](
            version="0.5", **{name: value}
        )
    zarr.create_array(str(folder / "images" / "one.zarr"), shape=(64, 64), dtype="u1")


USAGE, NO_SOURCE, NO_TARGET = 2, 3, 4
EACH = "or --each for all of them, or: pyramid convert {here}/tiffs/*.tif {here}/tiffs/"
# The words after `pyramid convert`, the exit status, what the sentence holds, and the remedy at its end.
CASES: list[tuple[str, int, str, str]] = [
    ("", USAGE, "Missing argument 'SOURCE'", "type pyramid convert cells.tif cells.ome.zarr"),
    ("good.tif", USAGE, "Missing argument 'TARGET'", "type pyramid convert good.tif good.ome.zarr"),
    ("good.tif a b.zarr", USAGE, "is named as one image", "put quotes around a path with spaces"),
    # sources
    ("god.tif t.zarr", NO_SOURCE, "god.tif does not exist", "did you mean 'good.tif'?"),
    ("nowhere/good.tif t.zarr", NO_SOURCE, "does not exist", "check the spelling, and that its disk is mounted"),
    (
        "Zellkörper.tif t.zarr",
        NO_SOURCE,
        "does not exist",
        "other Unicode letters: rename it, or use Tab",
    ),
    (
        "'*.tif' t.zarr",
        NO_SOURCE,
        "if they are one image, say of what, as --pattern '{c}.tif'",
        "give one, as {here}/good.tif, or convert each: pyramid convert {here}/*.tif {here}/",
    ),
    (
        "made t.zarr",
        NO_SOURCE,
        "made holds a.ome.tif, b.tif, and the Zarr a.ome.zarr",
        "give one, as {here}/made/a.ome.tif, " + EACH.replace("tiffs", "made"),
    ),
    ("hollow.zarr t.zarr", NO_SOURCE, "is not an OME-Zarr image", "neither an array nor an image; check the path"),
    (
        "six.tif t.zarr",
        NO_SOURCE,
        "at most the axes tczyx",
        "dimension R (positions of the stage) as a file of its own, as Fiji does, and convert those",
    ),
    ("words.npy t.zarr", NO_SOURCE, "words.npy: pixels of dtype <U1", "give an array of numbers"),
    ("text.npy t.zarr", NO_SOURCE, "text.npy cannot be read as .npy: it is text", "give the image itself"),
    ("empty t.zarr", NO_SOURCE, "empty is empty", "check the path, and that its disk is mounted"),
    ("others t.zarr", NO_SOURCE, "holds notes.txt", "also an array of NumPy, Dask, xarray or Zarr"),
    ("images t.zarr", NO_SOURCE, "holds one.zarr", "give one, as {here}/images/one.zarr"),
    (
        "group.zarr t.zarr",
        NO_SOURCE,
        "is not an OME-Zarr image",
        "name an array or an image within it, as {here}/group.zarr/raw",
    ),
    ("plate.zarr t.zarr", NO_SOURCE, "is a plate", "name an image in it, as {here}/plate.zarr/A/1/0"),
    ("labels.zarr t.zarr", NO_SOURCE, "is a list of labels", "name an image in it, as {here}/labels.zarr/nuclei"),
    ("text.tif t.zarr", NO_SOURCE, "is not a TIFF, though its name says so: it is text", "give the image itself"),
    ("zero.tif t.zarr", NO_SOURCE, "it is empty (0 bytes)", "copy it again"),
    ("zero t.zarr", NO_SOURCE, "it is empty (0 bytes)", "copy it again"),
    ("a.jpg t.zarr", NO_SOURCE, "it is a JPEG", "save it as TIFF, as Fiji does, and convert that"),
    ("a.png t.zarr", NO_SOURCE, "it is a PNG", "save it as TIFF, as Fiji does, and convert that"),
    (
        "a.czi t.zarr",
        NO_SOURCE,
        "a.czi: the segment at byte 0 has 0 bytes",
        "copy it again from where it came from",
    ),
    ("a.nd2 t.zarr", NO_SOURCE, "a.nd2 cannot be read as ND2", "copy it again from where it came from"),
    ("a.lif t.zarr", NO_SOURCE, "a.lif: its XML cannot be read", "copy it again from where it came from"),
    ("a.oib t.zarr", NO_SOURCE, "pip install bioio bioio-bioformats", "as Fiji does, and convert that"),
    ("a.h5 t.zarr", NO_SOURCE, "cannot be opened as HDF5", "copy it again from where it came from"),
    ("a.zip t.zarr", NO_SOURCE, "it is a zip archive", "unpack it, and give what is in it"),
    ("a.tif.gz t.zarr", NO_SOURCE, "it is compressed by gzip", "unpack it, and give what is in it"),
    ("page.tif t.zarr", NO_SOURCE, "it is XML or HTML", "download the image itself"),
    ("photo.tif t.zarr", NO_SOURCE, "it is a JPEG", "save it as TIFF, as Fiji does, and convert that"),
    ("noise t.zarr", NO_SOURCE, "not of a kind that can be read", "also an array of NumPy, Dask, xarray or Zarr"),
    # targets
    (
        "good.tif plate.zarr",
        NO_TARGET,
        "plate.zarr exists",
        "or --overwrite to replace it, or --resume to go on if it is unfinished",
    ),
    ("good.tif others --overwrite", NO_TARGET, "others exists and is not a Zarr", "so remove it yourself"),
    ("good.tif good.tif", NO_TARGET, "overlap", "give another target"),
    ("good.tif new.tif", NO_TARGET, "new.tif ends in .tif as a file does", "(SOURCE comes first, then TARGET)"),
    (
        "good.tif new.n5 --format ome-zarr",
        NO_TARGET,
        "new.n5 is named as one of format 'n5'",
        "give a TARGET that ends in .zarr, or leave the format out",
    ),
    ("good.tif new.zip", NO_TARGET, "new.zip ends in .zip as a file does", "(SOURCE comes first, then TARGET)"),
    ("t.zarr good.tif", NO_SOURCE, "t.zarr does not exist", "check the spelling, and that its disk is mounted"),
    ("good.tif text.tif/t.zarr", NO_TARGET, "text.tif is not a folder", "give another target"),
    ("good.tif /proc/nothing/t.zarr", NO_TARGET, "cannot be created", "give another target"),
    (
        "good.tif http://host/t.zarr",
        NO_TARGET,
        "cannot write to http(s) URLs",
        "give a path or an s3://, gs:// or az:// URL",
    ),
    # addresses
    (r"'C:\data\x.tif' t.zarr", USAGE, "looks like a path of Windows", "as /mnt/c/data/cells.tif"),
    (r"good.tif 'C:\data\x.zarr'", USAGE, "looks like a path of Windows", "as /mnt/c/data/cells.tif"),
    ("good.tif C:/data/x.zarr", USAGE, "looks like a path of Windows", "as /mnt/c/data/cells.tif"),
    (r"'\\server\share\x.tif' t.zarr", USAGE, "looks like a path of Windows", "as /mnt/c/data/cells.tif"),
    ("file:///C:/x.tif t.zarr", USAGE, "looks like a path of Windows", "as /mnt/c/data/cells.tif"),
    ("file://data/x.tif t.zarr", USAGE, "three slashes", "write it as file:///data/cells.ome.zarr"),
    ("http://host/a#b.tif t.zarr", USAGE, "never sent to the server", "write # as %23"),
    ("'s3://bucket/a\nb.zarr' t.zarr", USAGE, "holds a line break", "leave it out"),
    ("https:/host/a.tif t.zarr", USAGE, "two slashes after its colon; write https://host/a.tif", "drops one"),
    ("s3://bucket t.zarr", USAGE, "it names no key", "has the form s3://BUCKET/KEY"),
    ("az://bucket/a.tif t.zarr", USAGE, "needs an account", "in --storage-options, or set AZURE_STORAGE_ACCOUNT_NAME"),
    # options
    ("good.tif t.zarr --region eu", USAGE, "so --region would have no effect", "leave that out"),
    ("good.tif t.zarr --config no.yaml", USAGE, "--config: no.yaml cannot be read", "check the path"),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    make_inputs(folder)
    return folder


@pytest.mark.parametrize(("words", "status", "what", "remedy"), CASES, ids=[repr(case[0]) for case in CASES])
def test_a_mistake_is_answered_with_what_to_do(
    words: str, status: int, what: str, remedy: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    before = digests(Path())
    result = CliRunner().invoke(main, ["convert", *shlex.split(words)], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (status, "")
    sentence = result.stderr.splitlines()[-1]
    assert what in sentence
    assert sentence.endswith(remedy.replace("{here}", str(inputs)))
    assert "Traceback" not in result.stderr
    assert digests(Path()) == before


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied", "locked/zarr.json")


# A name, and the end of what `pyramid info` answers.
LOOKS = [
    ("hollow.zarr", "and it holds neither an array nor an image; check the path"),
    ("a.h5", "it is an HDF5 file; make an OME-Zarr of it with pyramid convert"),
    ("a.png", "it is a PNG, not an OME-Zarr; save it as TIFF, as Fiji does, and convert that"),
    ("a.czi", "it is a CZI of Zeiss; make an OME-Zarr of it with pyramid convert"),
    ("a.oib", "as Fiji or bfconvert of Bio-Formats do, and convert that"),
    ("a.zip", "unpack it, and give the folder"),
    ("text.tif", "it is text, and an OME-Zarr is a folder; give the path of the folder"),
    ("good.tif", "make an OME-Zarr of it with pyramid convert"),
]


@pytest.mark.parametrize(("name", "end"), LOOKS)
def test_a_look_at_a_file_is_answered_with_what_convert_does(
    name: str, end: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    result = CliRunner().invoke(main, ["info", name], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (NO_SOURCE, "")
    assert result.stderr.endswith(f"{end}\n")


def test_a_look_at_a_folder_without_permission(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(Path, "open", refuse)  # as the system does for anyone but root
    monkeypatch.setattr(os, "open", refuse)
    result = CliRunner().invoke(main, ["info", "group.zarr"], catch_exceptions=False)
    assert result.exit_code == NO_SOURCE
    assert result.stderr.endswith(
        "Permission denied; check the path, its disk, and that you may read and write there\n"
    )


@pytest.mark.parametrize("command", ["convert", "download"])
def test_the_example_does_not_write_onto_its_source(command: str) -> None:
    result = CliRunner().invoke(main, [command, "cells.ome.zarr"], catch_exceptions=False)
    assert result.exit_code == USAGE
    assert result.stderr.endswith(f"type pyramid {command} cells.ome.zarr copy-of-cells.ome.zarr\n")


def test_a_file_whose_name_begins_with_a_dash_is_told_from_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(tmp_path / "-a.tif", IMAGE, photometric="minisblack")
    result = CliRunner().invoke(main, ["convert", "-a.tif", "t.zarr"], catch_exceptions=False)
    assert result.exit_code == USAGE
    assert result.stderr.endswith("'-a.tif' reads as an option; type ./-a.tif\n")
    assert CliRunner().invoke(main, ["plan", "./-a.tif"], catch_exceptions=False).exit_code == 0


def test_the_list_of_commands_says_whole_sentences() -> None:
    assert "..." not in CliRunner().invoke(main, ["--help"], catch_exceptions=False).stdout.partition("Build:")[2]


@pytest.mark.parametrize("name", ["tiffs", "group.zarr"])
def test_a_folder_without_permission(name: str, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(Path, "is_symlink", refuse)  # as the system does for anyone but root
    result = CliRunner().invoke(main, ["convert", name, "t.zarr"], catch_exceptions=False)
    assert result.exit_code == NO_SOURCE
    assert result.stderr.endswith("Permission denied; ask its owner for the right to read it\n")


def test_a_target_in_a_folder_that_is_read_only(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(os, "access", lambda *_: False)
    result = CliRunner().invoke(main, ["convert", "good.tif", "empty/t.zarr"], catch_exceptions=False)
    assert result.exit_code == NO_TARGET
    assert result.stderr.endswith(f"you may not write to {inputs}/empty; give another target\n")


def test_pyramid_without_a_command_shows_the_commands() -> None:
    result = CliRunner().invoke(main, [], catch_exceptions=False)
    assert result.exit_code == USAGE
    assert "convert" in result.stderr


def test_the_demo_goes_home_and_prints_commands_that_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["demo", "~/my demo"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert f"pyramid info '{tmp_path}/my demo/slide.ome.zarr'" in result.stdout
    result = CliRunner().invoke(main, ["demo", "s3://bucket/demo"], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (
        NO_TARGET,
        "pyramid: s3://bucket/demo is not on local disk, where the sample is written; give a folder\n",
    )
    assert os.listdir() == ["my demo"]


def test_folders_of_a_target_that_are_missing_are_made(inputs: Path, tmp_path: Path) -> None:
    pyramid.convert(inputs / "good.tif", tmp_path / "of" / "today" / "t.ome.zarr")
    assert pyramid.open(tmp_path / "of" / "today" / "t.ome.zarr").levels[0].shape == IMAGE.shape


NAMES = [
    "a b",
    "a#b",
    "a%20b",
    "a%b",
    "a?b",
    "äöü",
    unicodedata.normalize("NFD", "äöü"),
    "new\nline",
    "[a]",
    "'q\"",
    "a\\b",
]
NAMES += ["x" * 230, "日本", "~a", "-a", " a ", "a:b", "a;b", "{a}", "$HOME"]
WAYS: list[Callable[[Path], object]] = [str, Path, lambda path: path.as_uri(), lambda path: f"{path}/"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", WAYS, ids=["str", "Path", "file URL", "slash"])
def test_any_name_is_a_source_and_a_target(name: str, way: Callable[[Path], object], tmp_path: Path) -> None:
    source, target = tmp_path / f"{name}.tif", tmp_path / f"{name}.zarr"
    with source.open("wb") as file:
        tifffile.imwrite(file, IMAGE, photometric="minisblack")
    image = pyramid.convert(way(source), way(target), report=str(tmp_path / f"{name}.json"))  # type: ignore[call-overload]
    np.testing.assert_array_equal(image.levels[0].data.compute(), IMAGE)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.tif", f"{name}.zarr", f"{name}.json"}


def test_relative_names_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    tifffile.imwrite("a b#1.tif", IMAGE, photometric="minisblack")
    (tmp_path / "c d.yaml").write_text("levels: 1\n")
    words = ["~/a b#1.tif", "./x/../ä.zarr", "--config", "~/c d.yaml", "--report", "~/r ?.json", "-q"]
    assert CliRunner().invoke(main, ["convert", *words], catch_exceptions=False).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a b#1.tif", "ä.zarr", "c d.yaml", "r ?.json"}
    pyramid.convert(Path("~/a b#1.tif"), Path("~/y.zarr"))
    assert (tmp_path / "y.zarr").is_dir()


@pytest.mark.parametrize("address", ["", "a\0b.tif", Path("s3:/bucket/a"), r"C:\a.tif", "s3://bucket/a\tb"])
def test_an_address_that_is_none_is_a_sentence_in_python(address: str | Path, tmp_path: Path) -> None:
    with pytest.raises(PyramidError, match="; "):
        pyramid.convert(address, tmp_path / "t.zarr")
    with pytest.raises(PyramidError, match="; "):
        pyramid.convert(IMAGE, address)


NOT_PATHS: list[tuple[Callable[[], object], str]] = [
    (lambda: pyramid.convert(IMAGE, 5), "target: 5 is neither a path nor a URL; give text or a pathlib.Path"),  # type: ignore[call-overload]
    (lambda: pyramid.convert(IMAGE, None), "target: None is neither"),  # type: ignore[call-overload]
    (lambda: pyramid.convert(IMAGE, b"t.zarr"), "target: b't.zarr' is neither"),  # type: ignore[call-overload]
    (lambda: pyramid.plan(IMAGE, 5), "target: 5 is neither"),  # type: ignore[call-overload]
    (lambda: pyramid.open(IMAGE), r"url: array.* is neither"),  # type: ignore[arg-type]
    (lambda: pyramid.info(5), "url: 5 is neither"),  # type: ignore[arg-type]
    (lambda: pyramid.download(5, "t"), "url: 5 is neither"),  # type: ignore[arg-type]
    (lambda: pyramid.download("t", 5), "folder: 5 is neither"),  # type: ignore[arg-type]
    (lambda: pyramid.plan({"a.tif", "b.tif"}), "a set has no order; give a list of paths"),
    (lambda: pyramid.plan(["a.tif", 5]), "5 is neither a path nor a URL; an array is converted by a call of its own"),
    (lambda: pyramid.plan(b"a.tif"), "give a path as text or as pathlib.Path"),
    (lambda: pyramid.plan(io.BytesIO()), "give the path of the file"),
    (lambda: pyramid.plan([[1, 2], [3, 4]]), "numpy.asarray makes an array"),
]


@pytest.mark.parametrize(("call", "sentence"), NOT_PATHS, ids=[case[1] for case in NOT_PATHS])
def test_what_is_no_path_is_a_sentence_in_python(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(PyramidError, match=sentence):
        call()


@pytest.mark.parametrize(("flags", "words"), [([], ["no answer yet, still trying; Ctrl-C stops"]), (["-q"], [])])
def test_a_silent_server_is_named_before_the_time_is_out(
    flags: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/cells.ome.zarr"
        timeout = ["--storage-options", '{"timeout": 1, "retries": 0}']
        result = CliRunner().invoke(main, ["info", url, *timeout, *flags], catch_exceptions=False)
    assert result.exit_code == NO_SOURCE
    *first, last = result.stderr.splitlines()
    assert first == [f"pyramid: GET {url}/zarr.json: {sentence}" for sentence in words]
    assert "did not answer" in last
