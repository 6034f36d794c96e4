"""The specification's own examples, upgraded: valid in the new version, or refused and unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyramid
from pyramid.errors import SourceError
from tests.integration.editing.test_edit import contents
from tests.support.suites import Case, different_cases

VERSIONS = ("0.4", "0.5", "0.6")
# Rules of 0.5 that examples of 0.4 break, by a part of their names.
BROKEN = {
    "mismatch_axes_units": "transformations-length",  # a scale of two numbers for three axes
    "plate": "plate-wells-swapped",  # rows are numbers and columns letters, which 0.4 and 0.6 only advise against
}
# Parts of the sentences for what is refused.
REFUSED = ("keys of its chunks have dots", "does not name a row and a column", "is not one of t, c, z, y and x")
CASES = [case for case in different_cases() if case.is_valid and case.version < "0.6"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_upgraded_example_is_valid(case: Case, tmp_path: Path) -> None:
    for version in (each for each in VERSIONS if each > case.version):
        path = tmp_path / version
        path.mkdir()
        case.write_with_arrays(path)
        before = contents(path)
        refusal = _refusal(path, version)
        if refusal is not None:
            assert any(part in refusal for part in REFUSED), refusal
            assert contents(path) == before
            continue
        broken = {one.rule for one in pyramid.validate(path, metadata_only=True) if one.level == "error"}
        if broken:
            assert (case.version, version) == ("0.4", "0.5")
            assert broken <= {rule for part, rule in BROKEN.items() if part in case.name}


def _refusal(path: Path, version: str) -> str | None:
    """Upgrade a store, and return the sentence if that is refused."""
    try:
        pyramid.upgrade(path, to=version)
    except SourceError as error:
        return str(error)
    return None
