"""A run that starts its own cluster: the same bytes, and nothing left of the cluster however the run ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import pyramid
from pyramid.engine.cluster.classes import load_class, presumed_resources
from pyramid.errors import OptionError
from pyramid.options.clusters import ClusterSpec, parse_cluster
from tests.support.paths import ROOT
from tests.support.stores import digests

pytestmark = pytest.mark.once

CONFIGS = sorted((ROOT / "configs" / "clusters").glob("*.yaml"))
IMAGE = np.random.default_rng(3).integers(0, 4000, (9, 300, 280), "uint16")
OPTIONS: dict[str, Any] = {"axes": "zyx", "chunks": {"z": 1, "y": 64, "x": 64}, "shards": "none", "memory": "4MiB"}
RECORDED = "tests.support.recorded_cluster.RecordedCluster"


def recorded(folder: Path, **more: Any) -> dict[str, Any]:
    return {"class": RECORDED, "kwargs": {"folder": str(folder), "n_workers": 0}, "scale": 2, **more}


def test_the_folder_holds_one_file_a_kind_of_cluster() -> None:
    assert [path.stem for path in CONFIGS] == ["kubernetes", "local", "lsf", "pbs", "slurm", "ssh"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_each_configuration_is_parsed_and_its_class_checked(path: Path) -> None:
    spec = parse_cluster(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the packages of clusters import
        assert callable(load_class(spec))
    assert presumed_resources(spec, None).workers >= 2


def test_the_command_line_runs_on_the_local_configuration(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGE)
    pyramid.convert(tmp_path / "a.npy", tmp_path / "right", axes="zyx")
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "out"), "--axes", "zyx", "-v"]
    words += ["--cluster", str(ROOT / "configs" / "clusters" / "local.yaml")]
    done = subprocess.run([sys.executable, "-m", "pyramid", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "out") == digests(tmp_path / "right")
    assert "2 workers, http://127.0.0.1:" in done.stderr
    assert "worker tcp://127.0.0.1:" in done.stderr  # the logs of the workers


def test_a_keyword_starts_and_closes_a_cluster(tmp_path: Path) -> None:
    states: list[Any] = []
    pyramid.convert(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), progress=states.append, **OPTIONS)
    pyramid.convert(IMAGE, tmp_path / "b", **OPTIONS)
    assert digests(tmp_path / "a").keys() == digests(tmp_path / "b").keys()
    assert {key: value for key, value in digests(tmp_path / "a").items() if "/c/" in key} == {
        key: value for key, value in digests(tmp_path / "b").items() if "/c/" in key
    }
    assert (tmp_path / "closed").exists()
    assert states[-1].place.startswith("2 workers, http://")
    assert states[0].place.startswith(("1 worker, http", "2 workers, http"))


def test_a_plan_starts_nothing(tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match=r"planned for the workers of tests.*RecordedCluster, 2, which is"):
        plan = pyramid.plan(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), **OPTIONS)
    assert plan.resources.workers == 2
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"cluster": {"class": "distributed.LocalClustr"}}, OptionError, "did you mean 'LocalCluster'?"),
        ({"cluster": {"class": "distributed.nowhere.A"}}, OptionError, "distributed has no module distributed.nowhere"),
        ({"cluster": {"class": "dask_cloudprovider.aws.FargateCluster"}}, OptionError, "install 'dask-cloudprovider'"),
        ({"cluster": {"class": "tests.support.recorded_cluster.NotACluster"}}, OptionError, "not a class of Dask"),
        ({"cluster": {"class": "os.system"}}, OptionError, "is not a class of Dask clusters"),
        ({"cluster": {"class": "distributed.Client"}}, OptionError, "is not a class of Dask clusters"),
        (
            {"cluster": {"class": "distributed.LocalCluster", "kwargs": {"n_worker": 2}}},
            OptionError,
            "kwargs: distributed.LocalCluster has an unknown argument 'n_worker'; did you mean 'n_workers'",
        ),
        ({"scheduler": "tcp://127.0.0.1:1"}, OptionError, "scheduler: it and cluster=... name two clusters; give one"),
        ({"scheduler_file": "s.json"}, OptionError, "scheduler_file: it and cluster=... name two clusters"),
        ({"codec_level": 99}, OptionError, "codec_level"),
        ({"memory": "1kB"}, OptionError, "memory: one block needs"),
    ],
)
def test_a_plan_refuses_what_convert_refuses_before_the_cluster_starts(
    change: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    options = {**OPTIONS, "cluster": recorded(tmp_path), **change}
    texts = []
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(error) as caught:
            call(IMAGE, tmp_path / "a", **options)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert words in texts[0]
    assert not (tmp_path / "started").exists()
    assert not (tmp_path / "a").exists()


def test_a_target_that_exists_is_refused_before_the_cluster_starts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").touch()
    with pytest.raises(pyramid.TargetError):
        pyramid.convert(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), **OPTIONS)
    assert not (tmp_path / "started").exists()


def test_a_cluster_that_does_not_start_is_told(tmp_path: Path) -> None:
    given = {"class": "tests.support.recorded_cluster.FailingCluster"}
    with pytest.raises(
        OptionError, match=r"FailingCluster cannot be started: RuntimeError: sbatch: error: invalid acc"
    ):
        pyramid.convert(IMAGE, tmp_path / "a", cluster=given, **OPTIONS)
    assert not (tmp_path / "a").exists()


def test_workers_that_cannot_be_started_are_not_waited_for(tmp_path: Path) -> None:
    """As if a batch system refused each job: the cluster's library only logs it, and tries again."""
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho sbatch: error: invalid account >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    np.save(tmp_path / "a.npy", IMAGE)
    kwargs = {"cores": 1, "memory": "1GB", "interface": "lo", "scheduler_options": {"dashboard_address": "127.0.0.1:0"}}
    given = {"class": "dask_jobqueue.SLURMCluster", "kwargs": kwargs, "adapt": {"minimum": 0, "maximum": 2}}
    (tmp_path / "c.yaml").write_text(json.dumps(given))
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "out"), "--axes", "zyx", "--cluster"]
    done = subprocess.run(
        [sys.executable, "-m", "pyramid", *words, str(tmp_path / "c.yaml")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2
    assert "--cluster: no worker can be started: Command exited with non-zero exit code" in done.stderr
    assert "sbatch: error: invalid account; check kwargs" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_failure_closes_the_cluster(tmp_path: Path) -> None:
    def fail(_state: object) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        pyramid.convert(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), progress=fail, **OPTIONS)
    assert (tmp_path / "closed").exists()


# What a Dask worker logs if the scheduler closes while its heartbeat is under way, up to the next line of a log.
HEARTBEAT = r"(?ms)^[^\n]* - Failed to communicate with scheduler during heartbeat\..*?(?=^\d{4}-|^pyramid:|\Z)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_after_an_interrupt(number: signal.Signals, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 4000, (60, 800, 800)).astype("u2"))
    (tmp_path / "c.yaml").write_text(json.dumps(recorded(tmp_path)))
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "out"), "--cluster", str(tmp_path / "c.yaml")]
    words += [
        "--codec",
        "gzip",
        "--codec-level",
        "9",
        "--memory",
        "16MiB",
        "--axes",
        "zyx",
        "--shards",
        "none",
        "--chunks",
        "z=1,y=128,x=128",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyramid", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    until_s = time.monotonic() + 60
    while not list((tmp_path / "out").glob("0/c/*")) and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does for Ctrl-C
    else:
        process.send_signal(number)
    problem = process.communicate(timeout=60)[1]
    assert psutil.wait_procs(children, timeout=30)[1] == []
    if number != signal.SIGKILL:
        assert process.returncode == 130, problem
        assert (tmp_path / "closed").exists()
        assert "Traceback" not in re.sub(HEARTBEAT, "", problem)
        assert "interrupted" in problem


def test_a_performance_report_is_written(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    pyramid.convert(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), performance_report=file, **OPTIONS)
    text = file.read_text()
    assert "<html" in text
    assert "Dask Performance Report" in text
    assert "pyramid" in text


@pytest.mark.parametrize("call", [pyramid.convert, pyramid.plan])
def test_a_performance_report_without_a_cluster_is_refused(call: Any, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match="performance_report: Dask makes it on a cluster, and this run has none; give"
    ):
        call(IMAGE, tmp_path / "a", performance_report="report.html", **OPTIONS)


def test_a_performance_report_in_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "report.html"
    with pytest.raises(OptionError, match=r"performance_report: .*nowhere is not a folder; make it, or give another"):
        pyramid.convert(IMAGE, tmp_path / "a", cluster=recorded(tmp_path), performance_report=file, **OPTIONS)
    assert (tmp_path / "closed").exists()


def test_the_workers_that_a_file_asks_for() -> None:
    job = {"cores": 8, "processes": 2, "memory": "20GB"}
    slurm = presumed_resources(ClusterSpec("a.B", job, {"jobs": 3}), None)
    assert (slurm.workers, slurm.task_bytes, slurm.limited_threads) == (24, 10**9, 4)
    adaptive = presumed_resources(ClusterSpec("a.B", job, None, {"minimum": 0, "maximum": 4}), None)
    assert adaptive.workers == 16
    local = presumed_resources(ClusterSpec("a.B", {"n_workers": 3, "threads_per_worker": 2}), 6 * 2**30)
    assert (local.workers, local.task_bytes) == (6, 2**30)
