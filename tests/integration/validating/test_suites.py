"""Our verdict is that of the specification's own tests, but for cases that break its text."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyramid
from tests.support.suites import ALL_SUITES, SUITES, Case, cases

# Cases that the suites call valid and the text of the specification does not: version, end of the name, and the rule.
EXCEPTIONS = {
    # A scale of two numbers for three axes: "The length of the scale array MUST be the same as the length of axes".
    ("0.4", "/mismatch_axes_units.json"): "transformations-length",
    ("0.6rc0", "/mismatch_axes_units.json"): "transformations-length",
    # The second level has the first level's path as its input: "The value of input MUST equal the value of path".
    ("0.6rc0", "/multiscales_example.json"): "transformations-of-level-ends",
}
# The hierarchies of 0.6rc0 give input and output as text, as drafts did. Its own schemas refuse them. The same cases
# in the folder of attributes have objects.
OF_A_DRAFT = "0.6rc0/tests/zarr/"
CASES = [*cases(SUITES), *cases(ALL_SUITES)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_that_of_the_suite(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path)
    found = pyramid.validate(tmp_path, strict=case.is_strict, metadata_only=True)
    exception = next((rule for (version, end), rule in EXCEPTIONS.items() if case.is_at(version, end)), None)
    if exception is not None:
        assert case.is_valid
        assert exception in {one.rule for one in found if one.level == "error"}
    elif case.name.startswith(OF_A_DRAFT) and case.is_valid and "multiscales" in case.attributes["ome"]:
        transform = case.attributes["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]
        assert isinstance(transform["input"], str)
        assert not found.valid
    else:
        assert found.valid == case.is_valid, str(found)


def test_the_choice_of_suites_has_all_versions_and_both_verdicts() -> None:
    chosen = list(cases(SUITES))
    assert {case.version for case in chosen} == {"0.1", "0.3", "0.4", "0.5", "0.6rc0"}
    assert {case.is_valid for case in chosen} == {True, False}
    assert len(chosen) >= 100
