"""Object storage on a moto server: the keys and bytes of a local run, read back through the same door."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
from obstore.store import S3Store

import pyramid
from pyramid.errors import OptionError, TargetError
from tests.stores import digests

IMAGE = np.random.default_rng(4).integers(0, 4000, (2, 5, 200, 180), "uint16")
BUCKET = "images"
CHUNKS: dict[str, Any] = {"axes": "czyx", "chunks": {"z": 2, "y": 64, "x": 64}}
SHARDED: dict[str, Any] = {**CHUNKS, "shards": {"z": 4, "y": 128, "x": 128}}
PLAIN: dict[str, Any] = {**CHUNKS, "ome_zarr_version": "0.4", "shards": "none"}
SECRET = "a-secret-that-is-told-to-nobody"


@pytest.fixture(scope="module")
def storage() -> Iterator[Mapping[str, Any]]:
    """Storage options of a server on loopback, which ends with the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as server:
        try:
            _wait_for(port)
            options = {
                "endpoint_url": f"http://127.0.0.1:{port}",
                "key": "user",
                "secret": SECRET,
                "region": "us-east-1",
            }
            _make_bucket(options["endpoint_url"])
            yield options
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the S3 server did not start")


def _make_bucket(endpoint: str) -> None:
    import urllib.request

    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/s3/aws4_request")
    with urllib.request.urlopen(request, timeout=30):
        pass


def _store(storage: Mapping[str, Any], prefix: str) -> S3Store:
    return S3Store(
        BUCKET,
        prefix=prefix,
        client_options={"allow_http": True},
        config={
            "endpoint": storage["endpoint_url"],
            "access_key_id": storage["key"],
            "secret_access_key": storage["secret"],
            "region": "us-east-1",
        },
    )


def _objects(storage: Mapping[str, Any], prefix: str) -> dict[str, str]:
    import hashlib

    store = _store(storage, prefix)
    keys = [item["path"] for batch in obstore.list(store) for item in batch]
    return {key: hashlib.sha256(bytes(obstore.get(store, key).bytes())).hexdigest() for key in keys}


@pytest.mark.parametrize("options", [SHARDED, PLAIN], ids=["sharded-0.5", "plain-0.4"])
def test_keys_and_bytes_are_those_of_a_local_run(
    storage: Mapping[str, Any], options: Mapping[str, Any], tmp_path: Path
) -> None:
    prefix = f"same/{options['shards'] == 'none'}.ome.zarr"
    image = pyramid.convert(IMAGE, f"s3://{BUCKET}/{prefix}", storage_options=storage, **options)
    pyramid.convert(IMAGE, tmp_path / "local.ome.zarr", **options)
    assert _objects(storage, prefix) == digests(tmp_path / "local.ome.zarr")
    np.testing.assert_array_equal(image.levels[0].data.compute(), IMAGE)


def test_an_ome_zarr_on_s3_is_a_source(storage: Mapping[str, Any], tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/source.ome.zarr"
    pyramid.convert(IMAGE, url, storage_options=storage, scale={"y": 0.3, "x": 0.3}, **SHARDED)
    copy = pyramid.convert(url, tmp_path / "copy.ome.zarr", source_storage_options=storage)
    np.testing.assert_array_equal(copy.levels[0].data.compute(), IMAGE)
    assert copy.levels[0].scale == (1.0, 1.0, 0.3, 0.3)


def test_what_exists_is_refused_and_replaced_where_asked(storage: Mapping[str, Any]) -> None:
    url = f"s3://{BUCKET}/twice.ome.zarr"
    pyramid.convert(IMAGE, url, storage_options=storage, **SHARDED)
    with pytest.raises(TargetError, match="exists; give another target, or --overwrite"):
        pyramid.convert(IMAGE, url, storage_options=storage, **SHARDED)
    pyramid.convert(IMAGE[:, :, :64, :64], url, storage_options=storage, overwrite=True, **PLAIN)
    keys = set(_objects(storage, "twice.ome.zarr"))
    assert ".zattrs" in keys
    assert "zarr.json" not in keys


def test_the_command_line_writes_to_s3_and_tells_no_secret(storage: Mapping[str, Any], tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGE)
    report = tmp_path / "report.json"
    target = f"s3://{BUCKET}/command.ome.zarr"
    command = [sys.executable, "-m", "pyramid", "convert", str(tmp_path / "image.npy"), target, "--axes", "czyx"]
    flags = ["--endpoint-url", storage["endpoint_url"], "--region", "us-east-1", "--report", str(report), "-v"]
    secrets = {"AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": SECRET}
    done = subprocess.run([*command, *flags], env={**os.environ, **secrets}, capture_output=True, text=True, check=True)
    assert "multiscales" in json.dumps(
        json.loads(bytes(obstore.get(_store(storage, "command.ome.zarr"), "zarr.json").bytes()))
    )
    assert SECRET not in done.stdout + done.stderr + report.read_text()


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("s4://bucket/key", {}, "there is no scheme 's4'"),
        ("s3://bucket", {}, "a URL has the form"),
        ("s3://bucket/key", {"acess_key": "x"}, "there is no storage option for s3:// 'acess_key'"),
        ("az://container/key", {}, "Azure needs an account"),
    ],
)
def test_what_cannot_be_a_target_is_told(url: str, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        pyramid.convert(IMAGE, url, storage_options=options, **SHARDED)
