"""Progress, notices and the log of commands, as a log file and a terminal have them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from tests.support import trees
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.web import WebServer

LINE = re.compile(r"(convert|download|pack|unpack): (\d+) %, .+ of .+")
COLOURS = (64, 64, 3)  # an array of which it is not said whether it holds colours


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyramid", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def on_terminal(*words: object) -> str:
    """Run a command whose stderr is a terminal, and return what it writes there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pyramid", *map(str, words)]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # Linux ends a terminal so
            pass
    os.close(ours)
    assert process.returncode == 0, seen
    return seen.decode()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 200, (6, 500, 400)).astype("u1"))
    return tmp_path / "a.npy"


def test_a_log_file_ends_with_all_of_a_total(source: Path, tmp_path: Path) -> None:
    converted = run("convert", source, tmp_path / "a.zarr").stderr.splitlines()
    downloaded = run("download", tmp_path / "a.zarr", tmp_path / "b.zarr").stderr.splitlines()
    packed = run("pack", tmp_path / "b.zarr", tmp_path / "b.ozx").stderr.splitlines()
    unpacked = run("unpack", tmp_path / "b.ozx", tmp_path / "e.zarr").stderr.splitlines()
    for lines in (converted[:-1], downloaded, packed, unpacked):
        assert lines
        assert all(LINE.match(line) for line in lines), lines
        assert [" 100 %" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    assert run("convert", source, tmp_path / "c.zarr", "-q").stderr == ""
    assert "%" not in run("convert", source, tmp_path / "d.zarr", "--no-progress").stderr
    assert "%" not in run("pack", tmp_path / "b.zarr", tmp_path / "c.ozx", "--no-progress").stderr
    assert run("unpack", tmp_path / "b.ozx", tmp_path / "f.zarr", "-q").stderr == ""


def test_a_conversion_to_one_file_shows_that_it_is_packed(source: Path, tmp_path: Path) -> None:
    lines = run("convert", source, tmp_path / "a.ozx").stderr.splitlines()
    assert [line.partition(":")[0] for line in lines if " 100 %" in line] == ["convert", "pack"]


def test_bytes_that_are_packed_and_unpacked_are_counted_to_the_last(source: Path, tmp_path: Path) -> None:
    pyramid.convert(source, tmp_path / "a.zarr")
    for call, paths in ((pyramid.pack, ("a.zarr", "a.ozx")), (pyramid.unpack, ("a.ozx", "b.zarr"))):
        states: list[Any] = []
        call(*(tmp_path / path for path in paths), progress=states.append)
        size = sum(path.stat().st_size for path in (tmp_path / "a.zarr").rglob("*") if path.is_file())
        assert (states[-1].done_bytes, states[-1].total_bytes, states[-1].is_total_final) == (size, size, True)


@pytest.mark.parametrize("command", ["convert", "download"])
def test_a_terminal_shows_a_total_from_the_start(command: str, source: Path, tmp_path: Path) -> None:
    pyramid.convert(np.load(source), tmp_path / "a.zarr", chunks={"y": 64, "x": 64}, shards="none")
    seen = on_terminal(command, source if command == "convert" else tmp_path / "a.zarr", tmp_path / "b.zarr")
    assert "?" not in seen.replace("\x1b[?25l", "").replace("\x1b[?25h", "")
    assert f"{command} " in seen
    assert "100 %" in seen


def test_a_log_of_a_terminal_is_above_the_bar(source: Path, tmp_path: Path) -> None:
    seen = on_terminal("convert", source, tmp_path / "a.zarr", "-v")
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line).strip("\r") for line in seen.split("\n")]
    assert any(re.fullmatch(r"(.*\r)?\d\d:\d\d:\d\d plan: .*", line) for line in lines), lines


def test_the_log_says_source_axes_plan_and_time(source: Path, tmp_path: Path) -> None:
    log = run("convert", source, tmp_path / "a.zarr", "-v", "--axes", "zyx", "--scale", "x=0.5").stderr
    for words in (
        "axes: zyx, as given",
        f"source: {source}, by the reader 'npy': 'a', zyx 6 x 500 x 400 uint8",
        "scale: x=0.5 micrometer (as given)",
        "plan: 2 levels, 1 pass, ",
        "time: opening the source took ",
        "time: the metadata took ",
    ):
        assert log.count(words) == 1, (words, log)
    assert "INFO" not in run("convert", source, tmp_path / "b.zarr").stderr


def test_the_log_says_what_is_repeated_and_holds_no_secret(
    web: WebServer, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    trees.image(tmp_path / "served", 3)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.UNAVAILABLE, "GET", "served/1/c/*", times=2))
    url = f"{proxy.endpoint}/served?signature=hidden".replace("://", "://someone:hidden@")
    log = run("download", url, tmp_path / "came", "-v").stderr
    assert len(re.findall(r"request: GET .*served/1/c/.* failed, is made again in .* s: .*503", log)) == 2
    assert "hidden" not in log


def test_notices_are_printed_once_and_are_no_warnings(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(COLOURS, "u1"))
    for words in (["plan", tmp_path / "a.npy"], ["convert", tmp_path / "a.npy", tmp_path / "a.zarr"]):
        for more in ([], ["-v"]):
            done = run(*words, *more, *(["--overwrite"] if words[0] == "convert" else []))
            assert done.stderr.count("does not say which axis is which") == 1
            assert "Warning" not in done.stderr
    assert run("convert", tmp_path / "a.npy", tmp_path / "b.zarr", "-q").stderr == ""


def test_a_report_has_the_notices(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(COLOURS, "u1"))
    for command in (["plan", tmp_path / "a.npy"], ["convert", tmp_path / "a.npy", tmp_path / "a.zarr"]):
        run(*command, "--report", tmp_path / "r.json")
        (notice,) = json.loads((tmp_path / "r.json").read_text())["notices"]
        assert "does not say which axis is which" in notice
