"""Runs that were killed at any moment, and go on: the same bytes as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from distributed import LocalCluster

import pyramid
from pyramid.cli import main
from pyramid.engine import resuming
from pyramid.errors import OptionError, PyramidWarning, StoppedError, TargetError
from pyramid.hierarchy.nodes import read_node
from pyramid.stores import Objects, open_objects
from pyramid.writing import journal
from pyramid.writing.claims import read_record
from pyramid.writing.direct_io import sync_disk
from pyramid.writing.journal import FOLDER, read_segments
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service

pytestmark = pytest.mark.once

# Kills of a quick run; a hundred are made where this is set.
KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "3"))
SHAPE = (6, 700, 900)
LAYOUT: dict[str, Any] = {
    "axes": "zyx",
    "chunks": "z=1,y=128,x=128",
    "shards": "none",
    "memory": "4MiB",
    "workers": 2,
    "codec": "gzip",
    "codec_level": 9,
    "scale_factors": "z=1,y=2,x=2",
}
# It prints how many blocks it found done, when its first block is done.
PROGRAM = """
import json, sys, pyramid
from pyramid.writing import journal
journal.SEGMENT_S = 0.02
seen = []
def note(state):
    if not seen:
        print(state.done_tasks - 1, flush=True)
    seen.append(state)
pyramid.convert(sys.argv[1], sys.argv[2], progress=note, resume=True, **json.loads(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("resume") / "noise.ome.tif"
    pixels = np.random.default_rng(0).integers(0, 4000, SHAPE).astype("uint16")
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX"})
    return path


@pytest.fixture(scope="module")
def right(source: Path) -> dict[str, str]:
    """What an undisturbed run writes."""
    target = source.parent / "right.ome.zarr"
    pyramid.convert(source, target, **LAYOUT)
    return contents(open_objects(str(target)))


def contents(objects: Objects) -> dict[str, str]:
    return {key: hashlib.sha256(objects.get(key) or b"").hexdigest() for key in list(objects.keys())}


def begin(source: Path, target: str, options: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(source), target, json.dumps({**LAYOUT, **options})]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def blocks_in_journal(objects: Objects) -> int:
    record = read_record(objects)
    if not record:
        return 0
    segments, _ = read_segments(objects, resuming.digest_of(record))
    return sum(last + 1 - first for segment in segments for first, last in segment.blocks)


def kill_and_resume(
    source: Path, target: str, right: dict[str, str], options: dict[str, Any], rng: random.Random, kills: int
) -> None:
    """Kill a run so many times, and let it end. Each begins with the blocks that the one before had in its journal."""
    objects = open_objects(target, options.get("target_storage_options"))
    for _ in range(kills):
        process = begin(source, target, options)
        time.sleep(rng.uniform(0.4, 1.6))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        node = read_node(objects)
        if node is not None and "multiscales" in node.ome:  # it was killed when all was done
            assert {key: value for key, value in contents(objects).items() if FOLDER not in key} == right
        if read_record(objects):
            done = blocks_in_journal(objects)
            process = begin(source, target, options)
            assert process.stdout is not None
            line = process.stdout.readline()
            if line:  # no line if the last run was killed after its last block
                assert int(line) == done
            process.kill()
            process.communicate()
    process = begin(source, target, options)
    problem = process.communicate()[1]
    assert process.returncode == 0, problem
    assert contents(objects) == right


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_run_goes_on(seed: int, source: Path, right: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "killed.ome.zarr"
    kill_and_resume(source, str(target), right, {}, random.Random(seed), 3)
    assert sorted(os.listdir(target)) == sorted({key.partition("/")[0] for key in right})


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_run_goes_on_in_a_bucket(
    seed: int, source: Path, right: dict[str, str], s3: Service, prefix: str
) -> None:
    url, options = s3.url(f"{prefix}/killed.ome.zarr"), {"target_storage_options": s3.storage_options}
    kill_and_resume(source, url, right, options, random.Random(seed), 2)


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_run_whose_client_was_killed_goes_on_with_the_cluster(
    seed: int, source: Path, right: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "killed.ome.zarr"
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", host="127.0.0.1"
    ) as cluster:
        options = {"scheduler": cluster.scheduler_address, "workers": None}
        kill_and_resume(source, str(target), right, options, random.Random(seed), 2)


def test_what_a_killed_process_left_unfinished_is_removed(source: Path, right: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "killed.ome.zarr"
    left = [target / f".zarr.json-18957-14021632-{'0a' * 16}", target / "1" / f".zarr.json-18957-14021632-{'0b' * 16}"]
    target.mkdir()
    left[0].write_bytes(b"{")
    assert resumed(source, target) > 0
    assert interrupted(source, tmp_path / "b.ome.zarr", 2) > 0
    target = tmp_path / "b.ome.zarr"
    for path in left:
        (target / path.relative_to(tmp_path / "killed.ome.zarr")).write_bytes(b"{")
    assert resumed(source, target) > 0
    assert {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()} == set(right)


def interrupted(source: object, target: Path, blocks: int, **options: Any) -> int:
    """Interrupt a run after some blocks, and return how many its journal has."""

    def stop(state: Any) -> None:
        if state.done_tasks >= blocks:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(source, target, progress=stop, **{**LAYOUT, **options})
    return blocks_in_journal(open_objects(str(target)))


def resumed(source: object, target: Path, **options: Any) -> int:
    """Let a run go on, and return how many blocks it did."""
    done: list[int] = []
    pyramid.convert(
        source, target, progress=lambda state: done.append(state.done_tasks), resume=True, **{**LAYOUT, **options}
    )
    return len(done)


def test_an_interrupted_run_does_only_what_is_left(source: Path, right: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    tasks = pyramid.plan(source, **LAYOUT).tasks
    in_journal = interrupted(source, target, 5)
    assert in_journal >= 5
    assert resumed(source, target) == tasks - in_journal
    assert contents(open_objects(str(target))) == right


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_every_kind_of_source_goes_on(kind: str, source: Path, right: dict[str, str], tmp_path: Path) -> None:
    pixels = tifffile.imread(source)
    sources = {"numpy": pixels, "dask": da.from_array(pixels, chunks=(2, 200, 900))}
    if kind == "zarr":
        pyramid.convert(pixels, tmp_path / "source.zarr", **{**LAYOUT, "levels": 1})
    given = sources.get(kind, tmp_path / "source.zarr")
    target = tmp_path / "a.ome.zarr"
    options = {"name": "noise.ome"}
    before = interrupted(given, target, 6, **options)
    assert resumed(given, target, **options) == pyramid.plan(given, **LAYOUT).tasks - before
    levels = {key: value for key, value in contents(open_objects(str(target))).items() if "/c/" in key}
    assert levels == {key: value for key, value in right.items() if "/c/" in key}


def test_the_windows_of_channels_are_those_of_all_blocks(source: Path, tmp_path: Path) -> None:
    pixels = tifffile.imread(source)
    pixels[0, 0, 0] = 60_000  # in the first block, which the second run does not see
    interrupted(pixels, tmp_path / "a.ome.zarr", 4)
    resumed(pixels, tmp_path / "a.ome.zarr")
    window = pyramid.open(tmp_path / "a.ome.zarr").channels[0].window
    assert window is not None
    assert window.max == 60_000


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "max"}, "method is 'max', and was 'mean'"),
        ({"codec": "zstd"}, "encoding codec is 'zstd', and was 'gzip'"),
        ({"chunks": "z=1,y=64,x=64"}, r"level 0 chunks is \[1, 64, 64\], and was \[1, 128, 128\]"),
        ({"levels": 2}, "number of levels is 2, and was 3"),
        ({"ome_zarr_version": "0.4", "shards": None}, "ome zarr version is '0.4', and was '0.5'"),
    ],
)
def test_another_plan_is_refused(changed: dict[str, Any], words: str, source: Path, tmp_path: Path) -> None:
    interrupted(source, tmp_path / "a.ome.zarr", 3)
    before = contents(open_objects(str(tmp_path / "a.ome.zarr")))
    with pytest.raises(OptionError, match=f"was begun with another plan or source: .*{words}"):
        resumed(source, tmp_path / "a.ome.zarr", **changed)
    assert contents(open_objects(str(tmp_path / "a.ome.zarr"))) == before


def test_another_source_is_refused(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ome.tif"
    copy.write_bytes(source.read_bytes())
    interrupted(copy, tmp_path / "a.ome.zarr", 3)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(OptionError, match="source file changed ns is"):
        resumed(copy, tmp_path / "a.ome.zarr")
    pixels = tifffile.imread(source)
    interrupted(pixels, tmp_path / "b.ome.zarr", 3)
    with pytest.raises(OptionError, match="source pixels is"):
        resumed(pixels + 1, tmp_path / "b.ome.zarr")


def test_other_workers_and_memory_go_on(source: Path, right: dict[str, str], tmp_path: Path) -> None:
    interrupted(source, tmp_path / "a.ome.zarr", 3)
    resumed(source, tmp_path / "a.ome.zarr", workers=5, memory="64MiB")
    assert contents(open_objects(str(tmp_path / "a.ome.zarr"))) == right
    interrupted(source, tmp_path / "b.ome.zarr", 3)
    with pytest.raises(OptionError, match="one block of the unfinished run takes"):
        resumed(source, tmp_path / "b.ome.zarr", memory="100KiB")


def test_a_finished_run_has_nothing_left(source: Path, right: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    assert resumed(source, target) == pyramid.plan(source, **LAYOUT).tasks  # nothing was there, so it begins
    (target / FOLDER).mkdir()
    (target / FOLDER / "00000000.json").write_text("{}")  # a run that was killed after its commit left it
    with pytest.warns(PyramidWarning, match="is finished: nothing is left to do"):
        assert resumed(source, target) == 0
    assert contents(open_objects(str(target))) == right
    assert not (target / FOLDER).exists()


@pytest.mark.parametrize("target", ["a.ome.zarr", "a.ozx", "a.n5"])
def test_a_finished_target_of_another_source_is_noticed(target: str, tmp_path: Path) -> None:
    for name in ("one.tif", "two.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((40, 50), "uint8"))
    pyramid.convert(tmp_path / "one.tif", tmp_path / target)
    with warnings.catch_warnings(record=True) as same:
        warnings.simplefilter("always")
        pyramid.convert(tmp_path / "one.tif", tmp_path / target, resume=True)
        pyramid.convert(str(tmp_path / "on*.tif"), tmp_path / target, resume=True)
    assert all("is finished" in str(warning.message) for warning in same)
    with warnings.catch_warnings(record=True) as other:
        warnings.simplefilter("always")
        pyramid.convert(tmp_path / "two.tif", tmp_path / target, resume=True)
    assert "was made from 'one.tif', and the source is 'two.tif'; give another target" in str(other[-1].message)


def test_what_cannot_go_on_is_told(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.ome.zarr"
    interrupted(source, target, 3)
    monkeypatch.setattr(resuming, "__version__", "9.9")
    with pytest.raises(TargetError, match=r"was begun by ome-pyramid '0\.1.*', and this is 9\.9; go on with that"):
        resumed(source, target)
    document = json.loads((target / "zarr.json").read_text())
    del document["attributes"]["pyramid"]["record"]
    (target / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(TargetError, match="was begun by a run that kept no record"):
        resumed(source, target)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file.txt").write_text("mine")
    with pytest.raises(TargetError, match="is not an unfinished conversion"):
        resumed(source, tmp_path / "other")
    with pytest.raises(OptionError, match=r"resume=True goes on .* overwrite=True removes it; give one"):
        resumed(source, target, overwrite=True)


def test_a_target_with_damaged_metadata_is_not_taken_for_the_source(source: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "zarr.json").write_text('{"a')
    with pytest.raises(TargetError, match=r"bad: zarr\.json is not JSON.*start again with overwrite=True"):
        resumed(source, tmp_path / "bad")


def test_a_plan_removes_nothing_of_a_finished_target(source: Path, tmp_path: Path) -> None:
    resumed(source, tmp_path / "a.ome.zarr")
    left = tmp_path / "a.ome.zarr" / FOLDER / "00000000.json"
    left.parent.mkdir()
    left.write_text("{}")
    with pytest.raises(TargetError, match="is finished: nothing is left to do"):
        pyramid.plan(source, tmp_path / "a.ome.zarr", resume=True, **LAYOUT)
    assert left.exists()


def test_a_damaged_journal_loses_only_blocks(source: Path, right: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    interrupted(source, target, 3)
    for segment in sorted((target / FOLDER).iterdir()):
        segment.write_bytes(b'{"run": ')
    assert resumed(source, target) == pyramid.plan(source, **LAYOUT).tasks
    assert contents(open_objects(str(target))) == right


def test_after_a_loss_of_power_only_synced_blocks_count(
    source: Path, right: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.ome.zarr"
    monkeypatch.setattr(journal, "SEGMENT_S", 0.0)
    monkeypatch.setattr(journal, "SYNC_S", 0.0)

    def sync_twice(path: str) -> None:
        sync_disk(path)
        if len(list((target / FOLDER).iterdir())) > 2:
            monkeypatch.setattr(journal, "SYNC_S", math.inf)

    monkeypatch.setattr(journal, "sync_disk", sync_twice)
    assert interrupted(source, target, 12) >= 12
    last = sorted((target / FOLDER).iterdir())[-1]
    synced = json.loads(last.read_text())["synced"]
    assert synced > 0
    monkeypatch.setattr(journal, "boot_id", lambda: "the next start of the system")
    kept = blocks_in_journal(open_objects(str(target)))
    assert 0 < kept < 12
    monkeypatch.setattr(journal, "SYNC_S", 30.0)
    assert interrupted(source, target, kept + 4, resume=True) >= kept + 4
    assert resumed(source, target) <= pyramid.plan(source, **LAYOUT).tasks - kept - 4
    assert contents(open_objects(str(target))) == right


def test_a_credential_that_expires_stops_a_run_that_goes_on(
    source: Path, right: dict[str, str], s3: Service, fault_proxy: Callable[[str], FaultProxy], prefix: str
) -> None:
    url, proxy = s3.url(f"{prefix}/a.ome.zarr"), fault_proxy(s3.endpoint)
    storage = s3.through(proxy.endpoint).storage_options
    proxy.inject(Fault(Kind.EXPIRED, "PUT", "*/c/*", at=60, times=math.inf))
    with pytest.raises(StoppedError, match="ExpiredToken") as caught:
        pyramid.convert(source, url, target_storage_options=storage, **LAYOUT)
    assert "resume=True goes on" in caught.value.__notes__[0]
    proxy.heal()
    objects = open_objects(url, s3.storage_options)
    before = blocks_in_journal(objects)
    assert before > 0
    done: list[Any] = []
    pyramid.convert(source, url, target_storage_options=storage, resume=True, progress=done.append, **LAYOUT)
    assert len(done) == done[-1].total_tasks - before
    assert contents(objects) == right


def test_a_plan_says_how_much_is_left(source: Path, tmp_path: Path) -> None:
    in_journal = interrupted(source, tmp_path / "a.ome.zarr", 3)
    planned = pyramid.plan(source, tmp_path / "a.ome.zarr", resume=True, **LAYOUT)
    assert planned.done_tasks == in_journal
    assert f"{in_journal} of {planned.tasks} blocks are done" in str(planned)
    assert planned.to_dict()["done_tasks"] == in_journal


def test_a_finished_target_is_shown_without_a_rate(source: Path, tmp_path: Path) -> None:
    words = ["convert", str(source), str(tmp_path / "a.ome.zarr"), "--resume"]
    first, second = (CliRunner().invoke(main, words, catch_exceptions=False) for _ in range(2))
    assert "MB/s" in first.stderr
    assert "is finished: nothing is left to do" in second.stderr
    assert "MB/s" not in second.stderr
    assert second.stdout == first.stdout
