"""A download that stops, or meets a bad network, ends as a clean one does or never looks whole."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

import pyramid
from pyramid.cli import main
from pyramid.downloading import DownloadProgress
from tests.support import trees
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer
from tests.support.stores import digests

WORK = ".pyramid-download"
DOCUMENTS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def stopping_at(number: int) -> Callable[[DownloadProgress], None]:
    """A callback that interrupts once so many objects are there."""

    def stop(state: DownloadProgress) -> None:
        if state.done_objects >= number:
            raise KeyboardInterrupt

    return stop


def whole(folder: Path) -> dict[str, str]:
    """What is there under its final name."""
    return {key: digest for key, digest in digests(folder).items() if not key.startswith(WORK)}


@pytest.mark.parametrize("kind", [trees.plate, trees.collection, trees.image])
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("number", [1, 10])
def test_an_interrupted_download_goes_on(
    number: int, zarr_format: int, kind: Callable[[Path, int], None], web: WebServer, tmp_path: Path
) -> None:
    kind(tmp_path / "served", zarr_format)
    served, came = digests(tmp_path / "served"), tmp_path / "came"
    with pytest.raises(KeyboardInterrupt) as stopped:
        pyramid.download(web.url("served"), came, progress=stopping_at(number), workers=2)
    assert f"the same download (of {web.url('served')} to {came}" in stopped.value.__notes__[0]
    there = whole(came)
    assert there.items() <= served.items()
    assert {*DOCUMENTS}.isdisjoint(there)  # of the root
    web.log.clear()
    done = pyramid.download(web.url("served"), came)
    chunks = [key for key in there if key.rpartition("/")[2] not in DOCUMENTS]
    assert done.kept == len(chunks) >= number
    assert {request.key for request in web.requests}.isdisjoint(f"served/{key}" for key in chunks)
    assert digests(came) == served


def keys(folder: Path) -> set[str]:
    """What lies in a folder under its final name; nothing is opened, since partial files come and go."""
    paths = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in paths if not path.startswith(WORK)}


def test_metadata_is_there_only_when_all_it_names_is(web: WebServer, tmp_path: Path) -> None:
    trees.plate(tmp_path / "served", 3)
    served = digests(tmp_path / "served")
    states: list[set[str]] = []
    pyramid.download(
        web.url("served"), tmp_path / "came", progress=lambda _: states.append(keys(tmp_path / "came")), workers=3
    )
    assert len(states) > 50
    for there in states[:-1]:
        for key in there:
            below = key.removesuffix("zarr.json")
            assert below == key or {one for one in served if one.startswith(below)} <= there


def test_links_and_leftovers_of_another_source_are_refused(web: WebServer, tmp_path: Path) -> None:
    came = tmp_path / "came"
    for name in ("one", "other"):
        trees.image(tmp_path / name, 3)
    with pytest.raises(KeyboardInterrupt):
        pyramid.download(web.url("one"), came, progress=stopping_at(1))
    with pytest.raises(pyramid.TargetError, match=f"something else.*came from {web.url('one')}"):
        pyramid.download(web.url("other"), came)
    with pytest.raises(pyramid.TargetError, match="its levels were None"):
        pyramid.download(web.url("one"), came, levels="1:")
    document = json.loads((tmp_path / "one/zarr.json").read_text())
    document["attributes"]["more"] = 1
    trees.write_json(tmp_path / "one/zarr.json", document)
    with pytest.raises(pyramid.TargetError, match="metadata has changed"):
        pyramid.download(web.url("one"), came)
    pyramid.download(web.url("other"), came, overwrite=True)
    assert digests(came) == digests(tmp_path / "other")


def test_what_is_there_is_refused_and_replaced_only_where_it_is_a_zarr(web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    trees.old_image(tmp_path / "came")
    before = digests(tmp_path / "came")
    result = run("download", web.url("served"), tmp_path / "came")
    assert (result.exit_code, digests(tmp_path / "came")) == (4, before)
    result = run("download", web.url("nowhere"), tmp_path / "came", "--overwrite")
    assert (result.exit_code, digests(tmp_path / "came")) == (3, before)
    (tmp_path / "kept").mkdir()
    (tmp_path / "came/link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept/file").write_text("kept")
    assert run("download", web.url("served"), tmp_path / "came", "--overwrite").exit_code == 0
    assert digests(tmp_path / "came") == digests(tmp_path / "served")
    assert (tmp_path / "kept/file").read_text() == "kept"
    result = run("download", web.url("served"), tmp_path / "kept", "--overwrite")
    assert (result.exit_code, [*digests(tmp_path / "kept")]) == (4, ["file"])
    result = run("download", web.url("served"), tmp_path / "kept/file")
    assert result.exit_code == 4
    assert "is a file" in result.stderr


def test_source_and_folder_within_each_other(tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    before = digests(tmp_path)
    for source, folder in [("served", "served"), ("served", "served/deep"), ("served/0", "served")]:
        result = run("download", tmp_path / source, tmp_path / folder, "--overwrite")
        assert result.exit_code == 4
        assert "and the folder overlap" in result.stderr
    assert digests(tmp_path) == before


def test_two_at_once_do_not_mix(web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    refused: list[str] = []

    def again(state: DownloadProgress) -> None:
        if state.done_objects == 1:
            with pytest.raises(pyramid.TargetError) as error:
                pyramid.download(web.url("served"), tmp_path / "came")
            refused.append(str(error.value))

    pyramid.download(web.url("served"), tmp_path / "came", progress=again)
    assert ["another download" in told for told in refused] == [True]
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


@pytest.mark.parametrize("key", ["served/zarr.json", "served/0/c/0/0", "served/0/c/1/2", "served/1/c/1/1"])
@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.RESET_BEFORE, Kind.RESET_WITHIN_ANSWER])
def test_what_passes_is_ridden_out_and_counted(
    kind: Kind, key: str, web: WebServer, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    trees.image(tmp_path / "served", 3)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(kind, "GET", key, times=2))
    came = pyramid.download(f"{proxy.endpoint}/served", tmp_path / "came")
    assert len(proxy.befallen) == 2
    assert came.retries == 2
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_what_does_not_pass_stops_the_download_which_goes_on(
    web: WebServer, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    trees.image(tmp_path / "served", 3)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.UNAVAILABLE, "GET", "served/1/c/*", times=math.inf))
    words = ["download", f"{proxy.endpoint}/served", tmp_path / "came", "--storage-options", '{"retries": 1}']
    result = run(*words)
    assert result.exit_code == 5
    assert "served/1/c/" in result.stderr
    assert "503" in result.stderr
    assert "goes on where it stopped" in result.stderr
    assert not (tmp_path / "came/zarr.json").exists()
    proxy.heal()
    assert run(*words).exit_code == 0
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_an_interrupt_is_heard_while_the_server_stalls(
    web: WebServer, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    trees.image(tmp_path / "served", 3)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.STALL, "GET", "served/1/c/0/0"))
    words = ["download", f"{proxy.endpoint}/served", str(tmp_path / "came")]
    program = [sys.executable, "-m", "pyramid", *words]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as command:
        while not (proxy.befallen and (tmp_path / "came/0/zarr.json").exists()):
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        _, told = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "the same download (of http://" in told
    assert "Traceback" not in told
    assert not (tmp_path / "came/zarr.json").exists()
    assert run(*words).exit_code == 0
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_a_killed_download_goes_on(web: WebServer, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.STALL, "GET", "served/1/c/0/0"))
    words = ["download", f"{proxy.endpoint}/served", str(tmp_path / "came")]
    with subprocess.Popen([sys.executable, "-m", "pyramid", *words]) as command:
        while not (proxy.befallen and any((tmp_path / "came" / WORK).glob("part-*"))):
            assert command.poll() is None
        command.kill()
    assert run(*words).exit_code == 0
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_a_disk_that_is_full_is_told(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.image(tmp_path / "served", 3)
    replace = os.replace

    def full(source: str, target: str) -> None:
        if "/c/" in str(target):
            raise OSError(28, os.strerror(28), target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    result = run("download", web.url("served"), tmp_path / "came")
    assert result.exit_code == 4
    assert os.strerror(28) in result.stderr
    assert "goes on where it stopped" in result.stderr


@pytest.mark.parametrize("denied", ["chunks", "everything", "later"])
def test_what_is_forbidden_is_missing_only_while_something_may_be_read(
    denied: str, web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.image(tmp_path / "served", 2)
    (tmp_path / "served/0/1/2").unlink()
    served = digests(tmp_path / "served")
    file = web.file

    def refused(request: Any) -> bool:
        late = denied == "later" and web.count("GET", "served/*/?/?") > 4
        return denied == "everything" or late or file(request) is None

    statuses = {status.name: status for status in HTTPStatus} | {"NOT_FOUND": HTTPStatus.FORBIDDEN}
    monkeypatch.setattr("tests.support.servers.web.HTTPStatus", SimpleNamespace(**statuses))
    monkeypatch.setattr(web, "file", lambda request: None if refused(request) else file(request))
    if denied == "chunks":
        came = pyramid.download(web.url("served"), tmp_path / "came")
        assert (came.missing, digests(tmp_path / "came")) == (1, served)
        assert "refused, as a server may" in str(came)
        return
    error = {"everything": pyramid.SourceError, "later": pyramid.StoppedError}[denied]
    with pytest.raises(error, match="403"):
        pyramid.download(web.url("served"), tmp_path / "came", workers=1)
    assert not (tmp_path / "came/.zgroup").exists()


def test_no_secret_is_kept(s3: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path) -> None:
    trees.image(tmp_path / "made", 3)
    for key in digests(tmp_path / "made"):
        s3.store(prefix).put(key, (tmp_path / "made" / key).read_bytes())
    options = {**s3.with_options(secret="a-very-secret-word").storage_options}
    with pytest.raises(KeyboardInterrupt) as stopped:
        pyramid.download(s3.url(prefix), tmp_path / "came", storage_options=options, progress=stopping_at(1))
    shutil.copytree(tmp_path / "came", tmp_path / "copy")
    told = "".join(path.read_text(errors="replace") for path in (tmp_path / "came").rglob("*") if path.is_file())
    assert "a-very-secret-word" not in told + str(stopped.value.__notes__)
    assert s3.url(prefix) in told


def test_a_download_that_cannot_begin_does_not_promise_to_go_on(web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "one", 3)
    (tmp_path / "file").touch()
    with pytest.raises(pyramid.TargetError) as caught:
        pyramid.download(web.url("one"), tmp_path / "file" / "within")
    assert not getattr(caught.value, "__notes__", [])
