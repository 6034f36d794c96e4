"""Paths that are parsed before anything is looked up."""

from __future__ import annotations

import json

import pytest

from pyramid.viewing.answers import RequestError, json_answer, parse_target


def test_a_path_is_decoded_after_it_is_split() -> None:
    assert parse_target("/data/0/a%20b/c?path=A%2F1&z=") == (("data", "0", "a b", "c"), {"path": "A/1", "z": ""})
    assert parse_target("/") == (("",), {})
    assert parse_target("/token/") == (("token", ""), {})


@pytest.mark.parametrize(
    "target",
    [
        *("/..", "/data/0/../x", "/data/0/%2e%2e/x", "/data/0/%2E./x", "/./x", "/data//etc/passwd", "//host/x"),
        *("/data/0/..%2f..%2fetc/passwd", "/data/0/a%5c..%5cb", "/data/0/a%00b", "/a%2fb"),
        *("http://host/x", "*", "", "x", "/x#y", "/%ff", "/x?a=%ff", "/x?a&b", "/x?" + "a=1&" * 40 + "a=1"),
        "/" + "a" * 20_000,
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_target(target)
    assert caught.value.status in (400, 404, 414)


def test_json_has_only_what_a_browser_reads() -> None:
    document = {"nan": float("nan"), "large": 2**60, "small": 2**53, "true": True, "list": [float("inf"), (1,)]}
    text = json_answer(document).body
    assert isinstance(text, bytes)
    assert json.loads(text) == {
        "nan": "nan",
        "large": str(2**60),
        "small": 2**53,
        "true": True,
        "list": ["inf", [1]],
    }
