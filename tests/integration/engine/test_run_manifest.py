"""The manifest that a run writes is the one that is made of its target afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from distributed import LocalCluster

import pyramid
from pyramid.cli import main
from pyramid.errors import PyramidError, PyramidWarning, StoppedError, TargetError
from pyramid.hierarchy import output_file
from pyramid.planning import passes
from pyramid.writing import journal
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service

SHAPE = (6, 700, 900)
SMALL: dict[str, Any] = {"axes": "zyx", "memory": "6MiB", "workers": 2, "scale_factors": "z=1,y=2,x=2"}
LARGE: dict[str, Any] = {**SMALL, "memory": "1GiB"}
FORMS: dict[str, dict[str, Any]] = {
    "shards": {"chunks": "z=1,y=64,x=64", "shards": "z=1,y=256,x=256"},
    "chunks": {"chunks": "z=1,y=128,x=128", "shards": "none"},
    "0.4": {"chunks": "z=1,y=128,x=128", "ome_zarr_version": "0.4"},
    "skip-empty": {"chunks": "z=1,y=128,x=128", "shards": "none", "skip_empty": True, "memory": "4MiB"},
    "checksum": {"checksum": True, "memory": "1GiB"},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest") / "noise.ome.tif"
    pixels = np.random.default_rng(0).integers(0, 4000, SHAPE).astype("uint16")
    pixels[2:4] = 0
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX"})
    return path


@pytest.mark.parametrize("form", FORMS)
def test_it_is_that_of_the_target(form: str, source: Path, tmp_path: Path) -> None:
    pyramid.convert(source, tmp_path / "a", manifest=tmp_path / "m", **{**SMALL, **FORMS[form]})
    assert (tmp_path / "m").read_text() == str(pyramid.manifest(tmp_path / "a"))


def test_it_is_that_of_a_bucket(source: Path, s3: Service, prefix: str, tmp_path: Path) -> None:
    url, storage = s3.url(prefix), s3.storage_options
    options = {**SMALL, **FORMS["shards"], "target_storage_options": storage}
    pyramid.convert(source, url, manifest=tmp_path / "m", **options)
    assert (tmp_path / "m").read_text() == str(pyramid.manifest(url, storage_options=storage))


def test_digests_come_back_from_a_cluster(source: Path, tmp_path: Path) -> None:
    options = {**SMALL, **FORMS["chunks"], "workers": None}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as cluster:
        pyramid.convert(source, tmp_path / "a", manifest=tmp_path / "m", scheduler=cluster.scheduler_address, **options)
    assert (tmp_path / "m").read_text() == str(pyramid.manifest(tmp_path / "a"))


def stop_after(blocks: int) -> Callable[[Any], None]:
    def stop(state: Any) -> None:
        if state.done_tasks >= blocks:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("form", ["shards", "skip-empty"])
@pytest.mark.parametrize("journal_is", ["whole", "without digests", "damaged"])
def test_a_run_that_goes_on_has_the_whole(
    journal_is: str, form: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_S", 0.0)
    monkeypatch.setattr(passes, "BLOCK_BYTES_AIM", 0)  # so that there are many blocks
    options = {**SMALL, **FORMS[form]}
    first: dict[str, Any] = {} if journal_is == "without digests" else {"manifest": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(source, tmp_path / "a", progress=stop_after(6), **first, **options)
    assert not (tmp_path / "m").exists()
    digests = sorted((tmp_path / "a" / journal.FOLDER).glob("*.sha256"))
    assert bool(digests) == (journal_is != "without digests")
    if journal_is == "damaged":
        digests[0].write_bytes(digests[0].read_bytes()[:40])
        digests[1].unlink()
    pyramid.convert(source, tmp_path / "a", resume=True, manifest=tmp_path / "m", **options)
    assert (tmp_path / "m").read_text() == str(pyramid.manifest(tmp_path / "a"))
    assert not (tmp_path / "a" / journal.FOLDER).exists()


def test_a_finished_run_gets_its_manifest(source: Path, tmp_path: Path) -> None:
    pyramid.convert(source, tmp_path / "a", **LARGE)
    with pytest.warns(PyramidWarning, match="is finished: nothing is left to do"):
        pyramid.convert(source, tmp_path / "a", resume=True, manifest=tmp_path / "m", **LARGE)
    assert (tmp_path / "m").read_text() == str(pyramid.manifest(tmp_path / "a"))


def test_a_run_that_fails_leaves_none(
    source: Path, s3: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    proxy = fault_proxy(s3.endpoint)
    proxy.inject(Fault(Kind.EXPIRED, "PUT", "*/c/*", at=20, times=1000))
    storage = s3.through(proxy.endpoint).storage_options
    with pytest.raises(StoppedError):
        pyramid.convert(
            source, s3.url(prefix), manifest=tmp_path / "m", target_storage_options=storage, **SMALL, **FORMS["chunks"]
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("a.ome.zarr/m", "is in the store that it describes"),
        ("{source}", "is in the source, or is the source"),
        ("nowhere/m", "in a folder that exists"),
        ("notes.txt", "exists and is not a manifest"),
        ("s3://bucket/m", "since it is a URL"),
        (".", "cannot be written"),
    ],
)
def test_a_plan_refuses_what_a_run_refuses(
    file: str, words: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    given = file.format(source=source)
    for act in (pyramid.plan, pyramid.convert):
        with pytest.raises(TargetError, match=f"manifest: .*{words}"):
            act(source, "a.ome.zarr", manifest=given)
    with pytest.raises(PyramidError, match="is the file of the report too"):
        pyramid.plan(source, "a.ome.zarr", manifest="same", report="./same")
    assert not (tmp_path / "a.ome.zarr").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_manifest_that_cannot_be_written_does_not_undo_the_run(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    class Disk:
        replace = staticmethod(full)

        def __getattr__(self, name: str) -> Any:
            import os

            return getattr(os, name)

    monkeypatch.setattr(output_file, "os", Disk())
    with pytest.raises(TargetError, match=r"the run is done and .* complete, but not its manifest: .*No space left"):
        pyramid.convert(source, tmp_path / "a", manifest=tmp_path / "m", **LARGE)
    assert pyramid.open(tmp_path / "a").levels[0].shape == SHAPE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_the_command_and_the_file_have_the_option(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "options.yaml").write_text("manifest: from-file\n")
    run = CliRunner().invoke(main, ["convert", str(source), "a", "--config", "options.yaml", "-q"])
    assert run.exit_code == 0, run.output
    run = CliRunner().invoke(main, ["convert", str(source), "b", "--manifest", "from-flag", "-q"])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "from-file").read_text() == (tmp_path / "from-flag").read_text()
