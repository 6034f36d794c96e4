"""The specification's own examples, upgraded, are valid in the later version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyramid.editing.versions import upgrade_attributes
from pyramid.errors import SourceError
from pyramid.ngff import parse
from tests.support.paths import DATA
from tests.support.validators import validate_attributes

SUITES = DATA / "ngff-spec"


def is_read(data: dict[str, Any]) -> bool:
    """Whether the image's axes are among those that are read here; the specification has others too."""
    try:
        parse(data)
    except SourceError:
        return False
    return True


def examples(version: str, *, read: bool) -> list[Any]:
    """The valid images of the official suite of a version that are read here, or those that are not."""
    suite = json.loads((SUITES / version / "image_suite.json").read_text())
    found = [case["data"] for case in suite["tests"] if case["valid"]]
    return [pytest.param(data, id=f"{version}-{i}") for i, data in enumerate(found) if is_read(data) == read]


@pytest.mark.parametrize("data", [*examples("0.4", read=True), *examples("0.5", read=True)])
@pytest.mark.parametrize("version", ["0.5", "0.6"])
def test_an_official_example_is_valid_in_the_later_version(data: dict[str, Any], version: str) -> None:
    # The strict schemas, which only recommend, want a name too.
    data.get("ome", data)["multiscales"][0].setdefault("name", "cells")
    after = upgrade_attributes(data, version, lambda _: (1, 1, 1))
    validate_attributes(after, version)
    assert upgrade_attributes(after, version, lambda _: (1, 1, 1)) == after


@pytest.mark.parametrize("data", [*examples("0.4", read=False), *examples("0.5", read=False)])
def test_an_official_example_with_other_axes_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"axis|axes"):
        upgrade_attributes(data, "0.6", lambda _: (1, 1, 1))
