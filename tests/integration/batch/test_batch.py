"""Many images by one command: what is right, what failed, what goes on, and what is refused before anything runs."""

from __future__ import annotations

import csv
import errno
import json
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import psutil
import pytest
import tifffile
from click.testing import CliRunner, Result
from distributed import LocalCluster
from numpy.typing import NDArray

import pyramid
from pyramid import BatchProgress, BatchReport
from pyramid.batch.converting import convert_batch
from pyramid.batch.gathering import gather
from pyramid.cli import main
from pyramid.engine.report import RunReport
from pyramid.errors import BatchError, SourceError, TargetError
from pyramid.options.convert import Options
from tests.support.paths import ROOT
from tests.support.servers.service import Service
from tests.support.stores import digests, read_level

SHAPE = (2, 3, 60, 70)
SCHEMA = json.loads((ROOT / "pyramid/data/batch.schema.json").read_text(encoding="utf-8"))


def pixels(seed: int, *shape: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4000, shape or SHAPE).astype("uint16")


def write(path: Path, image: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = "CZYX"[-image.ndim :]
    tifffile.imwrite(path, image, photometric="minisblack", metadata={"axes": axes})
    return path


def command(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of them in a folder of its own."""
    for number, name in enumerate(["a.ome.tif", "b.tif", "day1/a.ome.tif"]):
        write(tmp_path / "in" / name, pixels(number))
    return tmp_path / "in"


def test_three_bad_ones_of_300_are_named_and_the_others_are_right(tmp_path: Path) -> None:
    sources = [write(tmp_path / f"in/cell {number:03}.ome.tif", pixels(number)) for number in range(300)]
    bad = [sources[7], sources[100], sources[299]]
    whole = {path: path.read_bytes() for path in bad}
    for path, size in zip(bad, (0, 100, 20_000), strict=True):
        path.write_bytes(whole[path][:size])
    out = tmp_path / "out"
    result = command("convert", tmp_path / "in", out, "--each", "--json", "--no-progress")
    assert result.exit_code == SourceError.exit_status
    report = json.loads(result.stdout)
    jsonschema.validate(report, SCHEMA)
    assert report["counts"] == {"done": 297, "whole": 0, "failed": 3, "left": 0}
    failed = [image for image in report["images"] if image["outcome"] == "failed"]
    assert [image["source"] for image in failed] == [str(path) for path in bad]
    assert all(str(path) in image["error"]["message"] for image, path in zip(failed, bad, strict=True))
    for number, path in enumerate(sources):
        if path not in bad:
            np.testing.assert_array_equal(read_level(out / f"cell {number:03}.ome.zarr", 0), pixels(number))
    with (out / "failed.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["exit_status"]) for row in rows] == [(str(path), "3") for path in bad]

    for path, body in whole.items():
        path.write_bytes(body)
    again = command("convert", f"@{out / 'failed.csv'}", out, "--json", "--no-progress")
    assert (again.exit_code, json.loads(again.stdout)["counts"]["done"]) == (0, 3)
    assert not (out / "failed.csv").exists()
    for number in (7, 100, 299):
        np.testing.assert_array_equal(read_level(out / f"cell {number:03}.ome.zarr", 0), pixels(number))
    last = command("convert", tmp_path / "in", out, "--each", "--resume", "--json", "--no-progress")
    assert json.loads(last.stdout)["counts"] == {"done": 0, "whole": 300, "failed": 0, "left": 0}


def test_an_image_of_a_batch_has_the_bytes_of_one_by_itself(folder: Path, tmp_path: Path) -> None:
    write(folder / "large.tif", pixels(9, 40, 600, 500))  # several blocks, with all workers
    report = pyramid.convert(folder, tmp_path / "out", each=True, workers=3, memory="100MB")
    assert [outcome.name for outcome in report.outcomes] == [
        *("a.ome.zarr", "b.ome.zarr", "large.ome.zarr", "day1/a.ome.zarr")
    ]
    for outcome in report.done:
        pyramid.convert(outcome.source, tmp_path / "single" / outcome.name, workers=1)
        assert digests(tmp_path / "single" / outcome.name) == digests(Path(outcome.target))


def test_the_command_and_the_function_give_the_same(folder: Path, tmp_path: Path) -> None:
    given = [folder / "a.ome.tif", folder / "b.tif"]
    assert command("convert", *given, tmp_path / "one/", "--levels", 1).exit_code == 0
    report = pyramid.convert(given, tmp_path / "two", levels=1)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert isinstance(report, BatchReport)
    assert [pyramid.open(outcome.target).levels[0].shape for outcome in report.done] == [SHAPE, SHAPE]
    assert len(pyramid.convert((path for path in given), tmp_path / "three").done) == 2


def test_one_source_is_an_image_and_one_with_a_slash_goes_into_a_folder(folder: Path, tmp_path: Path) -> None:
    source = folder / "b.tif"
    assert command("convert", source, tmp_path / "one").exit_code == 0
    assert (tmp_path / "one/zarr.json").is_file()
    assert command("convert", source, f"{tmp_path}/two/").exit_code == 0
    assert (tmp_path / "two/b.ome.zarr/zarr.json").is_file()
    assert command("convert", source, f"{tmp_path}/three.zarr/").exit_code == 0
    assert (tmp_path / "three.zarr/zarr.json").is_file()
    assert command("convert", source, f"{tmp_path}/one/", "--overwrite").exit_code == 0  # a Zarr that is there
    assert (tmp_path / "one/zarr.json").is_file()
    pyramid.convert(source, f"{tmp_path}/four/")
    assert (tmp_path / "four/zarr.json").is_file()


def test_a_list_has_options_for_each_image(folder: Path, tmp_path: Path) -> None:
    rows = (
        f'source,target,name,scale,levels\n"{folder / "a.ome.tif"}",x/one,First,"z=2,y=1,x=1",1\n{folder / "b.tif"}\n'
    )
    (tmp_path / "list.csv").write_text(rows)
    result = command("convert", f"@{tmp_path / 'list.csv'}", tmp_path / "out", "--min-size", 16)
    assert result.exit_code == 0, result.output
    first, second = pyramid.open(tmp_path / "out/x/one.ome.zarr"), pyramid.open(tmp_path / "out/b.ome.zarr")
    assert (first.name, len(first.levels), first.levels[0].scale) == ("First", 1, (1.0, 2.0, 1.0, 1.0))
    assert len(second.levels) > 1


REFUSED = [
    (["a.ome.tif", "day1/a.ome.tif"], "would both be a.ome.zarr", 2, {}),
    (["b.tif", "b.tif"], "is given twice", 2, {}),
    (["b.tif"], "codec_level: gzip has levels", 2, {"codec": "gzip", "codec_level": 22}),
    (["b.tif"], "one name would be that of all", 2, {"name": "x"}),
    (["b.tif"], "give one", 2, {"resume": True, "overwrite": True}),
    (["b.tif"], "one file cannot hold those of all images", 2, {"manifest": "m.txt"}),
    (["b.tif"], "report: nowhere", 4, {"report": "nowhere/r.json"}),
    ([], "holds no image", 2, {}),
]


@pytest.mark.parametrize(("names", "sentence", "status", "options"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_is_wrong_is_refused_before_the_first_image(
    names: list[str], sentence: str, status: int, options: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(pyramid.PyramidError, match=sentence) as caught:
        pyramid.convert([folder / name for name in names], tmp_path / "out", **options)
    assert caught.value.exit_status == status
    assert not list(tmp_path.rglob("zarr.json"))


@pytest.mark.parametrize("target", ["in/b.tif", "there", "in/b.tif/out", "http://host/out"])
def test_what_cannot_be_a_folder_of_images_is_refused(target: str, folder: Path, tmp_path: Path) -> None:
    pyramid.convert(folder / "b.tif", tmp_path / "there")
    where = target if "://" in target else tmp_path / target
    with pytest.raises(TargetError, match="; "):
        pyramid.convert([folder / "a.ome.tif", folder / "b.tif"], where)


def test_a_failure_ends_its_image_only_and_python_raises_it(folder: Path, tmp_path: Path) -> None:
    pyramid.convert(folder / "b.tif", tmp_path / "out/b.ome.zarr")
    given = [folder / "gone.tif", folder / "b.tif", folder / "a.ome.tif"]
    with pytest.raises(BatchError, match=r"2 failed of 3 images: gone\.ome\.zarr: .* does not exist") as caught:
        pyramid.convert(given, tmp_path / "out")
    report = caught.value.report
    assert [outcome.state for outcome in report.outcomes] == ["failed", "failed", "done"]
    assert [outcome.exit_status for outcome in report.outcomes] == [3, 4, 0]
    assert caught.value.exit_status == 3
    assert "gone" in str(report)
    assert "<table>" in report._repr_html_()
    assert pyramid.convert(given[1:], tmp_path / "out", resume=True).exit_status == 0


def test_notices_are_given_once_and_counted(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"in/{number}.tif", pixels(number, 6, 40, 40))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = pyramid.convert(
            tmp_path / "in", tmp_path / "out", each=True, axes="zyx", scale="z=1,y=1,x=1", min_size=4
        )
    texts = [str(warning.message) for warning in caught if "z is halved" in str(warning.message)]
    assert all("z is halved" in "".join(outcome.notices) for outcome in report.done)
    assert len(texts) == 2
    assert texts[1].startswith("3 more images: ")
    assert {warning.filename for warning in caught} == {__file__}


def test_progress_counts_images(folder: Path, tmp_path: Path) -> None:
    states: list[BatchProgress] = []
    thread = threading.current_thread()

    def note(state: BatchProgress) -> None:
        assert threading.current_thread() is thread
        states.append(state)

    pyramid.convert(folder, tmp_path / "out", each=True, progress=note)
    assert [state.done_images for state in states] == sorted(state.done_images for state in states)
    assert (states[0].done_images, states[-1].done_images, states[-1].total_images) == (0, 3, 3)
    assert states[-1].done_bytes == 3 * pixels(0).nbytes
    assert states[-1].snapshot().percent == 100


def test_the_report_has_all_images_and_the_failures_are_next_to_it(folder: Path, tmp_path: Path) -> None:
    (folder / "b.tif").write_bytes(b"II*\0")
    result = command("convert", folder, tmp_path / "out", "--each", "--report", tmp_path / "r.json", "-q")
    assert (result.exit_code, result.stdout) == (3, "")
    report = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert report["failures"] == str(tmp_path / "r.failed.csv")
    assert len((tmp_path / "r.failed.csv").read_text().splitlines()) == 2
    assert not (tmp_path / "out/failed.csv").exists()


def test_another_file_called_as_the_list_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/failed.csv").write_text("name,grade\nAnn,F\n")
    with pytest.raises(TargetError, match="is not a list of images that failed; rename"):
        pyramid.convert([folder / "b.tif"], tmp_path / "out")


def test_a_source_that_was_repaired_begins_again(folder: Path, tmp_path: Path) -> None:
    """Its target is unfinished, since a block failed after it was begun."""
    whole = folder / "b.tif"
    good = whole.read_bytes()
    tifffile.imwrite(whole, pixels(1), photometric="minisblack", compression="zlib", metadata={"axes": "CZYX"})
    with tifffile.TiffFile(whole) as tif:
        offset = tif.pages[3].dataoffsets[0]
    body = bytearray(whole.read_bytes())
    body[offset : offset + 40] = b"\xff" * 40
    whole.write_bytes(body)
    with pytest.raises(BatchError) as caught:
        pyramid.convert(folder, tmp_path / "out", each=True)
    failed = caught.value.report.failed
    assert [(outcome.name, outcome.is_unfinished) for outcome in failed] == [("b.ome.zarr", True)]
    assert caught.value.exit_status == 5
    whole.write_bytes(good)
    planned = pyramid.plan(folder, tmp_path / "out", each=True, resume=True)
    assert [image.is_whole for image in planned.images] == [True, False, True]
    assert planned.exit_status == 0
    report = pyramid.convert(folder, tmp_path / "out", each=True, resume=True)
    assert [outcome.state for outcome in report.outcomes] == ["whole", "done", "whole"]
    assert any("its source has changed" in notice for notice in report.outcomes[1].notices)
    np.testing.assert_array_equal(read_level(tmp_path / "out/b.ome.zarr", 0), pixels(1))


def test_the_plan_of_several_has_their_sums_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "b.tif").write_bytes(b"II*\0")
    planned = pyramid.plan(folder, tmp_path / "out", each=True)
    single = pyramid.plan(folder / "a.ome.tif")
    assert planned.raw_bytes == 2 * single.raw_bytes
    assert planned.source_bytes == 2 * pixels(0).nbytes
    assert [(image.name, image.exit_status) for image in planned.refused] == [("b.ome.zarr", 3)]
    assert not (tmp_path / "out").exists()
    result = command("plan", folder, tmp_path / "out", "--each")
    assert result.exit_code == 3
    assert "3 images, 1 refused" in result.stdout
    document = json.loads(command("plan", folder, "--each", "--json").stdout)
    assert (document["raw_bytes"], document["folder"]) == (planned.raw_bytes, None)
    files = [folder / "a.ome.tif", folder / "day1/a.ome.tif"]
    assert "would both be" in command("plan", *files).stderr
    assert command("plan", files[0], folder / "b.tif", files[0]).exit_code == 2


class _Failing:
    """A conversion that fails with an error of the target."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        self.begun = 0

    def __call__(self, record: RunReport, progress: object, workers: object) -> RunReport:
        self.begun += 1
        raise TargetError(f"{record.target} cannot be written") from self.cause


def test_a_full_disk_ends_the_batch_and_what_is_left_is_listed(tmp_path: Path) -> None:
    sources: list[object] = [f"/d/{number}.tif" for number in range(50)]
    batch = gather(sources, str(tmp_path / "out"), Options(workers=2), each=False)
    full = _Failing(OSError(errno.ENOSPC, "No space left on device"))
    report = convert_batch(batch, full, False)
    assert full.begun <= 3
    assert report.stopped.endswith("cannot be written")
    assert len(report.failed) + len(report.left) == 50
    assert len(report.left) >= 47
    assert report.exit_status == 5
    assert len((tmp_path / "out/failed.csv").read_text().splitlines()) == 51
    other = _Failing(OSError(errno.EACCES, "Permission denied"))
    assert len(convert_batch(batch, other, False).failed) == 50
    assert other.begun == 50


def test_what_nobody_foresaw_ends_one_image_only(folder: Path, tmp_path: Path) -> None:
    batch = gather([folder], str(tmp_path / "out"), Options(), each=True)

    def odd(record: RunReport, progress: object, workers: object) -> RunReport:
        raise ZeroDivisionError

    report = convert_batch(batch, odd, False)
    assert [outcome.error_class for outcome in report.failed] == ["ZeroDivisionError"] * 3
    assert report.exit_status == 70


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pyramid", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(out: Path) -> int:
    return sum(b"multiscales" in path.read_bytes() for path in out.glob("*.zarr/zarr.json"))


def wait_for(out: Path, images: int) -> None:
    until_s = time.monotonic() + 60
    while finished(out) < images:
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_was_stopped_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    for seed in range(120):
        write(tmp_path / f"in/{seed:03}.tif", pixels(seed))
    out = tmp_path / "out"
    words = ("convert", tmp_path / "in", out, "--each", "--no-progress")
    process = start(*words)
    wait_for(out, 5)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    before = finished(out)
    assert 5 <= before < 120
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert f"{before} of 120 images are done" in stderr
        assert "--resume" in stderr
        assert len((out / "failed.csv").read_text().splitlines()) == 121 - before
    result = command(*words, "--resume", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)["counts"]
    assert counts == {"done": 120 - before, "whole": before, "failed": 0, "left": 0}
    for seed in range(120):
        np.testing.assert_array_equal(read_level(out / f"{seed:03}.ome.zarr", 0), pixels(seed))
    assert not (out / "failed.csv").exists()


def test_nothing_accumulates(tmp_path: Path) -> None:
    for seed in range(150):
        write(tmp_path / f"in/{seed:03}.tif", pixels(seed))
    process, seen = psutil.Process(), list[tuple[int, int, int, int]]()

    def note(state: BatchProgress) -> None:
        seen.append((state.done_images, process.memory_info().rss, process.num_fds(), threading.active_count()))

    pyramid.convert(tmp_path / "in", tmp_path / "out", each=True, workers=2, progress=note)
    early = [row for row in seen if 30 <= row[0] <= 50]
    late = [row for row in seen if row[0] >= 130]
    assert max(row[1] for row in late) - max(row[1] for row in early) < 150 * pixels(0).nbytes // 4
    assert max(row[2] for row in late) <= max(row[2] for row in early) + 8
    assert max(row[3] for row in late) <= max(row[3] for row in early) + 8


def test_a_prefix_of_object_storage_is_a_folder(s3: Service, prefix: str, folder: Path) -> None:
    target, options = s3.url(f"{prefix}/batch"), s3.storage_options
    (folder / "b.tif").write_bytes(b"II*\0")
    with pytest.raises(BatchError) as caught:
        pyramid.convert(folder, target, each=True, storage_options=options)
    assert caught.value.report.failures == f"{target}/failed.csv"
    assert b"b.tif" in s3.objects(prefix)["batch/failed.csv"]
    write(folder / "b.tif", pixels(1))
    report = pyramid.convert(folder, target, each=True, storage_options=options, resume=True)
    assert [outcome.state for outcome in report.outcomes] == ["whole", "done", "whole"]
    assert "batch/failed.csv" not in s3.objects(prefix)
    image = pyramid.open(f"{target}/day1/a.ome.zarr", storage_options=options)
    np.testing.assert_array_equal(image.levels[0].data.compute(), pixels(2))


def test_a_refused_credential_ends_the_batch(s3: Service, prefix: str, tmp_path: Path) -> None:
    for seed in range(20):
        write(tmp_path / f"in/{seed}.tif", pixels(seed))
    wrong = {**s3.storage_options, "endpoint_url": "http://127.0.0.1:9", "retries": 0}
    with pytest.raises(pyramid.PyramidError) as caught:
        pyramid.convert(tmp_path / "in", s3.url(prefix), each=True, storage_options=wrong)
    assert caught.value.exit_status in (4, 5)


def test_the_folder_of_the_images_may_be_that_of_the_pyramids(folder: Path) -> None:
    """A second run does not take the pyramids for sources."""
    pyramid.convert(folder / "b.tif", folder / "other.ome.zarr")
    for _ in range(2):
        report = pyramid.convert(folder, folder, each=True, resume=True)
        assert [outcome.name for outcome in report.outcomes] == ["a.ome.zarr", "b.ome.zarr", "day1/a.ome.zarr"]
    np.testing.assert_array_equal(tifffile.imread(folder / "b.tif"), pixels(1))


def test_images_share_one_cluster(folder: Path, tmp_path: Path) -> None:
    """The client is connected once, also where the command names the scheduler."""
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
        before = dict(cluster.scheduler.clients)
        report = pyramid.convert(folder, tmp_path / "out", each=True, scheduler=cluster.scheduler_address)
        assert set(cluster.scheduler.clients) <= set(before) | {"fire-and-forget"}
        joined = [event for _, event in cluster.scheduler.get_events("all") if event.get("action") == "add-client"]
        assert len(joined) == 1
    assert report.exit_status == 0
    np.testing.assert_array_equal(read_level(tmp_path / "out/b.ome.zarr", 0), pixels(1))
