"""What this program writes is valid, whatever is stored gets a verdict, and the command says it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.ngff import VERSIONS
from pyramid.validating.rules import Document
from pyramid.validating.table import RULES, apply_rules
from tests.support.paths import CORPUS, OME_ZARRS
from tests.support.replaced import replaced
from tests.support.servers.service import Service
from tests.support.stores import find_stores

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"scale": {"z": 0.5, "y": 0.1, "x": 0.1}, "method": "nearest"},
    {"scale_factors": "z=2,y=3,x=2", "scale": {"z": 0.5, "y": 0.1, "x": 0.1}, "method": "max"},
    {"levels": 1, "name": "cells", "channel_names": ["a", "b"]},
    {"chunks": "volume", "skip_empty": True, "nodata": 0},
    {"select": "z=2:7,y=10:100", "codec": "none"},
)
WHERE = [("0.4", "none"), ("0.5", "none"), ("0.5", "auto"), ("0.6", "none"), ("0.6", "auto")]
# What hostile documents hold where a list, an object or text is expected.
HOSTILE: tuple[Any, ...] = (None, True, -1, 10**400, 1e308, "", "x" * 10_000, [], [[]], [None] * 5, {}, {"a": [{}]})


@pytest.mark.parametrize(("version", "shards"), WHERE)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_is_written_is_valid_without_a_warning(
    tmp_path: Path, version: str, shards: str, options: dict[str, Any]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 9, 130, 110)).astype("uint16")
    target = tmp_path / "cells.ome.zarr"
    common: dict[str, Any] = {
        "axes": "czyx",
        "min_size": 32,
        "ome_zarr_version": version,
        "shards": shards,
        "progress": False,
    }
    pyramid.convert(pixels, target, **common, **options)
    found = pyramid.validate(target, strict=True)
    assert found.valid, str(found)
    assert {one.level for one in found} <= {"advice"}


def test_an_image_in_a_bucket_is_validated(s3: Service, prefix: str) -> None:
    url, store = s3.url(f"{prefix}/cells.ome.zarr"), s3.storage_options
    pyramid.convert(np.ones((40, 50), "uint8"), url, progress=False, storage_options=store)
    assert pyramid.validate(url, strict=True, storage_options=store).valid
    missing = s3.url(f"{prefix}/missing.ome.zarr")
    with pytest.raises(pyramid.SourceError):
        pyramid.validate(missing, storage_options=store)


def test_every_store_at_hand_gets_a_verdict() -> None:
    verdicts: list[bool] = []
    arrays: list[Path] = []
    for path in find_stores(OME_ZARRS, CORPUS):
        try:
            found = pyramid.validate(path)
        except pyramid.SourceError:  # an array
            arrays.append(path)
        else:
            verdicts.append(found.valid)
            assert found.valid == (not any(one.level == "error" for one in found))
    assert all('"array"' in (path / "zarr.json").read_text() for path in arrays)
    assert verdicts.count(True) >= 8
    assert verdicts.count(False) >= 5


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("version", ["0.1", "0.3", "0.4", "0.5", "0.6"])
def test_no_value_at_any_place_breaks_a_rule_itself(version: str, value: Any) -> None:
    transform = {"type": "sequence", "transformations": [{"type": "scale", "scale": [1]}], "input": {"path": "0"}}
    whole = {
        "multiscales": [
            {
                "axes": [{"name": "x", "type": "space"}],
                "coordinateSystems": [{"name": "a", "axes": [{"name": "x"}]}],
                "datasets": [{"path": "0", "coordinateTransformations": [transform]}],
                "coordinateTransformations": [{"type": "byDimension", "transformations": [{"transformation": {}}]}],
            }
        ],
        "omero": {"channels": [{"window": {"min": 0}, "color": "FF0000"}]},
        "plate": {"rows": [{"name": "A"}], "columns": [{"name": "1"}], "wells": [{"path": "A/1", "rowIndex": 0}]},
        "well": {"images": [{"path": "0"}]},
        "image-label": {"colors": [{"label-value": 1}], "properties": [{"label-value": 1}], "source": {}},
        "scene": {"coordinateTransformations": [{"type": "affine", "affine": [[1]]}]},
    }
    for changed in replaced(whole, value):
        assert isinstance(changed, dict)
        list(apply_rules(Document("", version, changed, "", 2)))


def group(folder: Path, attributes: str) -> Path:
    """A group whose attributes are this text."""
    text = f'{{"zarr_format": 3, "node_type": "group", "attributes": {attributes}}}'
    folder.mkdir(exist_ok=True)
    (folder / "zarr.json").write_text(text)
    return folder


@pytest.mark.parametrize("depth", [50, 450, 900, 5000, 100_000])
def test_deep_metadata_is_a_finding(tmp_path: Path, depth: int) -> None:
    deep = '{"transformations": [' * depth + "]}" * depth
    system = '{"version": "0.6", "multiscales": [{"coordinateTransformations": ['
    found = pyramid.validate(group(tmp_path, f'{{"ome": {system}{deep}]}}]}}}}'))
    assert not found.valid


def test_a_plate_that_names_itself_and_a_huge_list_come_to_an_end(tmp_path: Path) -> None:
    wells = json.dumps([{"path": f"A/{i}", "rowIndex": i, "columnIndex": i} for i in range(20_000)])
    plate = f'{{"rows": [{{"name": "A"}}], "columns": [{{"name": "1"}}], "wells": {wells}}}'
    found = pyramid.validate(group(tmp_path, f'{{"ome": {{"version": "0.5", "plate": {plate}}}}}'), metadata_only=True)
    assert not found.valid
    assert len(found) < 1000
    assert any("not listed" in one.message for one in found)


def test_a_path_never_leaves_the_store(tmp_path: Path) -> None:
    group(tmp_path / "outside", '{"ome": {"version": "0.5", "series": ["x"]}}')
    images = '[{"path": "../outside"}, {"path": "/etc"}]'
    found = pyramid.validate(
        group(tmp_path / "store", f'{{"ome": {{"version": "0.5", "well": {{"images": {images}}}}}}}')
    )
    assert found.groups == 1
    assert {one.place for one in found if one.level == "error"} == {
        "ome.well.images[0].path",
        "ome.well.images[1].path",
    }


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["validate", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_shows_places_remedies_and_the_exit_status(tmp_path: Path) -> None:
    content = '{"version": "0.5", "well": {"images": [{"path": "0"}]}}'
    bad = str(group(tmp_path / "bad", f'{{"ome": {content}}}'))
    status, text, _ = run(bad)
    assert status == 1
    for words in ("not valid OME-Zarr, 1 error", "error  ome.well.images[0].path", "groups-exist (0.5): https://ngff"):
        assert words in text
    assert run(bad, "--metadata-only")[0] == 0
    status, text, _ = run(bad, "--json")
    document = json.loads(text)
    assert status == 1
    assert document["valid"] is False
    assert document["message"].startswith("not valid OME-Zarr, 1 error; ")
    assert document["findings"][0]["rule"] == "groups-exist"
    assert run(bad, "--quiet")[:2] == (1, "")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("multiscales/0/axes/1/unit", 5),
        ("multiscales/0/axes/1/unit", None),
        ("multiscales/0/axes/1/unit", "parsec-ish"),
        ("omero/channels/0/window", 7),
        ("omero/channels/0/window/start", "x"),
        ("omero/channels/0/window/end", 10**9),
        ("omero/channels/0/color", "zz"),
        ("omero/channels/0/label", 3),
        ("omero/channels", [{"color": "00FF00"}]),
    ],
)
def test_a_remedy_that_is_a_command_mends_what_is_found(tmp_path: Path, place: str, value: Any) -> None:
    target = tmp_path / "cells.ome.zarr"
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 40, 50)).astype("uint16")
    pyramid.convert(pixels, target, axes="cyx", units="micrometer", progress=False)
    file = target / "zarr.json"
    document = json.loads(file.read_text())
    *way, last = (int(step) if step.isdigit() else step for step in place.split("/"))
    parent = document["attributes"]["ome"]
    for step in way:
        parent = parent[step]
    parent[last] = value
    if value is None:
        del parent[last]
    file.write_text(json.dumps(document))
    before = {(one.rule, one.place): one.remedy for one in pyramid.validate(target)}
    remedies = {remedy for remedy in before.values() if "pyramid edit" in remedy}
    assert remedies
    for remedy in remedies:
        command = re.search(rf"pyramid (edit {re.escape(str(target))} --\S+ \S+)", remedy)
        assert command, remedy
        done = CliRunner().invoke(main, command[1].split())
        assert done.exit_code == 0, done.output
    left = {(one.rule, one.place) for one in pyramid.validate(target)}
    assert not left & {key for key, remedy in before.items() if remedy in remedies}


def _no_level_1(image: Path, _document: dict[str, Any]) -> None:
    shutil.rmtree(image / "1")


def _no_levels(image: Path, document: dict[str, Any]) -> None:
    del document["multiscales"][0]["datasets"][1:]
    shutil.rmtree(image / "1")


def _another_scale(_image: Path, document: dict[str, Any]) -> None:
    document["multiscales"][0]["datasets"][1]["coordinateTransformations"][0]["scale"] = [5.0, 1.0]


def _another_dtype(image: Path, _document: dict[str, Any]) -> None:
    shutil.rmtree(image / "1")
    zarr.create_array(image / "1", data=np.zeros((32, 2500), "uint8"), dimension_names=["y", "x"])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_no_level_1, "levels-exist"),
        (_no_levels, "viewers-levels"),
        (_another_scale, "scale-shape"),
        (_another_dtype, "levels-dtype"),
    ],
)
def test_the_remedy_for_levels_makes_them_in_place(tmp_path: Path, change: Any, rule: str) -> None:
    image = tmp_path / "cells.ome.zarr"
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 5000)).astype("uint16")
    pyramid.convert(pixels, image, units="micrometer", scale="y=1,x=1", levels=2)
    document = json.loads((image / "zarr.json").read_text())
    change(image, document["attributes"]["ome"])
    (image / "zarr.json").write_text(json.dumps(document))
    remedies = {one.rule: one.remedy for one in pyramid.validate(image)}
    command = re.search(rf"pyramid (add-levels {re.escape(str(image))} --rebuild)", remedies[rule])
    assert command, remedies
    done = CliRunner().invoke(main, command[1].split())
    assert done.exit_code == 0, done.output
    assert rule not in {one.rule for one in pyramid.validate(image)}
    assert pyramid.verify(image).ok


def test_attributes_may_be_in_a_file_of_json(tmp_path: Path) -> None:
    file = tmp_path / "attributes.json"
    file.write_text('{"ome": {"version": "0.5", "well": {"images": [{"path": "0"}]}}}')
    assert run(str(file), "--metadata-only")[0] == 0
    file.write_text('{"well": {"images": [], "version": "0.4"}}')
    status, text, _ = run(str(file), "--metadata-only", "--json")
    assert (status, json.loads(text)["findings"][0]["rule"]) == (1, "well.images-kind")
    file.write_text('{"well": ')
    assert run(str(file), "--metadata-only")[0] == 1
    assert run(str(file))[0] == 3


def test_strict_makes_a_warning_count(tmp_path: Path) -> None:
    content = '{"version": "0.5", "image-label": {}}'
    store = str(group(tmp_path, f'{{"ome": {content}}}'))
    assert run(store, "--metadata-only")[0] == 0
    status, text, _ = run(store, "--metadata-only", "--strict")
    assert status == 1
    assert "warning  ome.image-label" in text


def test_the_runner_of_the_specification_gets_a_verdict_and_no_failure(tmp_path: Path) -> None:
    """It takes an exit status above 0 for a failure of the command, and reads `valid` and `message`."""
    file = tmp_path / "attributes.json"
    for content, verdict in (('{"well": {"images": [{"path": "0"}]}}', True), ('{"well": {"images": []}}', False)):
        file.write_text(content)
        status, text, _ = run(str(file), "--metadata-only", "--json", "--exit-zero")
        document = json.loads(text)
        assert (status, document["valid"], type(document["message"])) == (0, verdict, str)
    assert run(str(tmp_path / "missing"), "--exit-zero")[0] == 3


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("0.6", None),
        ("0.6rc0", "version-candidate"),
        ("0.6.dev3", "version-draft"),
        ("0.4-dev-spatialdata", "version-draft"),
        ("0.6rc02", "version-known"),
        ("0.6x", "version-known"),
        ("0.7", "version-known"),
        ("n5", "version-known"),
    ],
)
def test_a_version_that_never_was_is_an_error(tmp_path: Path, version: str, rule: str | None) -> None:
    content = f'{{"version": "{version}", "well": {{"images": [{{"path": "0"}}]}}}}'
    found = pyramid.validate(group(tmp_path / "a", f'{{"ome": {content}}}'), metadata_only=True)
    named = {one.rule for one in found if one.rule.startswith("version-") and one.rule != "version-place"}
    assert named == ({rule} if rule else set())
    assert found.valid == (rule != "version-known") or version.startswith("0.4")
    assert "n5" not in str([one.message for one in found if one.rule == "version-known" and version != "n5"])


# The anchors of the specification's pages, by version, as their sources have them. Those of 0.6 are of its candidate.
OLD = "on-disk image-layout hcs-layout metadata multiscale-md omero-md labels-md label-md plate-md well-md"
ANCHORS = {
    **dict.fromkeys(("0.1", "0.2", "0.3"), OLD),
    "0.4": f"{OLD} axes-md bf2raw trafo-md",
    "0.5": f"{OLD} storage-format axes-md bf2raw trafo-md",
    "0.6": "storage-format images metadata coordinate-systems-md axes-metadata bf2raw coord-trafo-md multiscales-md "
    "omero-md labels-md plate-md well-md scene-md",
}


def test_each_link_leads_to_a_paragraph_that_is_there() -> None:
    for rule in RULES:
        for version in filter(rule.holds, VERSIONS):
            page, _, anchor = rule.link(version).partition("#")
            named = [name for name in ANCHORS if page.endswith(f"/{name}/index.html")]
            if "ngff.openmicroscopy.org" in page:
                assert anchor in ANCHORS[named[0]].split(), rule.link(version)
            else:
                assert page.startswith(("https://zarr-specs.readthedocs.io/", "https://zarr.readthedocs.io/")), page


def test_what_is_no_group_is_one_sentence(tmp_path: Path) -> None:
    status, text, error = run(str(tmp_path / "missing"))
    assert (status, text) == (3, "")
    assert error.startswith("Error: ") or str(tmp_path) in error
    assert len(error.strip().splitlines()) <= 3
    array = tmp_path / "array"
    array.mkdir()
    (array / ".zarray").write_text('{"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|u1"}')
    status, _, error = run(str(array))
    assert status == 3
    assert "a Zarr array" in error


def test_every_rule_has_a_name_a_remedy_and_a_link() -> None:
    for rule in RULES:
        assert rule.remedy
        assert rule.link(rule.since).startswith("https://")
    seen: dict[str, list[tuple[str, str]]] = {}
    for rule in RULES:
        for since, until in seen.setdefault(rule.id, []):
            assert until < rule.since or rule.until < since, f"two rules {rule.id} hold for one version"
        seen[rule.id].append((rule.since, rule.until))
