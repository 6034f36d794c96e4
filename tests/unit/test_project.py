"""The project's own files agree with each other, and speak of the product alone."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT

CONDA_NAMES = {"dask[array]": "dask-core"}  # conda's dask is everything; dask-core is what pip calls dask
CONSTRAINTS = ("constraints.txt", "constraints-newest.txt")
PROSE = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("configs/**/*.yaml"),
        *ROOT.glob("*.txt"),
        *ROOT.glob("*.yml"),
    ]
)


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def split(requirement: str) -> tuple[str, str]:
    name, _, bound = requirement.partition(">=")
    return CONDA_NAMES.get(name, name), bound


def test_environment_agrees_with_pyproject() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = next(item["pip"] for item in listed if isinstance(item, dict))
    conda = dict(split(item) for item in [*listed, *from_pip] if isinstance(item, str) and ">=" in item)
    extra = project()["optional-dependencies"]["distributed"]
    wanted = dict(split(item) for item in [*project()["dependencies"], *extra])
    assert conda.pop("python") == project()["requires-python"].removeprefix(">=")
    assert conda == wanted


@pytest.mark.parametrize("file", CONSTRAINTS)
def test_constraints_pin_by_name_and_version_alone(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._]+", line)] == []


@pytest.mark.parametrize("file", CONSTRAINTS)
def test_constraints_keep_the_lower_bounds(file: str) -> None:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text))

    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pins = {name.lower().replace("_", "-"): pin for name, pin in (line.split("==") for line in lines)}
    extras = project()["optional-dependencies"]
    groups = [extra for name, extra in extras.items() if name not in ("dev", "docs") or file == "constraints.txt"]
    requirements = [*project()["dependencies"], *(item for group in groups for item in group)]
    outside = project()["name"]
    for requirement in requirements:
        if not requirement.startswith(outside):
            name, bound = requirement.split(">=")
            pin = pins[name.split("[")[0].lower()]
            assert numbers(pin) >= numbers(bound), f"{name} is pinned to {pin}, below its bound {bound}"


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_name_no_machine_and_no_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    told = re.findall(r"(?:/home/|/root/|/Users/|/opt/)\w+|(?:index-url|find-links)\S*|https?://\S*/simple\b\S*", text)
    assert told == []


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_local_links_of_documents_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        text = path.read_text(encoding="utf-8")
        for link, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]+))?\)", text):
            target = path.parent / link if link else path
            assert target.exists(), f"{path.name} links to {link}, which is not there"
            if anchor:
                assert anchor in anchors(target), f"{path.name} links to {link}#{anchor}, which is not there"


def test_ci_runs_the_two_make_targets_and_hides_nothing() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert lines == ["#!/bin/sh", "set -e", 'cd "$(dirname "$0")/.."', "make test", "make test-services"]


def test_the_workflow_runs_the_same_two_commands_on_each_python() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"]
    commands = [step["run"].partition("make ")[2] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert commands == ["test PYTHON=python", "test-services PYTHON=python"]
    assert jobs["test"]["strategy"]["matrix"]["python"][0] == project()["requires-python"].removeprefix(">=")


def test_the_site_is_made_with_the_output_of_the_notebooks() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8"))["jobs"]["site"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == ["make notebooks PYTHON=python", "make docs PYTHON=python"]


def test_lowest_prints_each_bound_once() -> None:
    from sys import executable

    run = subprocess.run([executable, str(ROOT / ".ci/lowest.py")], capture_output=True, text=True, check=True)
    names = [line.split("==")[0].lower() for line in run.stdout.splitlines()]
    assert len(names) == len(set(names))
    for requirement in project()["dependencies"]:
        name, bound = requirement.split(">=")
        assert f"{name.split('[')[0]}=={bound}" in run.stdout.splitlines()


def test_the_floors_of_the_design_are_those_of_the_import_contract() -> None:
    design = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| ([^|]+) \|", design, re.MULTILINE)
    written = [set(re.findall(r"`(\w+)`", modules)) for _, modules in table]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert written == [set(layer.split(" | ")) for layer in layers]
    assert [int(number) for number, _ in table] == list(range(len(layers), 0, -1))


def test_every_room_is_on_the_map() -> None:
    shown = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    rooms = [path for path in (ROOT / "pyramid").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = {f"{room.name}/" if room.is_dir() else room.name for room in rooms if not room.name.startswith("_")}
    assert {name for name in names if name not in shown} == set()


def test_folders_of_tests_mirror_those_of_the_package() -> None:
    rooms = {path.parent.relative_to(ROOT / "pyramid") for path in (ROOT / "pyramid").rglob("*.py")}
    rooms.add(Path("support"))  # the helpers of the tests, which have tests too
    for kind in ("unit", "property", "contract", "integration", "services"):
        base = ROOT / "tests" / kind
        assert {path.parent.relative_to(base) for path in base.rglob("test_*.py")} <= rooms, kind
