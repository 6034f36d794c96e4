"""Images that are written by region: the tree of `convert` of the whole, byte for byte, whoever writes and dies."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import jsonschema  # type: ignore[import-untyped]  # it comes without types
import numpy as np
import pytest
from distributed import Client, LocalCluster

import pyramid
from pyramid.errors import PyramidError, SourceError, StoppedError, TargetError
from pyramid.reporting import report_page
from tests.support.servers.service import Service
from tests.support.stores import digests
from tests.support.validators import validate_everything

SCHEMA = json.loads((files("pyramid") / "data" / "report.schema.json").read_text(encoding="utf-8"))
KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "1"))
PIXELS = np.random.default_rng(0).integers(0, 4000, (5, 2, 3, 150, 201)).astype("uint16")
FORMS: dict[str, dict[str, Any]] = {
    "0.4": {"ome_zarr_version": "0.4", "chunks": "t=1,c=1,z=2,y=64,x=64"},
    "0.5 sharded": {"chunks": "t=1,c=1,z=1,y=32,x=32", "shards": "t=1,c=1,z=2,y=128,x=128"},
    "0.6": {"ome_zarr_version": "0.6", "chunks": "t=2,c=1,z=3,y=64,x=64", "shards": "none", "codec": "zstd"},
    "n5": {"format": "n5", "chunks": "t=1,c=1,z=3,y=64,x=64"},
}
COMMON: dict[str, Any] = {
    "axes": "tczyx",
    "scale": {"z": 2.0, "y": 0.5, "x": 0.25},
    "channel_names": ["DAPI", "GFP"],
    "name": "cells",
    "min_size": 64,
}


def begin(target: object, form: str = "0.5 sharded", **changed: Any) -> pyramid.Creation:
    given = {"shape": PIXELS.shape, "dtype": "uint16", **COMMON, **FORMS[form], **changed}
    return pyramid.create(str(target), **given)


def converted(path: Path, form: str = "0.5 sharded", pixels: Any = PIXELS, **changed: Any) -> dict[str, str]:
    pyramid.convert(pixels, path, **{**COMMON, **FORMS[form], **changed})
    return digests(path)


# Four processes, forked once the package is imported, write regions at random, each all of them. One is killed, and
# another repeats what it does.
PROGRAM = """
import os, pickle, random, signal, sys, time
import numpy as np, pyramid.creating
pixels = np.load(sys.argv[2])

def write(seed):
    with open(sys.argv[1], "rb") as file:
        handle = pickle.load(file)
    regions = [tuple(slice(i * n, i * n + n) for i, n in zip(index, handle.object_shape))
               for index in np.ndindex(*(-(-n // edge) for n, edge in zip(handle.shape, handle.object_shape)))]
    regions = [tuple(slice(s.start, min(s.stop, n)) for s, n in zip(region, handle.shape)) for region in regions]
    random.Random(seed).shuffle(regions)
    for region in regions:
        handle[region] = pixels[region]

def start(seed):
    child = os.fork()
    if not child:
        try:
            write(seed)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return child

children = [start(seed) for seed in range(4)]
time.sleep(random.uniform(0.02, 0.1))
os.kill(children[3], signal.SIGKILL)
children.append(start(3))
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def written_by_four(handle: pyramid.Creation, tmp_path: Path) -> None:
    (tmp_path / "handle").write_bytes(pickle.dumps(handle))
    np.save(tmp_path / "pixels.npy", PIXELS)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "handle"), str(tmp_path / "pixels.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 0, 0, -9, 0]\n", done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_four_processes_write_what_convert_writes(form: str, tmp_path: Path) -> None:
    ending = ".n5" if form == "n5" else ".ome.zarr"
    handle = begin(tmp_path / f"run{ending}", form)
    written_by_four(handle, tmp_path)
    assert handle.missing() == []
    image = handle.finish()
    assert digests(tmp_path / f"run{ending}") == converted(tmp_path / f"whole{ending}", form)
    assert image.report is not None
    assert image.report.to_dict()["outcome"] == "done"


def test_four_processes_write_to_a_bucket(s3: Service, prefix: str, tmp_path: Path, monkeypatch: Any) -> None:
    public = {name: value for name, value in s3.storage_options.items() if name not in ("key", "secret")}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.storage_options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.storage_options["secret"])
    handle = begin(s3.url(prefix), storage_options=public)
    written_by_four(handle, tmp_path)
    handle.finish()
    pyramid.convert(PIXELS, s3.url(f"{prefix}-whole"), storage_options=public, **COMMON, **FORMS["0.5 sharded"])
    made, whole = s3.objects(prefix), s3.objects(f"{prefix}-whole")
    assert {key.removeprefix(prefix): body for key, body in made.items()} == {
        key.removeprefix(f"{prefix}-whole"): body for key, body in whole.items()
    }


@pytest.mark.parametrize("form", FORMS)
def test_threads_write_parts_in_any_order(form: str, tmp_path: Path) -> None:
    ending = ".n5" if form == "n5" else ".ome.zarr"
    parts = [(t, c, z, slice(y, y + 50)) for t in range(5) for c in range(2) for z in range(3) for y in (0, 50, 100)]
    random.Random(1).shuffle(parts)
    with begin(tmp_path / f"run{ending}", form) as handle, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda part: handle.__setitem__(part, PIXELS[part]), parts))
    assert digests(tmp_path / f"run{ending}") == converted(tmp_path / f"whole{ending}", form)


def test_axes_come_in_any_order(tmp_path: Path) -> None:
    pixels = PIXELS[:, :, 0].transpose(2, 3, 1, 0)
    given: dict[str, Any] = {"axes": "yxct", "min_size": 64}
    with pyramid.create(tmp_path / "run.ome.zarr", pixels.shape, ">u2", **given) as handle:
        for t in range(5):
            handle[..., t] = pixels[..., t]
    pyramid.convert(pixels, tmp_path / "whole.ome.zarr", **given)
    assert digests(tmp_path / "run.ome.zarr") == digests(tmp_path / "whole.ome.zarr")


def test_a_dask_array_and_dask_tasks(tmp_path: Path) -> None:
    whole = converted(tmp_path / "whole.ome.zarr")
    with begin(tmp_path / "threads.ome.zarr") as handle:
        da.store(da.from_array(PIXELS, (2, 1, 3, 70, 201)), handle, lock=False)
    assert digests(tmp_path / "threads.ome.zarr") == whole

    def write(handle: pyramid.Creation, t: int) -> None:
        handle[t] = PIXELS[t]

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
        begin(tmp_path / "tasks.ome.zarr") as handle,
    ):
        dask.compute([dask.delayed(write)(handle, t) for t in range(5)])
    assert digests(tmp_path / "tasks.ome.zarr") == whole


KILLED = """
import sys, numpy as np, pyramid
pixels = np.load(sys.argv[2])
print(flush=True)
handle = pyramid.create(sys.argv[1], pixels.shape, "uint16", axes="tczyx", chunks="t=1,c=1,z=1,y=16,x=16",
    shards="none", codec="gzip", codec_level=9, min_size=16, workers=1, resume=True)
for region in handle.missing():
    handle[region] = pixels[region]
handle.finish()
"""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_creation_never_looks_whole_and_goes_on(seed: int, tmp_path: Path) -> None:
    pixels, path, rng = PIXELS[:2, :1], tmp_path / "run.ome.zarr", random.Random(seed)
    np.save(tmp_path / "pixels.npy", pixels)
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path), str(tmp_path / "pixels.npy")]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, 1.9))
            process.kill()
        if (path / "zarr.json").exists() and "multiscales" in (path / "zarr.json").read_text():
            break
        with pytest.raises(PyramidError):
            pyramid.open(path)
    else:
        subprocess.run(command, check=True)
    options: dict[str, Any] = {"chunks": "t=1,c=1,z=1,y=16,x=16", "shards": "none", "codec": "gzip", "codec_level": 9}
    pyramid.convert(pixels, tmp_path / "whole.ome.zarr", axes="tczyx", min_size=16, **options)
    assert digests(path) == digests(tmp_path / "whole.ome.zarr") | ({} if not _journal(path) else _journal(path))


def _journal(path: Path) -> dict[str, str]:
    """What a run that was killed after its commit left behind."""
    return {key: body for key, body in digests(path).items() if key.startswith((".pyramid-run", ".partial"))}


def test_what_never_came_is_said_and_filled_on_request(tmp_path: Path) -> None:
    handle = begin(tmp_path / "run.ome.zarr")
    handle[:, 0] = PIXELS[:, 0]
    handle[1:, 1] = PIXELS[1:, 1]
    handle[0, 1, :2, :, :200] = PIXELS[0, 1, :2, :, :200]
    with pytest.raises(
        StoppedError, match=r"6 of the 80 objects .*t=0,c=1,z=0:2,y=0:128,x=200; .*write what is missing"
    ):
        handle.finish()
    handle[0, 1, :2, 100:, 200] = PIXELS[0, 1, :2, 100:, 200]
    image = handle.finish(fill_missing=True)
    wanted = PIXELS.copy()
    wanted[0, 1, :2, :100, 200:] = 0
    wanted[0, 1, 2] = 0
    assert digests(tmp_path / "run.ome.zarr") == converted(tmp_path / "whole.ome.zarr", pixels=wanted)
    assert np.array_equal(np.asarray(image.levels[0].data), wanted)


def test_an_exception_leaves_it_unfinished_and_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"

    def stop() -> None:
        with begin(path) as handle:
            handle[2:] = PIXELS[2:]
            handle[0, 0, 0, 0, 0] = PIXELS[0, 0, 0, 0, 0]
            raise ValueError("the camera is gone")

    with pytest.raises(ValueError, match="camera") as caught:
        stop()
    assert "resume=True" in caught.value.__notes__[0]
    with pytest.raises(SourceError, match="not finished"):
        pyramid.open(path)
    with begin(path, resume=True) as handle:
        assert "48 of 80 objects" in str(handle)
        missing = handle.missing()
        assert len(missing) == 32
        for region in missing:
            handle[region] = PIXELS[region]
    assert digests(path) == converted(tmp_path / "whole.ome.zarr")
    with pytest.raises(TargetError, match="is finished"):
        begin(path, resume=True)


def test_the_same_pixels_may_come_twice_and_others_on_request(tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"
    handle = begin(path)
    handle[...] = PIXELS
    before = {file: file.stat().st_mtime_ns for file in path.rglob("0/c/**/*") if file.is_file()}
    handle[1, :, 1:] = PIXELS[1, :, 1:]
    handle[:] = PIXELS
    assert {file: file.stat().st_mtime_ns for file in before} == before
    handle.close()
    changed = PIXELS.copy()
    changed[3] += 1
    with begin(path, resume=True, rewrite=True) as handle:
        handle[3] = changed[3]
    assert digests(path) == converted(tmp_path / "whole.ome.zarr", pixels=changed)


def test_a_damaged_object_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"
    handle = begin(path)
    handle[...] = PIXELS
    handle.close()
    victim = path / "0/c/3/1/0/0/0"
    victim.write_bytes(victim.read_bytes()[:-7])
    with begin(path, resume=True) as handle:
        with pytest.raises(StoppedError, match=r"damaged.*write that region of level 0 again"):
            handle.finish()
        handle[3] = PIXELS[3]
    assert digests(path) == converted(tmp_path / "whole.ome.zarr")


def test_sparse_images_leave_out_what_is_empty(tmp_path: Path) -> None:
    sparse = np.where(PIXELS > 3990, PIXELS, 0)
    sparse[1:4] = 0
    with begin(tmp_path / "run.ome.zarr", skip_empty=True, fill_missing=True) as handle:
        handle[0] = sparse[0]
        handle[4, :, :, 20:] = sparse[4, :, :, 20:]
        handle[4, :, :, :10] = sparse[4, :, :, :10]
        handle[4, :, :, 10:20] = sparse[4, :, :, 10:20]
    assert digests(tmp_path / "run.ome.zarr") == converted(tmp_path / "whole.ome.zarr", pixels=sparse, skip_empty=True)


@pytest.mark.parametrize("ending", [".ome.zarr", ".n5"])
@pytest.mark.parametrize("count", [3, 5])
def test_an_unknown_length_grows(count: int, ending: str, tmp_path: Path) -> None:
    form: dict[str, Any] = {"chunks": "t=2,c=1,z=3,y=64,x=64", "shards": "none"}
    given = {**COMMON, **form}
    handle = pyramid.create(tmp_path / f"run{ending}", (None, *PIXELS.shape[1:]), "uint16", **given)
    assert handle.shape == (None, 2, 3, 150, 201)
    for t in range(count):
        handle[t] = PIXELS[t]
    with pytest.raises(PyramidError, match="length of t is not known"):
        handle[-1] = PIXELS[0]
    image = handle.finish()
    pyramid.convert(PIXELS[:count], tmp_path / f"whole{ending}", **given)
    assert np.array_equal(np.asarray(image.levels[0].data), PIXELS[:count])
    assert digests(tmp_path / f"run{ending}") == digests(tmp_path / f"whole{ending}")


def test_a_growing_image_knows_its_length_after_a_failure(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "run.ome.zarr"
    given = {**COMMON, "chunks": "t=2,c=1,z=3,y=64,x=64", "shards": "none"}
    shape = (None, *PIXELS.shape[1:])
    handle = pyramid.create(path, shape, "uint16", **given)
    handle[:3] = PIXELS[:3]
    with monkeypatch.context() as patch:
        patch.setattr("pyramid.creating.finishing.finish", _fail)
        with pytest.raises(StoppedError, match="the metadata cannot be finished"):
            handle.finish()
    handle.close()
    with pyramid.create(path, shape, "uint16", resume=True, **given) as again:
        assert again.shape == (3, *PIXELS.shape[1:])
    pyramid.convert(PIXELS[:3], tmp_path / "whole.ome.zarr", **given)
    assert digests(path) == digests(tmp_path / "whole.ome.zarr")


def _fail(*_given: object) -> None:
    raise RuntimeError("no")


@pytest.mark.parametrize("method", ["mean", "gaussian"])
@pytest.mark.parametrize("form", ["0.4", "0.5 sharded", "0.6"])
def test_levels_as_written_are_there_as_soon_as_they_can_be(form: str, method: str, tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"
    whole = converted(tmp_path / "whole.ome.zarr", form, method=method)
    with begin(path, form, method=method, levels="as written") as handle:
        sent = pickle.loads(pickle.dumps(handle))
        seen = []
        for t in (4, 0, 2, 3, 1):
            (sent if handle.object_shape[0] == 1 and t % 2 else handle)[t] = PIXELS[t]
            handle.flush()
            image = pyramid.open(path)
            assert "being written" in image.notices[0]
            seen.append(int(np.asarray(image.levels[2].data).any(axis=(1, 2, 3, 4)).sum()))
        assert seen[-1] == 5
        assert seen == sorted(seen)
        assert seen[0] == (1 if handle.object_shape[0] == 1 else seen[0])
        early = {key: body for key, body in digests(path).items() if key.split("/")[0].isdecimal()}
        assert early == {key: body for key, body in whole.items() if key.split("/")[0].isdecimal()}
    assert digests(path) == whole
    validate_everything(path, FORMS[form].get("ome_zarr_version", "0.5"))


def test_levels_as_written_follow_an_unknown_length(tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"
    given = {**COMMON, **FORMS["0.5 sharded"], "levels": "as written"}
    with pyramid.create(path, (None, *PIXELS.shape[1:]), "uint16", **given) as handle:
        for t in range(5):
            handle[t] = PIXELS[t]
            image = pyramid.open(path)
            assert image.levels[0].shape[0] == image.levels[1].shape[0] == t + 1
            assert np.asarray(image.levels[1].data[t]).any()
    assert digests(path) == converted(tmp_path / "whole.ome.zarr")


def test_one_level_has_the_values_of_its_pixels(tmp_path: Path) -> None:
    with begin(tmp_path / "run.ome.zarr", levels=1) as handle:
        handle[...] = PIXELS
    assert digests(tmp_path / "run.ome.zarr") == converted(tmp_path / "whole.ome.zarr", levels=1)


def test_a_report_and_a_picture_are_those_of_a_run(tmp_path: Path) -> None:
    seen: list[Any] = []
    handle = begin(tmp_path / "run.ome.zarr", thumbnail=True, report=str(tmp_path / "run.json"), attributes={"a": 1})
    handle[...] = PIXELS
    handle.finish(progress=seen.append)
    report = json.loads((tmp_path / "run.json").read_text())
    assert (report["command"], report["outcome"]) == ("create", "done")
    jsonschema.validate(report, SCHEMA)
    assert "<code>pyramid.create(" in report_page(report, "", None)
    assert seen[-1].done_tasks == seen[-1].total_tasks > 0
    assert digests(tmp_path / "run.ome.zarr") == converted(
        tmp_path / "whole.ome.zarr", thumbnail=True, attributes={"a": 1}
    )


def test_memory_waits_for_objects_that_are_being_written(tmp_path: Path) -> None:
    handle = begin(tmp_path / "run.ome.zarr", memory="2MB", workers=2)
    for t in range(5):
        for y in range(0, 150, 30):
            handle[t, :, :, y : y + 30] = PIXELS[t, :, :, y : y + 30]
    handle.finish()
    assert digests(tmp_path / "run.ome.zarr") == converted(tmp_path / "whole.ome.zarr")
    assert threading.active_count() < 50
