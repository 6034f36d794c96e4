"""The suites of the specification: what is valid is read, what is not is told, but for what is listed here."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import pytest

from pyramid.errors import SourceError
from pyramid.ngff import parse, parse_group
from tests.support.validators import SCHEMAS

VERSIONS = {"0.1": "0.1", "0.3": "0.3", "0.4": "0.4", "0.5": "0.5", "0.6rc0": "0.6"}
# Valid by schema, but their axes have no letters here, or their scale is shorter than their axes.
REFUSED = {"untyped_axes", "custom_type_axes", "mismatch_axes_units"}
# What is wrong with them moves no pixel: how they are shown, and what leads from one coordinate system to another.
READ = {
    "duplicate_scale",  # one after the other, as a list of transformations is meant
    "invalid_axis_type",
    "invalid_channels_window",
    "invalid_multiscale_transform_input",
    "invalid_multiscale_transform_input_output",
    "invalid_multiscales_transformations",
}
# Of plates and wells: what is wrong is in their acquisitions, in counts, in how names are spelt, or in what follows
# from names. 0.1 to 0.3 have no indices, and all versions are read alike.
READ_OF_GROUPS = {
    "acquisition_negative_starttime",
    "acquisition_noninteger_endtime",
    "acquisition_noninteger_starttime",
    "acquisition_zero_maximumfieldcount",
    "forbidden_path_3",
    "forbidden_path_4",
    "invalid_fieldcount",
    "invalid_version",
    "missing_acquisition_id",
    "missing_version",
    "missing_well_columnIndex",
    "missing_well_rowIndex",
    "negative_acquisition_id",
    "negative_endtime",
    "non_alphanumeric_column",
    "non_integer_acquisition_id",
    "non_integer_acquisition_maximumfieldcount",
    "well_path_has_column_before_row",
    "zero_field_count",
}


def cases(version: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SCHEMAS / version / f"{kind}_suite.json").read_text())["tests"]
    assert found
    return found


def wrong(cases: list[dict[str, Any]]) -> set[str]:
    """The names of those that are valid and not read, or not valid and read without a word."""
    return {PurePath(case["formerly"]).stem for case in cases if is_read(case["data"], case["valid"]) != case["valid"]}


def is_read(attributes: dict[str, Any], valid: bool) -> bool:
    try:
        if "multiscales" in attributes.get("ome", attributes):
            image = parse(attributes)
            return bool(image.datasets) and (valid or not image.notices)
        found = parse_group(attributes)
        return found is not None and bool(found[1].paths)
    except SourceError:
        return False


@pytest.mark.parametrize("version", VERSIONS)
def test_images_of_the_specification(version: str) -> None:
    found = wrong(cases(version, "image"))
    assert found <= REFUSED | READ
    assert "invalid_channels_window" in found


@pytest.mark.parametrize("kind", ["plate", "well"])
@pytest.mark.parametrize("version", VERSIONS)
def test_plates_and_wells_of_the_specification(version: str, kind: str) -> None:
    assert wrong(cases(version, kind)) <= READ_OF_GROUPS


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_are_told_as_they_are(version: str) -> None:
    for case in cases(version, "plate"):
        if case["valid"] and (found := parse_group(case["data"])) is not None:
            assert found[0] in (VERSIONS[version], None)
