"""Where a path or URL leads, and which place lies in which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.errors import OptionError
from pyramid.stores import Location, check_travels, locate, open_objects, public_options


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a/b.zarr", Location("s3", "bucket", "a/b.zarr")),
        ("s3://bucket//a///b.zarr/", Location("s3", "bucket", "a/b.zarr")),
        ("s3a://bucket/a", Location("s3", "bucket", "a")),
        ("gcs://bucket/a", Location("gs", "bucket", "a")),
        ("abfs://container/a", Location("az", "container", "a")),
        ("https://host:9/a/b%20c.zarr/", Location("https", "host:9", "a/b%20c.zarr")),
        ("http://host", Location("http", "host", "")),
        ("https://bucket.s3.amazonaws.com/a", Location("https", "bucket.s3.amazonaws.com", "a")),
        ("memory://name/a", Location("memory", "name", "a")),
        ("sftp://host/a", Location("sftp", "host", "a")),
        ("file:///data/a%20b.zarr", Location("file", "", "/data/a b.zarr")),
        ("file://localhost/data/a", Location("file", "", "/data/a")),
        ("/data/a/", Location("file", "", "/data/a")),
        ("/data//a", Location("file", "", "/data/a")),
        ("/data/100%20", Location("file", "", "/data/100%20")),
        ("/data/s3:/a", Location("file", "", "/data/s3:/a")),
    ],
)
def test_places(url: str, expected: Location) -> None:
    assert locate(url) == expected


def test_paths_start_here_or_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert locate("a.zarr").path == str(tmp_path / "a.zarr")
    assert locate("./a.zarr").path == str(tmp_path / "a.zarr")
    assert locate("~/a.zarr").path == str(tmp_path / "home" / "a.zarr")
    assert locate("x:y/a.zarr").path == str(tmp_path / "x:y" / "a.zarr")


def test_schemes_are_the_same_in_capitals() -> None:
    assert locate("S3://bucket/a") == locate("s3://bucket/a")
    assert locate("HTTPS://host/a") == locate("https://host/a")


@pytest.mark.parametrize("value", ["secret\n", "a\r", "a\x00b"])
def test_credentials_of_more_than_a_line_are_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="storage option secret holds a line break") as refused:
        open_objects("s3://bucket/a", {"key": "k", "secret": value})
    assert value not in str(refused.value)
    if "\x00" not in value:
        monkeypatch.setenv("AWS_SESSION_TOKEN", value)
        with pytest.raises(OptionError, match="the environment variable AWS_SESSION_TOKEN holds a line break"):
            open_objects("s3://bucket/b")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "empty"),
        ("s4://bucket/a", "unknown scheme 's4'"),
        ("s3://bucket", "a URL has the form s3://BUCKET/KEY"),
        ("s3://bucket/", "a URL has the form s3://BUCKET/KEY"),
        ("s3:///a", "a URL has the form s3://BUCKET/KEY"),
        ("s3://bucket/a/../b", "it has '..'"),
        ("s3://bucket", "it names no key; a URL has the form s3://BUCKET/KEY"),
        ("s3://", "it names no bucket"),
        ("sftp:///a", "it names no host"),
        ("s3:/bucket/a", "a URL has two slashes after its colon; write s3://bucket/a"),
        ("s3:bucket/a", "a URL has two slashes after its colon; write s3://bucket/a"),
        ("https:/host/a", "a URL has two slashes after its colon; write https://host/a"),
        ("s3//bucket/a", "a URL has two slashes after its colon; write s3://bucket/a"),
        ("http//host/a", "a URL has two slashes"),
        ("htps:/host/a", "a URL has two slashes"),
        ("s3://my bucket/a", "'my bucket' has characters that are not allowed"),
        ("gs:// bucket/a", "' bucket' has characters that are not allowed"),
        ("http://ann:pass/word@host/a", "write /, . and # in its password as %2F, %3F and %23"),
        ("file://data/a", "a file URL has three slashes"),
    ],
)
def test_mistakes(url: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        locate(url)


@pytest.mark.parametrize(
    "url",
    [
        "s4://user:hush@bucket/a?token=hush",
        "s3://user:hush@bucket/a",
        "s3://hush@bucket/a",
        "az://container/a?sig=hush",
        "az://user:hush@container/a",
        "http://user:a/hush@host/a",
        "http://user:a#hush@host/a",
        "http:/user:hush@host/a",
        "https:user:hush@host/a",
        "http//user:hush@host/a",
    ],
)
def test_no_secret_is_told(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        locate(url)
    assert "hush" not in str(caught.value)


def test_what_may_be_secret_is_used_and_never_shown() -> None:
    url = "https://ann:hush@host/a.tif?X-Amz-Signature=hush"
    location = locate(url)
    assert location.address == url
    assert str(location) == "https://host/a.tif"
    assert "hush" not in repr(location)


def test_public_options_are_those_that_are_no_secret() -> None:
    given = {"key": "k", "secret": "s", "token": "t", "region": "r", "endpoint_url": "e", "anon": True, "retries": 3}
    assert public_options("s3://b/a", given) == {"region": "r", "endpoint_url": "e", "anon": True, "retries": 3}
    assert public_options("gs://b/a", {"token": "/keys/account.json"}) == {"token": "/keys/account.json"}
    assert public_options("gs://b/a", {"token": '{"private_key": "x"}'}) == {}
    assert public_options("sftp://h/a", {"password": "x", "host": "h"}) == {"host": "h"}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://b/a", {"secret": "hush"}),
        ("az://b/a", {"sas_token": "hush"}),
        ("https://host/a?sig=hush", {}),
        ("https://ann:hush@host/a", {}),
        ("memory://b/a", {}),
    ],
)
def test_what_does_not_travel_is_refused(url: str, options: dict[str, str]) -> None:
    with pytest.raises(OptionError) as caught:
        check_travels(url, options)
    assert "hush" not in str(caught.value)


def test_what_is_no_secret_travels() -> None:
    check_travels("s3://b/a", {"anon": True, "profile": "lab"})
    check_travels("https://host/a", None)
    check_travels("/data/a", None)


def test_the_import_costs_neither_client_nor_zarr() -> None:
    program = "import sys, pyramid.stores; print(*{'obstore', 'zarr', 'fsspec', 'boto3', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_place_holds_itself_and_what_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = locate("a.zarr")
    for inside in ("a.zarr", "a.zarr/", "./a.zarr", "a.zarr/0", "b/../a.zarr", str(tmp_path / "a.zarr" / "x" / "y")):
        assert here.holds(locate(inside)), inside
    assert here.holds(locate(f"file://{tmp_path}/a.zarr/0"))
    for outside in ("a.zar", "a.zarr2", "a.zarr/../b", ".", "b/a.zarr", "s3://a.zarr/0"):
        assert not here.holds(locate(outside)), outside


def test_links_lead_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "real" / "a.zarr").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "twice").symlink_to("link/a.zarr")
    (tmp_path / "loop").symlink_to("loop")
    real = locate(str(tmp_path / "real" / "a.zarr"))
    for name in ("link/a.zarr", "twice", "twice/0", "twice/../a.zarr/0"):
        assert real.holds(locate(f"{tmp_path}/{name}")), name
    assert locate(str(tmp_path / "link" / "a.zarr")).holds(real)
    assert not real.holds(locate(str(tmp_path / "loop" / "a")))


def test_two_dots_mean_what_the_system_takes_them_for(tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/away")
    assert locate(f"{tmp_path}/link/../a.zarr").path == os.path.realpath(tmp_path / "far" / "a.zarr")


def test_buckets_are_told_apart() -> None:
    assert locate("s3://bucket/a").holds(locate("s3a://bucket/a//b/"))
    assert not locate("s3://bucket/a").holds(locate("s3://other/a/b"))
    assert not locate("s3://bucket/a").holds(locate("gs://bucket/a/b"))
    assert not locate("s3://bucket/a/b").holds(locate("s3://bucket/a"))


keys = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4)


@given(keys, keys)
def test_holding_is_a_matter_of_whole_names(ours: list[str], theirs: list[str]) -> None:
    one, other = (locate("s3://bucket/" + "/".join(key)) for key in (ours, theirs))
    assert one.holds(other) == (theirs[: len(ours)] == ours)
    assert locate(str(one)) == one
