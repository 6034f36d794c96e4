"""Every command and every block of Python of every page of `docs` works, and every flag in a sentence exists."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

import pyramid
from pyramid import plugin, testing
from pyramid.cli import main
from pyramid.options.clusters import parse_cluster
from pyramid.options.convert import option_specs
from tests.support.pages.bucket import Bucket
from tests.support.pages.fences import FILE, NOT_RUN, SERVICE, Fence, fences, inline_commands, pages
from tests.support.pages.inputs import Inputs
from tests.support.pages.run import SHELLS, WEB, Page
from tests.support.paths import ROOT
from tests.support.servers.web import ranged

pytestmark = pytest.mark.once


def program(name: str) -> Any:
    """A program of `.ci` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = program("reference")
PAGES_OF_THE_CODE: dict[str, Callable[[], str]] = reference.PAGES

DOCS = ROOT / "docs"
PAGES = pages()
# Blocks that nothing here can run, by page, with the reason.
SHOWN_ONLY = {
    "clusters.md": "a queue and an account of a site: tests/services/engine/test_slurm.py runs such a cluster",
    "validate.md": "the program of the specification, which is in its repository",
    "viewers.md": "napari, with its own environment and a window",
    "how-to/storage.md": "a server that is installed and stays: the tests run the same commands against their own",
    "how-to/pipelines.md": "Nextflow, whose program no package registry has: the command of its process is run instead",
}
LANGUAGES = {*SHELLS, "python", "yaml", "json", "text", "toml", "csv", "groovy", "ini"}


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """The address of a cluster of one worker, which starts where it is asked for."""
    from distributed import LocalCluster

    with ExitStack() as stack:
        started: list[Any] = []

        def address() -> str:
            if not started:
                settings = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
                started.append(stack.enter_context(LocalCluster(protocol="tcp", host="127.0.0.1", **settings)))
            return str(started[0].scheduler_address)

        yield address


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_a_page_shows_works(
    path: Path,
    inputs: Inputs,
    cluster: Callable[[], str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pyramid.viewing.Viewer.wait", _ends_at_once)
    monkeypatch.setattr("pyramid.cli.view._open_browser", lambda url: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    text = path.read_text(encoding="utf-8")
    blocks = fences(path)
    with ExitStack() as stack:
        bucket = None
        if "s3://" in text or "gs://" in text:
            bucket = Bucket(request.getfixturevalue("s3"), request.getfixturevalue("google"))
            bucket.into_environment(monkeypatch)
        instead: dict[str, Callable[[], str]] = {"tcp://host:8786": cluster}
        if re.search("https://(host|example.org)", text):
            server = stack.enter_context(ranged(tmp_path / WEB))
            instead |= dict.fromkeys(("https://host", "https://example.org"), lambda: server.endpoint)
        if "scheduler.json" in text:
            (tmp_path / "scheduler.json").write_text(json.dumps({"address": cluster()}))
        if "localhost:9000" in text:
            instead["http://localhost:9000"] = lambda: request.getfixturevalue("s3").endpoint
        done = Page(path, tmp_path, inputs, instead, bucket).run(blocks)
    runnable = [b for b in blocks if b.language in (*SHELLS, "python") and not {NOT_RUN, SERVICE} & {*b.words}]
    assert done >= len([block for block in runnable if block.file is None])


def _ends_at_once(viewer: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_blocks_are_of_languages_that_are_checked_and_data_is_well_formed(path: Path) -> None:
    for block in fences(path):
        assert block.language in LANGUAGES, f"{path.name}: a block is of {block.language!r}; see {__name__}"
        assert all(word in (NOT_RUN, SERVICE) or word.startswith(FILE) for word in block.words), block.words
        if block.language == "json":
            json.loads(block.text)
        if block.language == "yaml":
            found = yaml.safe_load(block.text)
            if "class" in found:
                assert parse_cluster(found)


def test_blocks_that_are_only_shown_have_a_reason() -> None:
    shown = {name_of(page) for page in PAGES if any(NOT_RUN in block.words for block in fences(page))}
    assert shown == set(SHOWN_ONLY)
    assert sum(NOT_RUN in block.words for page in PAGES for block in fences(page)) <= 5


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_commands_in_sentences_have_only_options_that_exist(path: Path) -> None:
    for text in inline_commands(path):
        words = shlex.split(text)[1:]
        assert words[0] in main.commands, text
        options = {name for option in main.commands[words[0]].params for name in (*option.opts, *option.secondary_opts)}
        given = {word.partition("=")[0] for word in words if word.startswith("--") and len(word) > 2}
        assert given - {"--help"} <= options, text


def test_the_command_of_the_process_of_nextflow_works(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (script,) = [block.text for block in fences(DOCS / "how-to/pipelines.md") if block.language == "groovy"]
    commands = script.split('"""')[1]
    values = {"image": "cells.tif", "image.simpleName": "cells", "task.cpus": "2", "task.memory.toMega()": "2048"}
    for name, value in values.items():
        commands = commands.replace(f"${{{name}}}", value)
    assert "$" not in commands
    block = Fence("sh", (), "\n".join(line.strip() for line in commands.strip().splitlines()))
    assert Page(DOCS / "how-to/pipelines.md", tmp_path, inputs).run([block]) == 2


def test_options_of_ours_in_the_tables_of_other_converters_exist() -> None:
    options = {
        name
        for command in main.commands.values()
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    }
    keywords = {*option_specs(), "progress"}
    text = (DOCS / "how-to/migrate.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^|]*)\| ([^|]*)\|", text, re.MULTILINE)
    assert len(rows) > 60
    for _, ours in rows:
        assert set(re.findall(r"`(--[\w-]+)", ours)) <= options, ours
        assert set(re.findall(r"`(\w+)(?:=[^`]*)?`", ours)) <= keywords, ours


def test_the_tests_that_guarantees_name_are_there() -> None:
    text = (DOCS / "explanation/guarantees.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+/test_\w+\.py|test_\w+\.py)`", text)
    assert len(named) > 25
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []


@pytest.mark.parametrize("name", sorted(PAGES_OF_THE_CODE))
def test_the_reference_is_that_of_the_code(name: str) -> None:
    made = PAGES_OF_THE_CODE[name]()
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == made, "run: python .ci/reference.py"


def test_the_reference_has_every_command_option_and_public_name() -> None:
    commands, python = ((DOCS / "reference" / name).read_text() for name in ("commands.md", "python.md"))
    for name, command in main.commands.items():
        section = commands.partition(f"## pyramid {name}\n")[2].partition("\n## ")[0]
        for option in command.params:
            assert all(f"{flag}" in section for flag in option.opts if flag.startswith("--")), (name, option.name)
    assert {*pyramid.__all__} <= set(re.findall(r"^\| `(\w+)`", python, re.MULTILINE))
    assert set().union(*reference.PROVISIONAL.values()) <= {*pyramid.__all__, *plugin.__all__, *testing.__all__}


def test_a_site_that_lacks_a_page_or_fetches_from_the_network_is_found_out(tmp_path: Path) -> None:
    for page in PAGES:
        file = (tmp_path / name_of(page)).with_suffix(".html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('<a href="https://a.org/">a link is no fetch</a><script src="_static/a.js"></script>')
    (tmp_path / "start.html").write_text('<script async src="https://cdn.a.org/a.js"></script>')
    (tmp_path / "batch.html").unlink()
    known = ", ".join(f'"{name_of(page).removesuffix(".md")}"' for page in PAGES if page.name != "n5.md")
    (tmp_path / "searchindex.js").write_text(f"[{known}], bioformats2raw:1, shuffl:2")
    assert sorted(program("site").findings(tmp_path)) == [
        "batch: the site has no such page",
        "n5: the search does not know it",
        'start: it fetches from the network: <script async src="https://cdn.a.org/a.js',
        "the search does not know 'walltime', which is on clusters",
    ]
