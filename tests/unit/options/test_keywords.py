"""Types, signatures and docstrings of the options agree with their one list."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import pyramid
from pyramid.options.convert import Options, option_specs
from pyramid.options.documented import describe_option
from pyramid.options.keywords import ConvertOptions
from tests.support.paths import ROOT

FIELDS = dataclasses.fields(Options)
FUNCTIONS: list[Callable[..., Any]] = [pyramid.convert, pyramid.plan]


def test_the_types_are_those_of_the_list() -> None:
    spec = importlib.util.spec_from_file_location("option_types", ROOT / ".ci" / "option_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.FILE.read_text(encoding="utf-8") == module.render(), "run: python .ci/option_types.py"
    created = module.CREATED_FILE.read_text(encoding="utf-8")
    assert created == module.render_created(), "run: python .ci/option_types.py"


def test_names_and_order_are_those_of_the_list() -> None:
    assert list(ConvertOptions.__annotations__) == [field.name for field in FIELDS] == list(option_specs())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_signature_has_each_option_with_its_default(function: Callable[..., Any]) -> None:
    parameters = inspect.signature(function).parameters
    assert not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    for field in FIELDS:
        assert parameters[field.name].default == field.default
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert "None" in parameters[field.name].annotation


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_docstring_has_each_option_with_its_default_and_its_meaning(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    section = text.partition("Other Parameters\n----------------\n")[2].partition("\n\n")[0]
    assert "{options}" not in text
    assert re.findall(r"^(\w+) : .*default (.*)$", section, re.MULTILINE) == [
        (field.name, repr(field.default)) for field in FIELDS
    ]
    words = " ".join(section.split())
    for option_spec in option_specs().values():
        assert describe_option(option_spec, None) in words


def test_meanings_name_options_as_python_does() -> None:
    for option_spec in option_specs().values():
        assert "--" not in describe_option(option_spec, None)
        assert "flag" not in describe_option(option_spec, None)
