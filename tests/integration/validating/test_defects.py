"""Each defect is found, with its rule and at its place, and what has none is valid."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

import pyramid
from tests.support.defects import DEFECTS, Defect, made, make_stores
from tests.support.replaced import replaced

STORES = ("0.4", "0.5", "0.6", "sharded", "labelled", "plate", "series")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("stores")
    make_stores(folder)
    return folder


@pytest.mark.parametrize("store", STORES)
def test_what_has_no_defect_is_valid_without_a_warning(stores: Path, store: str) -> None:
    found = pyramid.validate(stores / store, strict=True)
    assert found.valid, str(found)
    assert {one.level for one in found} <= {"advice"}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.store}-{defect.name}")
def test_a_defect_is_found_at_its_place(stores: Path, defect: Defect) -> None:
    with made(defect, stores) as store:
        found = pyramid.validate(store)
    named = [(one.rule, one.place.rstrip("."), one.level) for one in found]
    assert (defect.rule, defect.place.rstrip("."), defect.level) in named
    assert found.valid == all(one.level != "error" for one in found)
    for one in found:
        assert one.link.startswith("https://")
        assert one.message
        assert one.remedy


def test_there_are_at_least_sixty_defects_of_as_many_rules() -> None:
    assert len({(one.store, one.name) for one in DEFECTS}) == len(DEFECTS) >= 60
    assert len({one.rule for one in DEFECTS}) >= 60


@pytest.mark.parametrize("value", [None, -1, 10**400, "", [], [[]], {}, {"a": 1}], ids=repr)
def test_no_value_in_the_document_of_an_array_or_a_group_is_more_than_a_finding(stores: Path, value: object) -> None:
    for name in ("sharded/0/zarr.json", "0.4/1/.zarray", "plate/zarr.json"):
        path = stores / name
        before = path.read_bytes()
        try:
            for changed in replaced(json.loads(before), value)[::7]:
                path.write_text(json.dumps(changed))
                with contextlib.suppress(pyramid.SourceError):
                    pyramid.validate(stores / name.partition("/")[0])
        finally:
            path.write_bytes(before)
