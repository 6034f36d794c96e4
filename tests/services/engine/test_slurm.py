"""A run that starts its workers as jobs of a real SLURM: the same bytes, and no job left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from tests.support.pages.fences import SERVICE, fences
from tests.support.pages.run import programs_of_this_environment
from tests.support.paths import ROOT
from tests.support.servers.slurm import Slurm, running_slurm
from tests.support.stores import digests

WITHIN_S = 180


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with running_slurm(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "a.npy"
    np.save(path, np.random.default_rng(0).integers(0, 4000, (160, 800, 800)).astype("u2"))
    return path


@pytest.fixture
def command(slurm: Slurm, image: Path, tmp_path: Path) -> list[str]:
    kwargs: dict[str, Any] = {
        "queue": "normal",
        "cores": 1,
        "processes": 1,
        "memory": "400MB",
        "walltime": "00:10:00",
        "interface": "lo",
        "death_timeout": 60,
        "local_directory": str(tmp_path),
        "log_directory": str(tmp_path),
        "python": sys.executable,
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
        "job_script_prologue": [f"export PYTHONPATH={ROOT}"],
    }
    cluster = {"class": "dask_jobqueue.SLURMCluster", "kwargs": kwargs, "adapt": {"minimum": 0, "maximum": 2}}
    (tmp_path / "slurm.yaml").write_text(json.dumps(cluster))
    flags = [
        "--axes",
        "zyx",
        "--codec",
        "gzip",
        "--codec-level",
        "9",
        "--shards",
        "none",
        "--chunks",
        "z=1,y=128,x=128",
        "--memory",
        "32MiB",
    ]
    words = ["convert", str(image), str(tmp_path / "out"), *flags]
    return [sys.executable, "-m", "pyramid", *words, "--cluster", str(tmp_path / "slurm.yaml")]


def begin(command: list[str], slurm: Slurm) -> subprocess.Popen[str]:
    environment = {**slurm.environment, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_chunks(target: Path, process: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not list(target.glob("0/c/*")) and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.05)


def no_job_is_left(slurm: Slurm) -> bool:
    until_s = time.monotonic() + 60
    while (left := [job for job in slurm.jobs() if "COMPLETING" not in job]) and time.monotonic() < until_s:
        time.sleep(0.5)
    return not left


def right(image: Path, tmp_path: Path) -> dict[str, str]:
    layout: dict[str, Any] = {"codec": "gzip", "codec_level": 9, "shards": "none", "chunks": "z=1,y=128,x=128"}
    pyramid.convert(image, tmp_path / "right", axes="zyx", memory="32MiB", **layout)
    return digests(tmp_path / "right")


def test_jobs_do_the_blocks_and_end_with_the_run(slurm: Slurm, image: Path, command: list[str], tmp_path: Path) -> None:
    process = begin(command, slurm)
    wait_for_chunks(tmp_path / "out", process)
    assert slurm.jobs()
    problem = process.communicate(timeout=WITHIN_S)[1]
    assert process.returncode == 0, problem
    assert "worker" in problem  # progress names them
    assert no_job_is_left(slurm)
    assert digests(tmp_path / "out") == right(image, tmp_path)


def test_the_job_that_the_documentation_shows_starts_jobs_of_its_own(
    slurm: Slurm, command: list[str], tmp_path: Path
) -> None:
    (script,) = [block.text for block in fences(ROOT / "docs/clusters.md") if SERVICE in block.words]
    shutil.copyfile(ROOT / "pyramid" / "data" / "slide.ome.tif", tmp_path / "slide.ome.tif")
    (tmp_path / "job.sh").write_text(script.replace("/shared/", f"{tmp_path}/"))
    programs = programs_of_this_environment(tmp_path)
    environment = {**slurm.environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    assert command[-1] == str(tmp_path / "slurm.yaml")  # which the job names
    subprocess.run(["sbatch", "--output", "job.log", "job.sh"], cwd=tmp_path, env=environment, check=True)
    assert no_job_is_left(slurm), (tmp_path / "job.log").read_text()
    assert list(tmp_path.glob("dask-worker-*.out"))  # the log of a job that the job has asked for
    pyramid.convert(tmp_path / "slide.ome.tif", tmp_path / "right.ome.zarr")
    assert digests(tmp_path / "slide.ome.zarr") == digests(tmp_path / "right.ome.zarr")


def test_an_interrupted_run_cancels_its_jobs_and_goes_on(
    slurm: Slurm, image: Path, command: list[str], tmp_path: Path
) -> None:
    process = begin(command, slurm)
    wait_for_chunks(tmp_path / "out", process)
    process.send_signal(signal.SIGINT)
    problem = process.communicate(timeout=WITHIN_S)[1]
    assert process.returncode == 130, problem
    assert no_job_is_left(slurm)
    again = begin([*command, "--resume"], slurm)
    problem = again.communicate(timeout=WITHIN_S)[1]
    assert again.returncode == 0, problem
    assert digests(tmp_path / "out") == right(image, tmp_path)


def test_a_job_that_is_cancelled_is_replaced(slurm: Slurm, image: Path, command: list[str], tmp_path: Path) -> None:
    process = begin(command, slurm)
    wait_for_chunks(tmp_path / "out", process)
    jobs = [job.split()[0] for job in slurm.jobs()]
    subprocess.run(["scancel", *jobs], env={**os.environ, **slurm.environment}, check=True)
    problem = process.communicate(timeout=WITHIN_S)[1]
    assert process.returncode == 0, problem
    assert digests(tmp_path / "out") == right(image, tmp_path)
