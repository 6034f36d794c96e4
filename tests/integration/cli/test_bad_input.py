"""What cannot be done is told in one sentence, with its exit status, and leaves nothing that looks whole."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from numpy.typing import NDArray

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, PyramidError, SourceError, StoppedError, TargetError
from tests.support.stores import digests
from tests.support.validators import validate_everything

WRONG_USE, NO_SOURCE, NO_TARGET, STOPPED, INTERRUPTED = 2, 3, 4, 5, 130


def looks_whole(target: Path) -> bool:
    """Whether anything at or below `target` says that it is an image."""
    marks = [path for name in ("zarr.json", ".zattrs") for path in target.rglob(name)] if target.is_dir() else []
    return any("multiscales" in path.read_text() for path in marks)


def make_inputs(folder: Path) -> None:
    """Every file that the cases below name."""
    good = np.random.default_rng(0).integers(0, 4096, (3, 200, 180), "uint16")
    np.save(folder / "good.npy", good)
    tifffile.imwrite(folder / "good.tif", good, photometric="minisblack", tile=(64, 64), compression="zlib")
    data = bytearray((folder / "good.tif").read_bytes())
    with tifffile.TiffFile(folder / "good.tif") as tif:
        offset, count = tif.pages[1].dataoffsets[3], tif.pages[1].databytecounts[3]
    data[offset : offset + count] = bytes([0xA5]) * count
    (folder / "rotten.tif").write_bytes(data)
    tifffile.imwrite(folder / "flat.tif", good, photometric="minisblack")
    (folder / "cut.tif").write_bytes((folder / "flat.tif").read_bytes()[:-1000])
    (folder / "stump.tif").write_bytes((folder / "good.tif").read_bytes()[:9])
    (folder / "text.tif").write_text("hello")
    (folder / "notes.txt").write_text("hello")
    for shape, dtype in (((40, 30), "uint8"), ((20, 10), "uint16")):
        tifffile.imwrite(folder / "mixed.tif", np.zeros(shape, dtype), append=True)
    np.save(folder / "empty.npy", np.zeros((0, 20, 20), "u1"))
    np.save(folder / "complex.npy", np.zeros((20, 20), "c8"))
    np.save(folder / "six.npy", np.zeros((1, 1, 1, 1, 20, 20), "u1"))
    np.save(folder / "row.npy", np.zeros(20, "u1"))
    np.savez(folder / "several.npz", a=good, b=good)
    np.save(folder / "objects.npy", np.array([[1, "a"], [None, 2]], object), allow_pickle=True)
    for name, header in (
        ("negative", "{'descr': '<u2', 'fortran_order': False, 'shape': (-3, 20)}"),
        ("deep", "(" * 9000),
    ):
        size = len(header).to_bytes(2, "little")
        (folder / f"{name}.npy").write_bytes(b"\x93NUMPY\x01\x00" + size + header.encode() + bytes(200))
    (folder / "folder").mkdir()
    (folder / "folder" / "letter.txt").write_text("dear")
    (folder / "typo.yaml").write_text("method: max\nchunk: auto\n")
    (folder / "wrong.yaml").write_text("levels: many\n")
    (folder / "torn.yaml").write_text("chunks: {y: 64\n")
    (folder / "old.zarr").mkdir()
    (folder / "old.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    (folder / "link.zarr").symlink_to("old.zarr")
    (folder / "broken.zarr").symlink_to("nowhere")


# What is typed after `pyramid convert`; its exit status; words of what is told.
CASES: list[tuple[str, int, list[str]]] = [
    # sources
    ("text.tif t.zarr", NO_SOURCE, ["text.tif is not a TIFF", "it is text", "; give the image itself"]),
    ("notes.txt t.zarr", NO_SOURCE, ["notes.txt", "not of a kind that can be read: it is text"]),
    ("stump.tif t.zarr", NO_SOURCE, ["stump.tif", "damaged"]),
    ("cut.tif t.zarr", NO_SOURCE, ["cut.tif", "page 1 would begin", "the file ends", "copy it again"]),
    ("rotten.tif t.zarr --axes zyx", NO_SOURCE, ["rotten.tif", "page 1, tile (1, 0)", "copy it again"]),
    ("mixed.tif t.n5", NO_SOURCE, ["mixed.tif holds 2 images", "--series"]),
    ("mixed.tif t.zarr --series 5", WRONG_USE, ["has no image 5; it has 2"]),
    ("empty.npy t.zarr", NO_SOURCE, ["shape (0, 20, 20)", "nothing to convert"]),
    ("complex.npy t.zarr", NO_SOURCE, ["complex64", "convert complex numbers first"]),
    ("six.npy t.zarr", NO_SOURCE, ["6 axes", "2 to 5"]),
    ("row.npy t.zarr", NO_SOURCE, ["has 1 axis;", "2 to 5"]),
    ("good.npy a.h5::/out", NO_TARGET, ["is a path within a file", "a folder of its own"]),
    ("several.npz::c t.zarr", NO_SOURCE, ["holds no array 'c'", "several.npz::a"]),
    ("several.npz t.zarr", NO_SOURCE, ["several.npz holds 2 arrays", "several.npz::a"]),
    ("objects.npy t.zarr", NO_SOURCE, ["objects.npy", "Python objects"]),
    ("negative.npy t.zarr", NO_SOURCE, ["negative.npy", "its shape is (-3, 20)"]),
    ("deep.npy t.zarr", NO_SOURCE, ["deep.npy", "damaged"]),
    ("nowhere.tif t.zarr", NO_SOURCE, ["nowhere.tif", "check the spelling"]),
    ("'*.tif' t.zarr", NO_SOURCE, ["*.tif"]),
    ("folder t.zarr", NO_SOURCE, ["folder", "neither a Zarr array nor an OME-Zarr image", "give a TIFF"]),
    (
        "http://127.0.0.1:9/cells.tif t.zarr --source-storage-options '{\"retries\": 0}'",
        NO_SOURCE,
        ["http://127.0.0.1:9/cells.tif", "nobody listens at 127.0.0.1:9", "check the host and port"],
    ),
    ("s4://bucket/cells.zarr t.zarr", WRONG_USE, ["unknown scheme 's4'"]),
    # axes, scale, units
    ("good.npy t.zarr --axes qyx", WRONG_USE, ["axes: unknown axis 'q'", "letters of tczyx"]),
    ("good.npy t.zarr --axes yyx", WRONG_USE, ["axes: axis 'y' is named twice"]),
    ("good.npy t.zarr --axes tczyxx", WRONG_USE, ["axes: axis 'x' is named twice"]),
    ("good.npy t.zarr --axes yx", WRONG_USE, ["yx", "names 2 axes"]),
    ("good.npy t.zarr --axes tczyx", WRONG_USE, ["tczyx", "names 5 axes", "(3, 200, 180) has 3"]),
    ("good.npy t.zarr --series 1", WRONG_USE, ["series: a .npy file holds one image", "leave --series out"]),
    ("good.npy t.zarr --scale z=0", WRONG_USE, ["scale: z: 0 is not a size"]),
    ("good.npy t.zarr --scale z=nan", WRONG_USE, ["scale: z: nan is not a size"]),
    ("good.npy t.zarr --scale c=1", WRONG_USE, ["scale: the source has no axis 'c'; its axes are zyx"]),
    ("good.npy t.zarr --scale 0.5,0.1", WRONG_USE, ["scale: '0.5' names no axis; write y=0.5,x=0.1"]),
    ("good.npy t.zarr --scale z=0,5", WRONG_USE, ["write a decimal with a point"]),
    ("good.npy t.zarr --units z=furlong", WRONG_USE, ["units: z: unknown unit 'furlong'", "micrometer"]),
    # factors, chunks, shards, levels
    ("good.npy t.zarr --scale-factors y=0,x=2", WRONG_USE, ["--scale-factors: y: 0 is below 1"]),
    ("good.npy t.zarr --scale-factors y=-2", WRONG_USE, ["--scale-factors: y: -2 is below 1"]),
    ("good.npy t.zarr --min-size 9 --scale-factors z=2", WRONG_USE, ["--scale-factors", "give --levels too"]),
    ("good.npy t.zarr --scale-factors y=2 --scale-factors y=2 --levels 2", WRONG_USE, ["levels", "3 levels, not 2"]),
    ("good.npy t.zarr --levels 0", WRONG_USE, ["levels: 0 is below 1"]),
    ("good.npy t.zarr --levels 99", WRONG_USE, ["levels: a pyramid has at most 64"]),
    ("good.npy t.zarr --min-size 0", WRONG_USE, ["--min-size: 0 is below 1"]),
    ("good.npy t.zarr --chunks y=0", WRONG_USE, ["chunks: y: 0 is below 1"]),
    ("good.npy t.zarr --chunks y=64,y=32", WRONG_USE, ["chunks: axis 'y' is named twice"]),
    ("good.npy t.zarr --chunks t=1", WRONG_USE, ["chunks: the source has no axis 't'"]),
    ("good.npy t.zarr --chunks y=64 --shards y=100", WRONG_USE, ["shards: y=100", "y=64", "y=128 would be"]),
    ("good.npy t.zarr --ome-zarr-version 0.4 --shards y=64", WRONG_USE, ["shards: OME-Zarr 0.4 and N5 have none"]),
    ("good.npy t.zarr --ome-zarr-version 0.3", WRONG_USE, ["'0.3' is not one of: 0.4, 0.5, 0.6"]),
    ("good.npy t.zarr --ome-zarr-version 0.9", WRONG_USE, ["not written: give 0.5, which most viewers open"]),
    ("good.npy t.zarr --scale 0.5", WRONG_USE, ["--scale: 0.5 names no axis", "write y=0.5,x=0.5"]),
    # methods, codecs, channels
    ("good.npy t.zarr --method maen", WRONG_USE, ["unknown method 'maen'; did you mean 'mean'"]),
    ("good.npy t.zarr --codec lz4", WRONG_USE, ["codec: 'lz4' is not one of: blosc:lz4"]),
    ("good.npy t.zarr --codec-level 10", WRONG_USE, ["--codec-level: blosc:lz4 has levels 0 to 9, not 10"]),
    ("good.npy t.zarr --codec zstd --codec-level 23", WRONG_USE, ["--codec-level: zstd has levels 0 to 22, not 23"]),
    ("good.npy t.zarr --codec gzip --shuffle bit", WRONG_USE, ["shuffle: gzip has no shuffle"]),
    ("good.npy t.zarr --ome-zarr-version 0.4 --checksum", WRONG_USE, ["checksum", "write OME-Zarr 0.5"]),
    ("good.npy t.zarr --channel-names a,b", WRONG_USE, ["2 were given, but the number of channels is 1"]),
    ("good.npy t.zarr --channel-colors red", WRONG_USE, ["'red' is not a colour"]),
    ("good.npy t.zarr --codec blsoc:zstd", WRONG_USE, ["codec:", "did you mean 'blosc:zstd'?"]),
    ("good.npy t.zarr --chunks plnae", WRONG_USE, ["chunks:", "did you mean 'plane'?"]),
    ("good.npy t.zarr --shuffle byt", WRONG_USE, ["shuffle:", "did you mean 'byte'?"]),
    ("good.npy t.zarr --units z=micormeter", WRONG_USE, ["units: z:", "did you mean 'micrometer'?"]),
    ("good.npy t.zarr --scale depth=1", WRONG_USE, ["scale: unknown axis 'depth'", "did you mean 'z'?"]),
    ("good.npy t.zarr --axes time,y,x", WRONG_USE, ["axes: unknown axis 'time'", "did you mean 't'?"]),
    ("htps://host/a.tif t.zarr", WRONG_USE, ["unknown scheme 'htps'", "did you mean 'https'?"]),
    ("good.npy s4://bucket/t.zarr", WRONG_USE, ["unknown scheme 's4'", "did you mean 's3'?"]),
    # memory, workers, schedulers
    ("good.npy t.zarr --memory 1kB", WRONG_USE, ["memory: one block", "1 kB is allowed", "give --memory"]),
    ("good.npy t.zarr --memory lots", WRONG_USE, ["memory: 'lots' is not a number of bytes; give one, as 2GiB"]),
    ("good.npy t.zarr --workers 0", WRONG_USE, ["workers: 0 is below 1"]),
    ("good.npy t.zarr --scheduler-file nowhere.json", WRONG_USE, ["nowhere.json"]),
    ("good.npy t.zarr --scheduler tcp://a:1 --scheduler-file b.json", WRONG_USE, ["not both"]),
    # configurations
    ("good.npy t.zarr --config typo.yaml", WRONG_USE, ["typo.yaml:2:1", "did you mean 'chunks'"]),
    ("good.npy t.zarr --config wrong.yaml", WRONG_USE, ["wrong.yaml:1:9: levels: 'many' is not a whole number"]),
    ("good.npy t.zarr --config torn.yaml", WRONG_USE, ["torn.yaml:2:1", "not valid YAML"]),
    ("good.npy t.zarr --config nowhere.yaml", WRONG_USE, ["nowhere.yaml cannot be read"]),
    # targets
    ("good.npy notes.txt", NO_TARGET, ["notes.txt is a file", "SOURCE comes first"]),
    ("good.npy good.tif", NO_TARGET, ["good.tif is a file"]),
    ("good.npy broken.zarr", NO_TARGET, ["broken.zarr is a file or a broken link"]),
    ("good.npy notes.txt/t.zarr", NO_TARGET, ["cannot be created", "notes.txt is not a folder"]),
    (f"good.npy {'long' * 99}.zarr", NO_TARGET, ["cannot be created: File name too long; give another target"]),
    ("good.npy /proc/nothing/t.zarr", NO_TARGET, ["/proc/nothing/t.zarr cannot be created"]),
    ("good.npy old.zarr", NO_TARGET, ["old.zarr exists", "--overwrite"]),
    ("good.npy folder", NO_TARGET, ["folder exists", "--overwrite"]),
    ("good.npy folder --overwrite", NO_TARGET, ["folder exists and is not a Zarr", "remove it yourself"]),
    ("good.npy . --overwrite", NO_TARGET, ["overlap; give another target"]),
    ("good.npy '' --overwrite", WRONG_USE, ["empty"]),
    ("good.npy s3:/bucket/t.zarr", WRONG_USE, ["s3://"]),
    ("good.npy s3://bucket", WRONG_USE, ["s3://BUCKET/KEY"]),
    ("good.npy http://host/t.zarr", NO_TARGET, ["http://host/t.zarr: cannot write to http(s) URLs"]),
    ("good.npy memory://name/t.zarr", WRONG_USE, ["memory://name/t.zarr", "lost when the command ends", "give a path"]),
    ("good.npy t.zarr --storage-options '{}x'", WRONG_USE, ["--storage-options: it is not JSON"]),
    ("good.npy t.zarr --region here", WRONG_USE, ["neither SOURCE nor TARGET is at a URL", "region"]),
    ("good.npy t.zarr --report nowhere/r.json", NO_TARGET, ["report: nowhere/r.json cannot be written"]),
    ("good.npy t.zarr --report folder", NO_TARGET, ["report: folder cannot be written"]),
    # --overwrite never begins before all else holds
    ("text.tif old.zarr --overwrite", NO_SOURCE, ["is not a TIFF"]),
    ("good.npy old.zarr --overwrite --memory 1kB", WRONG_USE, ["memory"]),
    ("good.npy old.zarr --overwrite --method maen", WRONG_USE, ["maen"]),
    ("good.npy old.zarr --overwrite --codec-level 12", WRONG_USE, ["--codec-level"]),
    ("good.npy old.zarr --overwrite --report nowhere/r.json", NO_TARGET, ["report"]),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


# What shows only when pixels are read or folders are made, and `plan` does neither.
FOUND_BY_DOING = {"rotten.tif t.zarr --axes zyx", "good.npy /proc/nothing/t.zarr"}


def check(words: str, status: int, told: list[str]) -> None:
    """Run it here, and hold what it says and leaves against what it should, and against what `plan` says."""
    before = digests(Path())
    planned = CliRunner().invoke(main, shlex.split(f"plan {words}"), catch_exceptions=False)
    assert digests(Path()) == before
    result = CliRunner().invoke(main, shlex.split(f"convert {words} --no-progress"), catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (status, ""), result.stderr
    sentences = [line for line in result.stderr.splitlines() if not line.endswith("and is made")]
    for part in told:
        assert part in sentences[0], sentences
    if words not in FOUND_BY_DOING:
        assert (planned.exit_code, planned.stdout, planned.stderr) == (status, "", result.stderr)
    left = Path("t.zarr")
    assert len(sentences) == (2 if left.exists() else 1), sentences
    assert all(sentence.startswith("pyramid: ") for sentence in sentences)
    assert not looks_whole(left)
    assert {name: digest for name, digest in digests(Path()).items() if not name.startswith("t.zarr")} == before
    if left.exists():
        assert "is unfinished" in sentences[1]


@pytest.mark.parametrize(("words", "status", "told"), CASES, ids=[case[0] for case in CASES])
def test_it_is_told(words: str, status: int, told: list[str], inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    try:
        check(words, status, told)
    finally:
        shutil.rmtree("t.zarr", ignore_errors=True)


def test_a_scheduler_that_is_not_there(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    monkeypatch.setattr("pyramid.engine.cluster.finding.CONNECT_S", 1)
    check("good.npy t.zarr --scheduler tcp://127.0.0.1:9", WRONG_USE, ["scheduler: tcp://127.0.0.1:9 does not answer"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("convert good.npy", "Missing argument 'TARGET'"),
        ("convert good.npy t.zarr --chunk y=64", "did you mean '--chunks'?"),
        ("convert good.npy t.zarr --levels", "requires an argument"),
        ("konvert good.npy t.zarr", "No such command 'konvert'; did you mean 'convert'?"),
        ("good.npy t.zarr", "a command comes first, as pyramid convert good.npy TARGET"),
        ("frobnicate", "the commands are convert, plan, add-levels, info"),
        ("--chunks auto convert", "'--chunks' is an option of a command; type it after the command"),
        ("--verion", "did you mean '--version'?"),
        ("convert", "Missing argument 'SOURCE'; type pyramid convert cells.tif cells.ome.zarr"),
        ("convert 'my cells.tif'", "type pyramid convert 'my cells.tif' 'my cells.ome.zarr'"),
        ("convert good.npy t.zarr -chunks auto", "did you mean '--chunks', with two dashes?"),
        ("convert good.npy t.zarr --endpoint http://h", "did you mean '--endpoint-url'?"),
        ("convert good.npy t.zarr --nothing-like-it", "--help lists all options"),
        ("convert good.npy t.zarr --overwrite=yes", "type --overwrite and no more"),
        ("download s3://bucket/a.zarr", "Missing argument 'DIR'; type pyramid download s3://bucket/a.zarr"),
        ("info", "Missing argument 'URL'"),
    ],
)
def test_usage(words: str, told: str) -> None:
    result = CliRunner().invoke(main, shlex.split(words), catch_exceptions=False)
    assert result.exit_code == WRONG_USE
    assert told in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", ["good.npy", "folder", "nowhere", "old.zarr"])
def test_info_of_what_is_no_image(words: str, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    result = CliRunner().invoke(main, ["info", words], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (NO_SOURCE, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def spelled(folder: Path) -> list[tuple[str, str]]:
    """Sources and targets that lie within each other, or are one."""
    (folder / "link").symlink_to(folder)
    (folder / "there.zarr").symlink_to("source.zarr")
    (folder / "source.zarr" / "out").symlink_to(folder)
    inside = ["source.zarr", "source.zarr/", "./source.zarr/new", "source.zarr/0", "link/source.zarr", "there.zarr/new"]
    inside += [f"file://{folder}/source.zarr/new", "source.zarr/out", "source.zarr/out/source.zarr", "."]
    sources = ["source.zarr", "there.zarr", f"file://{folder}/link/source.zarr", "source.zarr/0"]
    return [(source, target) for source in sources for target in inside]


def test_source_and_target_never_lie_within_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pyramid.convert(np.zeros((50, 40), "u1"), "source.zarr")
    cases = spelled(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "source.zarr" / "0").rglob("*") if path.is_file()}
    for source, target in cases:
        if (source, target) in {("source.zarr/0", "./source.zarr/new"), ("source.zarr/0", "there.zarr/new")}:
            continue  # beside the array that is read, in its group: nothing of the source is touched
        if source == "source.zarr/0" and target.endswith("/source.zarr/new"):
            continue
        result = CliRunner().invoke(main, ["convert", source, target, "--overwrite"], catch_exceptions=False)
        assert result.exit_code == NO_TARGET, (source, target, result.output)
        assert "overlap; give another target" in result.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "source.zarr" / "0").rglob("*") if path.is_file()} == before


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from pyramid.cli import main
main()
"""


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_disk_that_takes_no_more(version: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 2**16, (2, 900, 900), "uint16"))
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "t.zarr"), "--ome-zarr-version", version]
    done = subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (STOPPED, ""), done.stderr
    first, second = done.stderr.splitlines()
    assert f"{tmp_path}/t.zarr: " in first
    assert "cannot be written: " in first
    assert "File too large" in first
    assert "the same with --resume goes on where it stopped, and --overwrite starts again" in second
    assert not looks_whole(tmp_path / "t.zarr")


def test_ctrl_c_twice_is_as_once(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((64, 1024, 1024), "u2"))
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "t.zarr"), "--codec", "gzip", "--codec-level", "9"]
    with subprocess.Popen([sys.executable, "-m", "pyramid", *words], stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (tmp_path / "t.zarr").is_dir():
            time.sleep(0.02)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.03)
        _, told = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, told
    assert told.startswith("pyramid: interrupted\n")
    assert "Traceback" not in told
    assert not looks_whole(tmp_path / "t.zarr")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_it_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    source = np.lib.format.open_memmap(tmp_path / "a.npy", mode="w+", dtype="u2", shape=(60, 1024, 1024))
    source[:] = np.random.default_rng(0).integers(0, 4096, (1024, 1024), "u2")
    source.flush()
    # A slow codec, so that it takes long enough, and little memory, so that a block does not.
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "t.zarr"), "--codec", "gzip", "--codec-level", "9"]
    words += ["--chunks", "z=1,y=512,x=512", "--shards", "none", "--workers", "2", "--memory", "24MiB"]
    with subprocess.Popen([sys.executable, "-m", "pyramid", *words], stderr=subprocess.PIPE, text=True) as process:
        chunks = tmp_path / "t.zarr" / "0" / "c"
        while process.poll() is None and not (chunks.is_dir() and any(chunks.iterdir())):
            time.sleep(0.02)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, told
    first, second = told.splitlines()
    assert first == "pyramid: interrupted"
    assert "is unfinished: it has no multiscales; the same with --resume goes on where it stopped" in second
    assert not looks_whole(tmp_path / "t.zarr")
    np.save(tmp_path / "small.npy", np.zeros((2, 300, 300), "u2"))
    words = ["convert", str(tmp_path / "small.npy"), str(tmp_path / "t.zarr"), "--overwrite", "-q"]
    again = CliRunner().invoke(main, words, catch_exceptions=False)
    assert (again.exit_code, again.output) == (0, "")
    validate_everything(tmp_path / "t.zarr", "0.5")


def image() -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 200, (3, 120, 100)).astype("u1")


@pytest.mark.parametrize(
    ("error", "source", "options"),
    [
        (SourceError, "nowhere.tif", {}),
        (SourceError, {"a": 1}, {}),
        (SourceError, np.zeros((3, 4), complex), {}),
        (SourceError, np.zeros((0, 4)), {}),
        (SourceError, np.zeros(4), {}),
        (SourceError, da.zeros((10, 5), chunks=5)[da.zeros(10, chunks=5) > 0], {}),
        (OptionError, np.zeros((3, 4)), {"method": "maen"}),
        (OptionError, np.zeros((3, 4)), {"axes": "yyx"}),
        (OptionError, np.zeros((3, 4)), {"chunk": 3}),
        (OptionError, np.zeros((3, 4)), {"chunks": (1, 2)}),
        (OptionError, np.zeros((3, 4)), {"scale_factors": {"y": 0}}),
        (OptionError, np.broadcast_to(np.uint8(0), (40000, 40000)), {"scale_factors": {"y": 40000, "x": 40000}}),
        (OptionError, np.zeros((3, 4)), {"memory": 1}),
        (OptionError, np.zeros((3, 4)), {"overwrite": "yes"}),
    ],
)
def test_errors_have_their_classes(error: type[PyramidError], source: object, options: Any, tmp_path: Path) -> None:
    with pytest.raises(error):
        pyramid.convert(source, tmp_path / "t.zarr", **options)
    with pytest.raises(error):
        pyramid.plan(source, tmp_path / "t.zarr", **options)
    assert not (tmp_path / "t.zarr").exists()


def test_a_target_that_exists_is_a_target_error(tmp_path: Path) -> None:
    pyramid.convert(image(), tmp_path / "t.zarr")
    before = digests(tmp_path)
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(TargetError, match="exists"):
            call(image(), tmp_path / "t.zarr")
    assert digests(tmp_path) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_a_callback_raises_comes_out(error: type[BaseException], tmp_path: Path) -> None:
    def stop(_: pyramid.Progress) -> None:
        raise error

    with pytest.raises((error, StoppedError)) as caught:
        pyramid.convert(image(), tmp_path / "t.zarr", progress=stop)
    assert isinstance(caught.value, error) or isinstance(caught.value.__cause__, error)
    assert "is unfinished" in caught.value.__notes__[0]
    assert not looks_whole(tmp_path / "t.zarr")


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[pyramid.Progress] = []
    pyramid.convert(image(), tmp_path / "t.zarr", progress=seen.append, chunks={"y": 32, "x": 32}, min_size=16)
    assert seen[-1].done_bytes == seen[-1].total_bytes
    assert seen[-1].done_tasks == seen[-1].total_tasks == len(seen)
    assert [state.done_tasks for state in seen] == sorted(state.done_tasks for state in seen)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_source_is_left_as_it_is(order: Any, tmp_path: Path) -> None:
    pixels = np.asarray(image(), order=order)
    before = pixels.copy()
    pixels.flags.writeable = False
    pyramid.convert(pixels, tmp_path / "a.zarr", method="median")
    pyramid.convert(da.from_array(pixels, chunks=50), tmp_path / "b.zarr", method="mode")
    np.testing.assert_array_equal(pixels, before)


def test_a_block_of_a_dask_array_that_fails_is_told(tmp_path: Path) -> None:
    def fail(block: NDArray[Any]) -> NDArray[Any]:
        raise ZeroDivisionError("of my own")

    array = da.from_array(image(), chunks=50).map_blocks(fail, dtype="u1", meta=np.empty((0, 0, 0), "u1"))
    with pytest.raises(PyramidError, match="of my own"):
        pyramid.convert(array, tmp_path / "t.zarr")
    assert not looks_whole(tmp_path / "t.zarr")
