"""Flags of the command line, fields of the options and keys of the configurations are one list."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from pyramid import cli
from pyramid.cli.flags import option_values
from pyramid.errors import OptionError
from pyramid.ngff import WRITABLE
from pyramid.options import parsing
from pyramid.options.adding import ADDING_OPTIONS
from pyramid.options.clusters import parse_cluster
from pyramid.options.config import read_config
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.factors import FactorWord, parse_factors
from pyramid.options.keywords import AddLevelsOptions
from pyramid.options.labels import LabelValue
from pyramid.options.one_of import OneOf
from pyramid.options.rescale import Rescale
from pyramid.options.selection import Selection, Span
from pyramid.options.spec import STORAGE_FLAGS
from tests.support.paths import ROOT

LABELS = str(ROOT / "tests" / "data" / "labels" / "values.csv")
LOCAL = str(ROOT / "configs" / "clusters" / "local.yaml")
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
FIELDS = [field.name for field in dataclasses.fields(Options)]
SPLIT = {key for option_spec in option_specs().values() for key, _ in option_spec.split}
OF_THE_COMMAND = {
    "convert": {"each", "config", "as_json", "no_progress", "quiet", "verbose"},
    "plan": {"each", "config", "as_json", "sample", "chunks_report", "quiet", "verbose"},
}
# One value of each option as text, and what it is when parsed.
GIVEN: dict[str, tuple[str, Any]] = {
    "axes": ("zyx", "zyx"),
    "scale": ("x=0.5", {"x": 0.5}),
    "units": ("x=um", {"x": "micrometer"}),
    "origin": ("z=-1.5", {"z": -1.5}),
    "name": ("cells", "cells"),
    "attributes": ('{"lab": "B3"}', {"lab": "B3"}),
    "channel_names": ("a,b", ("a", "b")),
    "channel_colors": ("ff0000", ("FF0000",)),
    "series": ("1", 1),
    "select": ("c=DAPI|1,z=::2", Selection((("c", ("DAPI", 1)), ("z", Span(step=2))))),
    "dtype": ("uint8", "uint8"),
    "rescale": ("0.1%,99.9%", Rescale(0.1, 99.9, percent=True)),
    "pattern": ("t{t:d}.tif", "t{t:d}.tif"),
    "ome_zarr_version": ("0.4", "0.4"),
    "method": ("max", "max"),
    "labels": ("nuclei", "nuclei"),
    "label_colors": (
        LABELS,
        (LabelValue(1, (255, 0, 0, 255), {"class": "nucleus"}), LabelValue(2, None, {"class": "cell"})),
    ),
    "format": ("n5", "n5"),
    "nodata": ("-1.5", -1.5),
    "scale_factors": ("y=2,x=2", ({"y": 2, "x": 2},)),
    "level_source": ("reuse", "reuse"),
    "levels": ("3", 3),
    "min_size": ("64", 64),
    "chunks": ("x=64", {"x": 64}),
    "shards": ("none", "none"),
    "codec": ("gzip", "gzip"),
    "codec_level": ("3", 3),
    "shuffle": ("bit", "bit"),
    "memory": ("1GiB", 2**30),
    "workers": ("2", 2),
    "scheduler": ("tcp://host:1", "tcp://host:1"),
    "scheduler_file": ("s.json", "s.json"),
    "cluster": (LOCAL, parse_cluster(LOCAL)),
    "block_timeout": ("2min", 120.0),
    "performance_report": ("p.html", "p.html"),
    "storage_options": ('{"key": "a"}', {"key": "a"}),
    "source_storage_options": ('{"key": "a"}', {"key": "a"}),
    "target_storage_options": ('{"key": "a"}', {"key": "a"}),
    "manifest": ("m.txt", "m.txt"),
    "report": ("r.json", "r.json"),
}
SWITCHES = {"expand_palette", "ome_xml", "fill_missing", "checksum", "skip_empty", "thumbnail", "overwrite", "resume"}


def flags_of(command: str) -> dict[str, click.Option]:
    return {str(one.name): one for one in cli.main.commands[command].params if isinstance(one, click.Option)}


@pytest.mark.parametrize("command", ["convert", "plan"])
def test_flags_are_the_fields(command: str) -> None:
    flags = flags_of(command)
    assert set(flags) == {*FIELDS, *SPLIT, *OF_THE_COMMAND[command]}
    for name in FIELDS:
        assert f"--{name.replace('_', '-')}" in flags[name].opts


def test_flags_of_add_levels_are_its_options() -> None:
    of_the_command = {"rebuild", "storage_options", "as_json", "no_progress", "quiet", "verbose"}
    assert set(flags_of("add-levels")) == {*ADDING_OPTIONS, *of_the_command, *(key for key, _ in STORAGE_FLAGS)}
    assert set(ADDING_OPTIONS) <= set(FIELDS)
    assert list(AddLevelsOptions.__annotations__) == list(ADDING_OPTIONS)


def test_configurations_hold_nothing_else() -> None:
    assert [path.name for path in CONFIGS] == ["light-sheet.yaml", "local.yaml", "whole-slide.yaml"]
    for path in CONFIGS:
        values = read_config(str(path))
        assert values
        assert set(values) <= set(FIELDS)


def test_every_option_is_tried_here() -> None:
    assert {*GIVEN, *SWITCHES} == set(FIELDS)


def parse_flags(words: list[str]) -> dict[str, Any]:
    with cli.main.commands["convert"].make_context("convert", [*words, "a.tif", "b.zarr"]) as context:
        return dict(context.params)


def options_with(name: str, value: Any) -> Options:
    changed: dict[str, Any] = {name: value}
    return dataclasses.replace(Options(), **changed)


@pytest.mark.parametrize("name", GIVEN)
def test_a_flag_a_key_and_a_keyword_mean_the_same(name: str, tmp_path: Path) -> None:
    text, value = GIVEN[name]
    flagged = make_options(option_values(parse_flags([f"--{name.replace('_', '-')}", text]), {}))
    (tmp_path / "c.yaml").write_text(json.dumps({name: text}))  # JSON is YAML
    configured = make_options(read_config(str(tmp_path / "c.yaml")))
    assert flagged == configured == make_options({name: value}) == options_with(name, value)


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_a_switch_is_turned_on_and_off(name: str, tmp_path: Path) -> None:
    flag = name.replace("_", "-")
    (tmp_path / "c.yaml").write_text(f"{name}: true")
    base = read_config(str(tmp_path / "c.yaml"))
    assert make_options(option_values(parse_flags([]), base)) == options_with(name, True)
    assert make_options(option_values(parse_flags([f"--{flag}"]), {})) == options_with(name, True)
    assert make_options(option_values(parse_flags([f"--no-{flag}"]), base)) == options_with(name, False)


def test_a_flag_beats_the_file() -> None:
    base = {"method": "max", "workers": 3, "storage_options": {"key": "a", "region": "b"}}
    made = make_options(option_values(parse_flags(["-m", "min", "--region", "c", "--anon"]), base))
    assert (made.method, made.workers) == ("min", 3)
    assert made.storage_options == {"key": "a", "region": "c", "anon": True}


def test_flags_of_one_side_are_keys_of_its_options() -> None:
    words = ["--source-anon", "--target-endpoint-url", "http://h:1", "--target-region", "b", "--profile", "lab"]
    made = make_options(option_values(parse_flags(words), {"target_storage_options": {"region": "a"}}))
    assert made.storage_options == {"profile": "lab"}
    assert made.source_storage_options == {"anon": True}
    assert made.target_storage_options == {"endpoint_url": "http://h:1", "region": "b"}


def test_several_scale_factors_are_one_a_level() -> None:
    words = ["--scale-factors", "y=2,x=2", "--scale-factors", "y=3"]
    assert make_options(option_values(parse_flags(words), {})).scale_factors == ({"y": 2, "x": 2}, {"y": 3})


def test_the_other_name_of_scale() -> None:
    assert option_values(parse_flags(["--voxel-size", "x=1"]), {}) == {"scale": "x=1"}


def test_nothing_given_is_the_defaults() -> None:
    assert make_options(option_values(parse_flags([]), {})) == make_options({}) == Options()
    assert make_options(dict.fromkeys(FIELDS)) == Options()


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="unknown option 'chunk'; did you mean 'chunks'"):
        make_options({"chunk": "auto"})


@pytest.mark.parametrize("name", sorted({*GIVEN, *SWITCHES}))  # alike in each process of the tests
def test_a_wrong_value_is_told_with_its_option(name: str) -> None:
    with pytest.raises(OptionError, match=f"^{name}: "):
        make_options({name: object()})


def choices_of(name: str) -> set[str]:
    """The words that an option takes, where they are a fixed list."""
    parse = option_specs()[name].parse
    if isinstance(parse, OneOf):
        return set(parse.choices)
    words: dict[Any, Any] = {
        parsing.chunks: parsing.ChunkLayout,
        parsing.shards: parsing.ShardLayout,
        parse_factors: FactorWord,
    }
    return {*parsing.METHODS} if parse is parsing.method else set(get_args(words.get(parse)))


def test_the_help_lists_each_word_that_an_option_takes() -> None:
    listed = {name: choices for name in FIELDS if (choices := choices_of(name))}
    assert set(listed) == {
        *(
            "format",
            "ome_zarr_version",
            "method",
            "scale_factors",
            "level_source",
            "chunks",
            "shards",
            "codec",
            "shuffle",
        )
    }
    for name, choices in listed.items():
        for choice in choices:
            assert re.search(rf"(?<![\w.:]){re.escape(choice)}(?!\w|:\w)", option_specs()[name].help), (name, choice)


def test_the_versions_that_are_taken_are_those_that_are_written() -> None:
    assert choices_of("ome_zarr_version") == set(WRITABLE)


def test_options_are_fixed_and_keep_their_secrets() -> None:
    made = make_options({"storage_options": {"secret": "hush"}, "source_storage_options": {"secret": "hush"}})
    assert "hush" not in repr(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.method = "max"  # type: ignore[misc]  # that it cannot be set is what is tested


def test_every_option_has_help() -> None:
    for name, option_spec in option_specs().items():
        assert option_spec.help, name
        assert not option_spec.help.endswith("."), name
