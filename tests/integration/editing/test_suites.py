"""The specification's own examples, upgraded: valid in the new version, or refused and unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import zarr

import pyramid
from pyramid.errors import SourceError
from tests.integration.editing.test_edit import contents
from tests.support.suites import ALL_SUITES, SUITES, Case, cases

VERSIONS = ("0.4", "0.5", "0.6")
# Rules of 0.5 that examples of 0.4 break, by a part of their names.
BROKEN = {
    "mismatch_axes_units": "transformations-length",  # a scale of two numbers for three axes
    "plate": "plate-wells-swapped",  # rows are numbers and columns letters, which 0.4 and 0.6 only advise against
}
# Parts of the sentences for what is refused.
REFUSED = ("keys of its chunks have dots", "does not name a row and a column", "is not one of t, c, z, y and x")
FOUND = [case for root in (ALL_SUITES, SUITES) for case in cases(root) if case.is_valid and case.version < "0.6"]
CASES = list({(case.version, str(case.attributes)): case for case in FOUND}.values())  # each once


def write(case: Case, path: Path) -> None:
    """Write an example as a store, with the arrays that it names."""
    path.mkdir()
    case.write(path)
    ome = case.attributes.get("ome", case.attributes)
    for item in ome.get("multiscales", ()):
        axes, is_v2 = item.get("axes", "tczyx"), case.version < "0.5"
        for level, dataset in enumerate(item["datasets"]):
            zarr.create_array(
                path / dataset["path"],
                shape=(64 >> level,) * len(axes),
                chunks=(8,) * len(axes),
                dtype="uint8",
                zarr_format=2 if is_v2 else 3,
                chunk_key_encoding={"name": "v2", "separator": "." if case.version == "0.1" else "/"} if is_v2 else None,
                dimension_names=None if is_v2 else [axis["name"] for axis in axes],
            )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_upgraded_example_is_valid(case: Case, tmp_path: Path) -> None:
    for version in (each for each in VERSIONS if each > case.version):
        path = tmp_path / version
        write(case, path)
        before = contents(path)
        try:
            pyramid.upgrade(path, to=version)
        except SourceError as error:
            assert any(part in str(error) for part in REFUSED), error
            assert contents(path) == before
            continue
        broken = {one.rule for one in pyramid.validate(path, metadata_only=True) if one.level == "error"}
        if broken:
            assert (case.version, version) == ("0.4", "0.5")
            assert broken <= {rule for part, rule in BROKEN.items() if part in case.name}
