"""What a source lacks is named, and all the rest comes; what belongs to an image comes, or is said to be left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.downloading.anndata import encoded_members, names_nothing
from pyramid.errors import SourceError
from pyramid.hierarchy.nodes import Node
from tests.support import trees
from tests.support.servers.web import WebServer
from tests.support.stores import digests


def well(image: Path) -> str:
    shutil.rmtree(image / "A/1")
    return "A/1"


def field(image: Path) -> str:
    shutil.rmtree(image / "A/2/0")
    return "A/2/0"


def level(image: Path) -> str:
    shutil.rmtree(image / "A/2/0/1")
    return "A/2/0/1"


def broken_level(image: Path) -> str:
    (image / "A/2/0/1/zarr.json").write_text("{")
    return "A/2/0/1"


def odd_level(image: Path) -> str:
    document = json.loads((image / "A/2/0/1/zarr.json").read_text())
    trees.write_json(image / "A/2/0/1/zarr.json", {**document, "shape": None})
    return "A/2/0/1"


def empty_chunk(image: Path) -> str:
    (image / "A/2/0/0/c/0/0").write_bytes(b"")
    return "A/2/0/0/c/0/0"


def folder_for_chunk(image: Path) -> str:
    shutil.rmtree(image / "A/2/0/0/c/0/0", ignore_errors=True)
    (image / "A/2/0/0/c/0/0").unlink(missing_ok=True)
    (image / "A/2/0/0/c/0/0").mkdir()
    return "A/2/0/0/c/0/0"


def file_for_field(image: Path) -> str:
    shutil.rmtree(image / "A/2/0")
    (image / "A/2/0").write_text("oops")
    return "A/2/0"


@pytest.mark.parametrize("spoil", [folder_for_chunk, file_for_field])
def test_the_rest_of_a_folder_comes(spoil: Callable[[Path], str], tmp_path: Path) -> None:
    plate(tmp_path / "source")
    lacking = spoil(tmp_path / "source")
    there = {key: value for key, value in digests(tmp_path / "source").items() if not key.startswith(lacking)}
    with pytest.raises(SourceError, match=f"1 part of the source is missing or broken.*'{lacking}' cannot be read"):
        pyramid.download(tmp_path / "source", tmp_path / "came")
    came = digests(tmp_path / "came")
    assert {key: value for key, value in came.items() if not key.startswith(".pyramid-download")} == there


@pytest.mark.parametrize("odd", [None, 5, {}, {"path": None}])
def test_an_item_that_names_nothing_is_named(odd: object, tmp_path: Path) -> None:
    plate(tmp_path / "source")
    document = json.loads((tmp_path / "source/zarr.json").read_text())
    document["attributes"]["ome"]["plate"]["wells"].insert(1, odd)
    trees.write_json(tmp_path / "source/zarr.json", document)
    with pytest.raises(SourceError, match=r"the root: plate.wells\[1\] is .*, which names nothing"):
        pyramid.download(tmp_path / "source", tmp_path / "came")
    came = digests(tmp_path / "came")
    assert {key for key in came if not key.startswith(".pyramid-download")} == set(digests(tmp_path / "source"))


@pytest.mark.parametrize(
    ("ome", "told"),
    [
        ({"multiscales": None}, "multiscales is None, which names no level"),
        ({"multiscales": [{"datasets": None}]}, "which names no level"),
        ({"plate": {"wells": None}}, "plate.wells is None"),
        ({"plate": {}}, "plate.wells is None"),
        ({"well": {"images": []}}, r"well.images is \[\]"),
    ],
)
def test_what_names_nothing_at_all_is_no_success(ome: dict[str, Any], told: str, tmp_path: Path) -> None:
    trees.group(tmp_path / "source", ome, 3)
    with pytest.raises(SourceError, match=told):
        pyramid.download(tmp_path / "source", tmp_path / "came")


def plate(path: Path) -> None:
    wells = [{"path": f"A/{n}", "rowIndex": 0, "columnIndex": n - 1} for n in (1, 2)]
    columns = [{"name": "1"}, {"name": "2"}]
    trees.group(path, {"plate": {"rows": [{"name": "A"}], "columns": columns, "wells": wells}}, 3)
    trees.group(path / "A", {}, 3)
    for n in (1, 2):
        trees.group(path / f"A/{n}", {"well": {"images": [{"path": "0"}]}}, 3)
        pyramid.convert(np.full((64, 64), n, "uint8"), path / f"A/{n}/0", levels=2)


@pytest.mark.parametrize("spoil", [well, field, level, broken_level, odd_level, empty_chunk])
def test_the_rest_comes_and_the_lack_is_named(spoil: Callable[[Path], str], web: WebServer, tmp_path: Path) -> None:
    plate(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "served")
    lacking = spoil(tmp_path / "served")
    there = {key: value for key, value in digests(tmp_path / "served").items() if not key.startswith(lacking)}
    result = CliRunner().invoke(main, ["download", web.url("served"), str(tmp_path / "came"), "--no-progress"])
    assert result.exit_code == 3
    assert f"'{lacking}'" in result.stderr
    assert "1 part of the source" in result.stderr
    came = digests(tmp_path / "came")
    assert {key: value for key, value in came.items() if not key.startswith(".pyramid-download")} == there
    # Once it is there, the same command fetches it alone.
    shutil.rmtree(tmp_path / "served")
    shutil.copytree(tmp_path / "whole", tmp_path / "served")
    again = pyramid.download(web.url("served"), tmp_path / "came")
    assert again.objects <= 2
    assert digests(tmp_path / "came") == digests(tmp_path / "whole")


@pytest.mark.parametrize("place", ["labels", "A/1", "root"])
def test_a_group_that_only_its_attributes_show(place: str, web: WebServer, tmp_path: Path) -> None:
    served = tmp_path / "served"
    if place == "A/1":
        trees.plate(served, 2)
        shown = next(served.glob("*/*/.zgroup"))
        shown.unlink()
    else:
        trees.image(served, 2, labels=True)
        (served / ("labels/.zgroup" if place == "labels" else ".zgroup")).unlink()
    if place != "A/1":
        assert pyramid.open(web.url("served")).labels == ("nuclei", "more/cells")
    pyramid.download(web.url("served"), tmp_path / "came")
    assert digests(tmp_path / "came") == digests(served)


def table(image: Path, form: int) -> None:
    tables = zarr.open_group(image, mode="r+", zarr_format=form).create_group("tables")  # type: ignore[arg-type]  # 2 or 3
    tables.attrs["tables"] = ["ROI"]
    made = tables.create_group("ROI")
    made.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    made.create_array("X", shape=(4, 6), chunks=(4, 6), dtype="float32")[:] = 1
    frame = made.create_group("obs")
    frame.attrs.update({"encoding-type": "dataframe", "column-order": ["area", "kind"], "_index": "index"})
    for name in ("area", "index"):
        frame.create_array(name, shape=(4,), chunks=(2,), dtype="int32")[:] = 2
    kind = frame.create_group("kind")
    kind.attrs.update({"encoding-type": "categorical"})
    for name in ("codes", "categories"):
        kind.create_array(name, shape=(4,), chunks=(4,), dtype="int8")[:] = 1
    mapping = made.create_group("uns")
    mapping.attrs.update({"encoding-type": "dict"})
    mapping.create_array("extra", shape=(3,), chunks=(3,), dtype="int8")[:] = 5


@pytest.mark.parametrize("form", [2, 3])
def test_tables_come_too(form: int, web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", form)
    table(tmp_path / "served", form)
    served = digests(tmp_path / "served")
    local = pyramid.download(tmp_path / "served", tmp_path / "local")
    assert (digests(tmp_path / "local"), local.notices) == (served, ())
    result = CliRunner().invoke(main, ["download", web.url("served"), str(tmp_path / "came"), "--json"])
    assert result.exit_code == 0
    came = digests(tmp_path / "came")
    assert served.keys() - came.keys() == {key for key in served if key.startswith("tables/ROI/uns/extra/")}
    assert came.items() <= served.items()
    assert "tables/ROI/uns is copied without its contents" in result.stderr
    assert len(json.loads(result.stdout)["notices"]) == 1


def test_a_list_that_is_not_there_is_said(web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    trees.group(tmp_path / "served/labels", {}, 3)
    trees.image(tmp_path / "served/labels/cells", 3)
    came = pyramid.download(web.url("served"), tmp_path / "came")
    assert [notice.partition(" is ")[0] for notice in came.notices] == ["labels"]
    pyramid.download(tmp_path / "served", tmp_path / "local")
    assert digests(tmp_path / "local") == digests(tmp_path / "served")


def test_attributes_that_name_paths_are_said(tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    document = json.loads((tmp_path / "served/zarr.json").read_text())
    document["attributes"]["masks"] = {"items": [{"path": "masks/0"}]}
    document["attributes"]["note"] = {"path": 5}
    trees.write_json(tmp_path / "served/zarr.json", document)
    came = pyramid.download(tmp_path / "served", tmp_path / "came")
    assert came.notices == ("the root: its attribute 'masks' names 'masks/0', which is not followed",)


@pytest.mark.parametrize(
    ("attributes", "members"),
    [
        ({"encoding-type": "csr_matrix"}, ("data", "indices", "indptr")),
        ({"encoding-type": "dataframe", "column-order": ["a", 5, ""], "_index": None}, ("a",)),
        ({"encoding-type": "dataframe", "column-order": None}, ()),
        ({"encoding-type": "dict"}, None),
        ({"encoding-type": ["x"]}, None),
        ({}, None),
    ],
)
def test_members_by_encoding(attributes: dict[str, Any], members: tuple[str, ...] | None) -> None:
    node = Node("tables/a", 2, attributes, None, {})
    assert encoded_members(node) == members
    assert names_nothing(node) == (attributes.get("encoding-type") == "dict")
