"""Object storage on a moto server: the keys and bytes of a local run, read back through the same door."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, TargetError
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service
from tests.support.stores import digests

IMAGE = np.random.default_rng(4).integers(0, 4000, (2, 5, 200, 180), "uint16")
CHUNKS: dict[str, Any] = {"axes": "czyx", "chunks": {"z": 2, "y": 64, "x": 64}}
SHARDED: dict[str, Any] = {**CHUNKS, "shards": {"z": 4, "y": 128, "x": 128}}
PLAIN: dict[str, Any] = {**CHUNKS, "ome_zarr_version": "0.4", "shards": "none"}


@pytest.mark.parametrize("options", [SHARDED, PLAIN], ids=["sharded-0.5", "plain-0.4"])
def test_keys_and_bytes_are_those_of_a_local_run(s3: Service, options: Mapping[str, Any], tmp_path: Path) -> None:
    prefix = f"same/{options['shards'] == 'none'}.ome.zarr"
    image = pyramid.convert(IMAGE, s3.url(prefix), storage_options=s3.storage_options, **options)
    pyramid.convert(IMAGE, tmp_path / "local.ome.zarr", **options)
    assert {key: sha256(data).hexdigest() for key, data in s3.objects(prefix).items()} == digests(
        tmp_path / "local.ome.zarr"
    )
    np.testing.assert_array_equal(image.levels[0].data.compute(), IMAGE)


def test_an_ome_zarr_on_s3_is_a_source(s3: Service, tmp_path: Path) -> None:
    url = s3.url("source.ome.zarr")
    pyramid.convert(IMAGE, url, storage_options=s3.storage_options, scale={"y": 0.3, "x": 0.3}, **SHARDED)
    copy = pyramid.convert(url, tmp_path / "copy.ome.zarr", source_storage_options=s3.storage_options)
    np.testing.assert_array_equal(copy.levels[0].data.compute(), IMAGE)
    assert copy.levels[0].scale == (1.0, 1.0, 0.3, 0.3)


def test_what_exists_is_refused_and_replaced_where_asked(s3: Service) -> None:
    url = s3.url("twice.ome.zarr")
    pyramid.convert(IMAGE, url, storage_options=s3.storage_options, **SHARDED)
    with pytest.raises(TargetError, match="exists; give another target, or overwrite=True"):
        pyramid.convert(IMAGE, url, storage_options=s3.storage_options, **SHARDED)
    pyramid.convert(IMAGE[:, :, :64, :64], url, storage_options=s3.storage_options, overwrite=True, **PLAIN)
    keys = set(s3.objects("twice.ome.zarr"))
    assert ".zattrs" in keys
    assert "zarr.json" not in keys


def test_the_command_line_writes_to_s3_and_tells_no_secret(s3: Service, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGE)
    report = tmp_path / "report.json"
    target = s3.url("command.ome.zarr")
    command = [sys.executable, "-m", "pyramid", "convert", str(tmp_path / "image.npy"), target, "--axes", "czyx"]
    flags = ["--endpoint-url", s3.endpoint, "--region", "us-east-1", "--report", str(report), "-v"]
    secrets = {"AWS_ACCESS_KEY_ID": s3.options["key"], "AWS_SECRET_ACCESS_KEY": SECRET}
    done = subprocess.run([*command, *flags], env={**os.environ, **secrets}, capture_output=True, text=True, check=True)
    assert b"multiscales" in s3.objects("command.ome.zarr")["zarr.json"]
    assert SECRET not in done.stdout + done.stderr + report.read_text()


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("s4://bucket/key", {}, "unknown scheme 's4'"),
        ("s3://bucket", {}, "a URL has the form"),
        ("s3://bucket/key", {"acess_key": "x"}, "unknown storage option for s3:// 'acess_key'"),
        ("az://container/key", {}, "Azure needs an account"),
    ],
)
def test_what_cannot_be_a_target_is_told(url: str, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        pyramid.convert(IMAGE, url, storage_options=options, **SHARDED)


def test_a_run_that_is_done_is_no_failure_though_it_cannot_be_read_back(
    s3: Service, fault_proxy: Callable[[str], FaultProxy], prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = fault_proxy(s3.endpoint)
    proxy.inject(Fault(Kind.UNAVAILABLE, "GET", "*/zarr.json", times=math.inf))
    np.save(tmp_path / "image.npy", IMAGE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    words = ["convert", str(tmp_path / "image.npy"), s3.url(prefix), "--axes", "czyx", "--no-progress"]
    words += ["--endpoint-url", proxy.endpoint, "--region", "us-east-1", "--storage-options", '{"retries": 0}']
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the run is done and its target complete, but its metadata cannot be read back" in result.stderr
    assert "MB/s" in result.stderr
    assert b"multiscales" in s3.objects(prefix)["zarr.json"]
