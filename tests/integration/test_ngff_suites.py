"""The suites of the specification: what is valid is read, what is not is told, but for what is listed here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyramid.errors import SourceError
from pyramid.ngff import FORMATS, parse
from tests.validators import SCHEMAS

# Valid by schema, but their axes have no letters here, or their scale is shorter than their axes.
REFUSED = {"valid/untyped_axes.json", "valid/custom_type_axes.json", "valid/mismatch_axes_units.json"}
# What is wrong with them moves no pixel.
READ = {
    "invalid/invalid_axis_type.json",
    "invalid/invalid_channels_color.json",
    "invalid/invalid_channels_window.json",
}


def is_read(attributes: dict[str, Any]) -> bool:
    try:
        return bool(parse(attributes).datasets)
    except SourceError:
        return False


@pytest.mark.parametrize("version", FORMATS)
def test_suites_of_the_specification(version: str) -> None:
    cases = json.loads((SCHEMAS / version / "image_suite.json").read_text())["tests"]
    assert len(cases) > 25
    wrong = {case["formerly"] for case in cases if is_read(case["data"]) != case["valid"]}
    assert wrong <= REFUSED | READ
    assert wrong >= READ
