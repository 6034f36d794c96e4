"""A file that describes a cluster is parsed strictly, and its mistakes have a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyramid.errors import OptionError
from pyramid.options.clusters import ClusterSpec, parse_cluster
from pyramid.options.convert import make_options
from pyramid.options.durations import seconds

LOCAL = "class: distributed.LocalCluster\n"


def test_a_file_and_a_mapping_mean_the_same(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{LOCAL}kwargs: {{n_workers: 2}}\nadapt: {{minimum: 0, maximum: 4}}\n")
    found = parse_cluster(path)
    assert found.named == str(path)
    given = {"class": "distributed.LocalCluster", "kwargs": {"n_workers": 2}, "adapt": {"minimum": 0, "maximum": 4}}
    assert parse_cluster(given) == ClusterSpec(found.class_path, found.kwargs, None, found.adapt)
    assert make_options({"cluster": given}).cluster == parse_cluster(given)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it names no class of a cluster"),
        ("scale: 2", "it names no class of a cluster; write a line as class: distributed.LocalCluster"),
        (f"{LOCAL}scael: 2", r"c\.yaml:2:1: unknown key 'scael'; did you mean 'scale'\?"),
        (f"{LOCAL}scale: two", r"c\.yaml:2:8: scale: 'two' is not a number of workers"),
        (f"{LOCAL}scale: true", "scale: True is not a number of workers"),
        (f"{LOCAL}scale: 0", "scale: 0 is below 1; give 1 or more, or adapt"),
        (f"{LOCAL}scale: 2\nadapt: {{maximum: 2}}", "scale and adapt both set the number of workers; leave one out"),
        (f"{LOCAL}adapt: 4", "adapt: 4 is not a mapping"),
        (f"{LOCAL}adapt: {{minimum: 4}}", "adapt: it has no maximum; write it as"),
        (f"{LOCAL}adapt: {{maximun: 4}}", "it has no maximum, and an unknown key 'maximun'; did you mean 'maximum'"),
        (f"{LOCAL}adapt: {{minimum: 4, maximum: 2}}", "adapt: minimum is above maximum"),
        (f"{LOCAL}adapt: {{maximum: 0}}", "with a maximum of 0 no worker can come"),
        (f"{LOCAL}adapt: {{maximum: many}}", "adapt: maximum is 'many', not a number of workers"),
        (f"{LOCAL}kwargs: [1]", r"kwargs: \[1\] is not a mapping from names to values"),
        (f"{LOCAL}kwargs: {{1: 2}}", "is not a mapping from names to values"),
        (f"{LOCAL}kwargs: {{asynchronous: true}}", "asynchronous clusters cannot be waited for"),
        (f"{LOCAL}{LOCAL}", r"c\.yaml:2:1: 'class' is given twice; leave one out"),
        ("class: LocalCluster", "'LocalCluster' is not the import path of a class; write package and class"),
        ("class: __import__('os')", "is not the import path of a class"),
        ("class: os..system", "is not the import path of a class"),
        ("class: 4", "class: 4 is not the import path of a class"),
        ("class:", "class: None is not the import path of a class"),
        ("class: !!python/name:os.system", "not valid YAML: could not determine a constructor"),
        ("- class", "a configuration is a mapping from names to values; write lines as class: "),
        ("class: [", "not valid YAML"),
        (f"a: &a 1\n{LOCAL}kwargs: {{b: *a}}", "has an alias"),
    ],
)
def test_a_mistake_in_a_file(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(OptionError, match=words) as caught:
        make_options({"cluster": str(tmp_path / "c.yaml")})
    assert "; " in str(caught.value) or str(caught.value).endswith("?")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [3, "", [], True])
def test_what_is_no_cluster_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=r"cluster: .* is not a file; give a YAML file, or a mapping"):
        make_options({"cluster": value})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cluster: .*c\.yaml cannot be read: No such file"):
        make_options({"cluster": str(tmp_path / "c.yaml")})


def test_a_mapping_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(OptionError, match=r"cluster: unknown key 'clas'; did you mean 'class'?"):
        make_options({"cluster": {"clas": "distributed.LocalCluster"}})


def test_arguments_are_not_shown() -> None:
    spec = parse_cluster({"class": "a.B", "kwargs": {"token": "hush"}, "scale": 2})
    assert "hush" not in f"{spec} {spec!r}"
    assert str(spec) == "a.B, 2"


@pytest.mark.parametrize(("value", "expected"), [("90s", 90), ("1.5 min", 90), ("2h", 7200), (5, 5), ("0.5", 0.5)])
def test_times(value: Any, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", ["0", "-1", "soon", True, "1e400", "5 days", "nan", ""])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=r"give (one|more), as 90s"):
        seconds(value)
