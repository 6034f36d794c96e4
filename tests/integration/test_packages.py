"""The wheel holds all of the package, and the recipes name what is there."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT

pytestmark = pytest.mark.once

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked(*folders: str) -> list[str]:
    """The files of the repository in these folders."""
    words = ["git", "ls-files", "-z", *folders]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder: Path = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", *tracked("pyramid")):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(folder / "source")], check=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_each_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    held = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {name: (ROOT / name).read_bytes() for name in tracked("pyramid")}
    assert "pyramid/py.typed" in held


def test_the_wheel_holds_each_licence(wheel: zipfile.ZipFile) -> None:
    held = {name.partition("/licenses/")[2] for name in wheel.namelist() if "/licenses/" in name}
    assert held == {"LICENSE", *(name for name in tracked("pyramid") if "LICENSE" in name)}


def test_the_wheel_has_the_command_and_the_entry_points(wheel: zipfile.ZipFile) -> None:
    text = wheel.read(next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))).decode()
    found = configparser.ConfigParser(delimiters="=")
    found.read_string(text)
    groups = {"console_scripts": PROJECT["scripts"], **PROJECT["entry-points"]}
    assert {name: dict(found[name]) for name in found.sections()} == groups


def test_a_citation_names_no_version_that_would_be_out_of_date() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["title"], cited["license"]) == (PROJECT["name"], PROJECT["license"])
    assert cited["keywords"] == PROJECT["keywords"]
    assert "version" not in cited


def extras(text: str) -> list[str]:
    return [extra for found in re.findall(r"\[([a-z0-9,]+)\]", text) for extra in found.split(",")]


def test_the_dockerfile_copies_what_is_there_and_installs_what_is_optional() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in copied:
        assert (ROOT / name.removeprefix("./")).exists()
        assert f"!{name.removeprefix('./')}" in kept
    assert set(extras(text.partition("pip install")[2])) <= set(PROJECT["optional-dependencies"])


def test_the_apptainer_recipe_has_known_sections_and_scripts_that_a_shell_parses() -> None:
    text = (ROOT / "apptainer.def").read_text(encoding="utf-8")
    parts = re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(sections) == {"files", "post", "environment", "runscript", "test", "labels", "help"}
    for line in sections["files"].strip().splitlines():
        assert (ROOT / line.split()[0]).exists(), line
    for name in ("post", "environment", "runscript", "test"):
        subprocess.run(["sh", "-n"], input=sections[name], text=True, check=True)
    assert set(extras(sections["post"])) <= set(PROJECT["optional-dependencies"])


def test_both_recipes_are_of_one_python_and_install_the_same() -> None:
    docker, apptainer = ((ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", "apptainer.def"))
    images = set(re.findall(r"python:[\w.-]+", docker + apptainer))
    assert len(images) == 1
    assert extras(docker.partition("pip install")[2])[-4:] == extras(apptainer.partition("%post")[2])[:4]
    matrix = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    assert re.search(r":([\d.]+)", images.pop())[1] in matrix["python"]  # type: ignore[index]


def test_what_is_promised_names_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) >= 10
    for name in named:
        assert (ROOT / name).exists(), name


def test_a_release_is_built_by_the_same_command() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))["jobs"]
    assert [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step] == [
        "make dist PYTHON=python"
    ]
    assert "\ndist:" in (ROOT / "Makefile").read_text(encoding="utf-8")
