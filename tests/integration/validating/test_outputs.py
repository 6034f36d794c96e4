"""What is written of each kind, in each version, is valid to the specification's schemas and to other validators."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyramid
from tests.support.outputs import KINDS, VERSIONS, make_outputs
from tests.support.validators import validate_tree


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_is_written_is_valid_to_others_and_to_ourselves(version: str, tmp_path: Path) -> None:
    paths = make_outputs(tmp_path / version, version)
    groups = {kind: validate_tree(path, version) for kind, path in paths.items()}
    assert groups == {
        "image": ["image"],
        "labelled image": ["image", "image label"],
        "collection": ["bf2raw", "image", "image", "ome"],
        "plate": ["image", "image", "image", "image", "plate", "well", "well"],
    }
    assert set(groups) == set(KINDS)
    for path in paths.values():
        found = pyramid.validate(path)
        assert found.valid
        assert not [each for each in found.findings if each.level == "error"]
