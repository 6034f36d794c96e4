"""Storage options go to the side that they are for, and to no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyramid.errors import OptionError
from pyramid.options.convert import make_options
from pyramid.stores import share_storage_options

S3, OTHER, GOOGLE, WEB, DISK = "s3://bucket/a", "s3://other/b", "gs://bucket/c", "https://host/d.tif", "e.ome.zarr"
ANYTHING: dict[str, Any] = {"region": "here", "endpoint_url": "http://h:1"}


def shared(source: object, target: str | None, **options: Any) -> tuple[Any, Any]:
    found = share_storage_options(make_options(options), source, target)
    assert found.storage_options is None
    return found.source_storage_options, found.target_storage_options


@pytest.mark.parametrize(
    ("source", "target", "options", "expected"),
    [
        (S3, DISK, {"storage_options": ANYTHING}, (ANYTHING, None)),
        (DISK, S3, {"storage_options": ANYTHING}, (None, ANYTHING)),
        (np.zeros(3), S3, {"storage_options": ANYTHING}, (None, ANYTHING)),
        (S3, OTHER, {"storage_options": ANYTHING}, (ANYTHING, ANYTHING)),
        (WEB, S3, {"storage_options": ANYTHING}, (None, ANYTHING)),  # the web takes no endpoint
        (WEB, S3, {"storage_options": {"retries": 1}}, ({"retries": 1}, {"retries": 1})),
        ("sftp://host/a", S3, {"storage_options": {"region": "a", "port": 1}}, ({"port": 1}, {"region": "a"})),
        (
            S3,
            GOOGLE,
            {"storage_options": {"region": "a", "anon": True}},
            ({"region": "a", "anon": True}, {"anon": True}),
        ),
        (
            S3,
            OTHER,
            {"storage_options": ANYTHING, "target_storage_options": {"region": "b"}},
            (ANYTHING, {**ANYTHING, "region": "b"}),
        ),
        (S3, OTHER, {"source_storage_options": {"anon": True}}, ({"anon": True}, None)),
        (
            S3,
            None,
            {"storage_options": ANYTHING, "target_storage_options": {"region": "b"}},
            (ANYTHING, {"region": "b"}),
        ),
        (DISK, None, {"storage_options": ANYTHING}, (None, None)),
        (DISK, DISK, {"storage_options": {}}, (None, None)),
    ],
)
def test_options_go_where_they_are_for(
    source: object, target: str | None, options: dict[str, Any], expected: Any
) -> None:
    assert shared(source, target, **options) == expected


def test_credentials_of_one_side_replace_the_general_ones_as_a_whole() -> None:
    general = {"key": "k", "secret": "s", "token": "t", "region": "r"}
    assert shared(S3, OTHER, storage_options=general, source_storage_options={"anon": True}) == (
        {"region": "r", "anon": True},
        general,
    )
    assert shared(S3, OTHER, storage_options=general, target_storage_options={"key": "K", "secret": "S"}) == (
        general,
        {"region": "r", "key": "K", "secret": "S"},
    )
    azure = {"account_name": "a", "account_key": "k"}
    assert shared("az://c/a", "az://c/b", storage_options=azure, target_storage_options={"account_name": "b"}) == (
        azure,
        {"account_name": "b"},
    )


def test_sharing_twice_changes_nothing() -> None:
    options = make_options({"storage_options": {"key": "k"}, "source_storage_options": {"anon": True}})
    once = share_storage_options(options, S3, OTHER)
    assert share_storage_options(once, S3, OTHER) == once


@pytest.mark.parametrize(
    ("source", "target", "options", "sentence"),
    [
        (
            DISK,
            DISK,
            {"storage_options": {"region": "a", "anon": True}},
            "neither SOURCE nor TARGET is at a URL, so region=... and anon=... would have no effect; leave",
        ),
        (DISK, "file:///e", {"storage_options": {"region": "a"}}, "neither SOURCE nor TARGET"),
        (Path(DISK), Path(DISK), {"storage_options": {"region": "a"}}, "neither SOURCE nor TARGET"),
        (np.zeros(3), DISK, {"storage_options": {"region": "a"}}, "neither SOURCE nor TARGET"),
        (DISK, S3, {"source_storage_options": {"region": "a"}}, "source_storage_options: SOURCE is not at a URL"),
        (S3, DISK, {"target_storage_options": {"region": "a"}}, "target_storage_options: TARGET is not at a URL"),
        (Path("s3:/bucket/a"), DISK, {"storage_options": {"region": "a"}}, "a URL has two slashes after its colon"),
        (
            S3,
            DISK,
            {"storage_options": {"regoin": "a"}},
            "unknown storage option for s3:// 'regoin'; did you mean 'region'",
        ),
        (S3, GOOGLE, {"storage_options": {"regoin": "a"}}, "unknown storage option for s3:// and gs:// 'regoin'"),
        (WEB, DISK, {"storage_options": {"region": "a"}}, "unknown storage option for https:// 'region'"),
    ],
)
def test_an_option_without_effect_is_refused(
    source: object, target: str, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        shared(source, target, **options)
