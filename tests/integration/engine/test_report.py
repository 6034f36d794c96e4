"""The report of a run: whatever the end of the run, it fits its schema and says what happened."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner, Result
from distributed import Client, LocalCluster
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

import pyramid
from pyramid.cli import main
from pyramid.cli.words import as_flags
from pyramid.engine.report import REPORT_VERSION
from pyramid.errors import OptionError, SourceError, StoppedError, TargetError
from tests.support.paths import ROOT
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service

SCHEMA = json.loads((files("pyramid") / "data" / "report.schema.json").read_text(encoding="utf-8"))
OPTIONS: dict[str, Any] = {"axes": "zyx", "chunks": {"z": 2, "y": 64, "x": 64}, "shards": "none", "min_size": 128}
PIXELS = np.random.default_rng(8).integers(0, 4000, (5, 300, 280), "uint16")


def refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def checked(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    Draft202012Validator(SCHEMA).validate(report)
    return report


def typed(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    np.save(tmp_path / "a.npy", PIXELS)
    return tmp_path / "a.npy"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.json"


def objects_of(target: Path, level: int) -> list[int]:
    return [path.stat().st_size for path in (target / str(level) / "c").rglob("*") if path.is_file()]


def test_the_schema_is_valid_and_its_page_prints_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["report_version"]["const"] == REPORT_VERSION
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert (files("pyramid") / "data" / "report.schema.json").read_text(encoding="utf-8") in page


@pytest.mark.parametrize("extra", [{}, {"shards": {"z": 4, "y": 128, "x": 128}}, {"skip_empty": True}])
def test_a_run_that_is_done_counts_its_bytes_by_level(extra: Mapping[str, Any], file: Path, tmp_path: Path) -> None:
    pixels = PIXELS.copy()
    pixels[:, :100] = 0
    pyramid.convert(pixels, tmp_path / "t", report=str(file), **{**OPTIONS, **extra})
    report = checked(file.read_text())
    assert (report["outcome"], report["exit_status"], report["error"]) == ("done", 0, None)
    assert len(report["levels"]) == len(report["plan"]["levels"]) > 1
    for level in report["levels"]:
        sizes = objects_of(tmp_path / "t", level["level"])
        assert (level["objects"], level["stored_bytes"]) == (len(sizes), sum(sizes))
        assert level["raw_bytes"] == np.prod(level["shape"]) * 2
        assert level["bytes_per_second"] > 0
    stages = report["stages"]
    assert 0 < sum(stages["wall_seconds"].values()) <= report["seconds"]
    assert min(stages["wall_seconds"].values()) > 0
    assert stages["summed_seconds"]["read"] > 0
    assert stages["summed_seconds"]["encode"] > 0
    assert stages["summed_seconds"]["write"] > 0


def test_options_are_there_as_given_and_as_decided(source: Path, file: Path, tmp_path: Path) -> None:
    done = typed("convert", source, tmp_path / "t", "--axes", "zyx", "--codec", "zstd", "--report", file, "-q")
    assert done.exit_code == 0, done.output
    options = checked(file.read_text())["options"]
    assert options["given"] == {"axes": "zyx", "codec": "zstd", "report": str(file)}
    assert options["decided"]["chunks"] == {"z": 5, "y": 300, "x": 280}
    assert options["decided"]["codec"] == "zstd"
    assert options["decided"]["levels"] == 2
    assert options["decided"]["workers"] > 0


def test_the_command_prints_the_same_document_also_of_a_failure(source: Path, file: Path, tmp_path: Path) -> None:
    good = typed("convert", source, tmp_path / "t", "--axes", "zyx", "--report", file, "--json")
    assert checked(good.stdout) == checked(file.read_text())
    bad = typed("convert", source, tmp_path / "t", "--axes", "zyx", "--report", file, "--json")
    report = checked(file.read_text())
    assert checked(bad.stdout) == report
    assert (bad.exit_code, report["outcome"], report["exit_status"]) == (4, "failed", 4)
    assert bad.stderr == f"pyramid: {as_flags(report['error']['message'])}\n"
    assert report["error"]["class"] == "TargetError"
    assert report["stages"]["wall_seconds"]["plan"] > 0


def test_a_source_that_cannot_be_opened_has_a_report_without_a_plan(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        pyramid.convert("https://ann:hush@localhost:1/a.tif?sig=hush", tmp_path / "t", report=str(file))
    report = checked(file.read_text())
    assert (report["outcome"], report["exit_status"], report["plan"]) == ("failed", 3, None)
    assert "hush" not in file.read_text()


def test_a_refusal_for_memory_has_a_report(source: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        pyramid.convert(source, tmp_path / "t", axes="zyx", memory="1kB", report=str(file))
    report = checked(file.read_text())
    assert report["exit_status"] == 2
    assert 'give memory="' in report["error"]["message"]


def test_a_run_that_stops_half_way_says_what_is_unfinished(file: Path, tmp_path: Path) -> None:
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=PIXELS.shape, chunks=(1, 300, 280), dtype="uint16")
    array[:] = PIXELS
    (tmp_path / "a.zarr" / "c" / "4" / "0" / "0").write_bytes(b"damaged")
    options = {**OPTIONS, "memory": "3MiB", "workers": 1}
    with pytest.raises(SourceError) as raised:
        pyramid.convert(tmp_path / "a.zarr", tmp_path / "t", report=str(file), **options)
    report = checked(file.read_text())
    assert report["error"]["message"] == str(raised.value)
    assert any("unfinished" in note for note in report["error"]["notes"])
    assert report["bytes_per_second"] is None
    assert report["levels"][0]["bytes_per_second"] is None


def test_an_interrupted_run_has_a_report(source: Path, file: Path, tmp_path: Path) -> None:
    def interrupt(_state: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(source, tmp_path / "t", progress=interrupt, report=str(file), **OPTIONS)
    report = checked(file.read_text())
    assert (report["outcome"], report["exit_status"]) == ("interrupted", 130)


def test_an_unforeseen_error_has_a_report(source: Path, file: Path, tmp_path: Path) -> None:
    def fail(_state: object) -> None:
        raise ZeroDivisionError("s3://ann:hush@bucket/key")

    with pytest.raises(ZeroDivisionError):
        pyramid.convert(source, tmp_path / "t", progress=fail, report=str(file), **OPTIONS)
    report = checked(file.read_text())
    assert (report["outcome"], report["exit_status"]) == ("failed", 70)
    assert report["error"]["message"] == "ZeroDivisionError: s3://bucket/key"


def test_object_storage_keeps_its_secret(s3: Service, prefix: str, file: Path) -> None:
    storage = {**s3.storage_options, "retries": 3}
    pyramid.convert(PIXELS, s3.url(prefix), storage_options=storage, report=str(file), **OPTIONS)
    report = checked(file.read_text())
    assert report["options"]["given"]["storage_options"]["retries"] == 3
    assert set(report["options"]["given"]["storage_options"]) == set(storage)
    with pytest.raises(TargetError):
        pyramid.convert(PIXELS, s3.url(prefix), storage_options=storage, report=str(file), **OPTIONS)
    assert checked(file.read_text())["outcome"] == "failed"
    for text in (json.dumps(report), file.read_text()):
        assert SECRET not in text


def test_a_cluster_reports_the_times_of_its_workers(file: Path, tmp_path: Path) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as made,
        Client(made),
    ):
        pyramid.convert(PIXELS, tmp_path / "t", report=str(file), **OPTIONS)
    report = checked(file.read_text())
    assert report["stages"]["summed_seconds"]["encode"] > 0
    assert report["levels"][0]["objects"] == len(objects_of(tmp_path / "t", 0))
    assert report["versions"]["distributed"]


def test_a_plan_has_a_report_too(source: Path, file: Path, tmp_path: Path) -> None:
    plan = pyramid.plan(source, tmp_path / "t", sample=True, report=str(file), **OPTIONS)
    report = checked(file.read_text())
    assert (report["command"], report["outcome"]) == ("plan", "planned")
    assert plan.estimate
    assert report["plan"]["estimate"]["seconds"] == plan.estimate.seconds
    with pytest.raises(OptionError):
        pyramid.plan(source, levels=70, scale_factors="y=3000", report=str(file), axes="zyx")
    assert checked(file.read_text())["outcome"] == "failed"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.npy", "is in the source, or is the source"),
        ("t/report.json", "is in the target"),
        ("a.zarr/0/report.json", "cannot be written"),
        ("notes.txt", "is not JSON, so it is not replaced"),
        ("s3://bucket/report.json", "is a URL; give a path"),
        (".", "cannot be written; give a file in a folder that exists"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    name: str, says: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    path = name if "://" in name else str(tmp_path / name)
    for done in (
        typed("convert", source, tmp_path / "t", "--axes", "zyx", "--report", path),
        typed("plan", source, tmp_path / "t", "--axes", "zyx", "--report", path),
    ):
        assert done.exit_code == 4, done.output
        assert says in done.stderr
        assert not list((tmp_path / "t").iterdir())
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert np.array_equal(np.load(source), PIXELS)


def test_a_report_replaces_an_older_one_as_a_whole_and_leaves_nothing_else(
    source: Path, file: Path, tmp_path: Path
) -> None:
    file.write_text('{"older": "' + "x" * 100_000 + '"}')
    (tmp_path / "link.json").symlink_to(file)
    pyramid.convert(source, tmp_path / "t", report=str(tmp_path / "link.json"), **OPTIONS)
    assert checked(file.read_text())["outcome"] == "done"
    assert (tmp_path / "link.json").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "t", "report.json", "link.json"}


def test_a_report_may_go_into_a_pipe(source: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    pyramid.convert(source, tmp_path / "t", report=str(tmp_path / "pipe"), **OPTIONS)
    reader.join()
    assert checked(read[0])["outcome"] == "done"


def test_a_folder_that_is_lost_meanwhile_does_not_hide_the_failure(source: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()

    def fail(_state: object) -> None:
        (tmp_path / "reports").rmdir()
        raise StoppedError("stopped on purpose")

    with pytest.raises(StoppedError, match="stopped on purpose") as raised:
        pyramid.convert(source, tmp_path / "t", progress=fail, report=str(tmp_path / "reports" / "r.json"), **OPTIONS)
    assert any("cannot be written" in note for note in raised.value.__notes__)
