"""Blocks of pages that need a service which only `make test-services` brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages.bucket import Bucket
from tests.support.pages.fences import SERVICE, fences, pages
from tests.support.pages.inputs import Inputs
from tests.support.pages.run import Page
from tests.support.servers.service import Service

# Pages with a job of a batch system, which tests/services/engine/test_slurm.py runs.
BATCH = ("clusters.md",)
PAGES = [page for page in pages() if page.name not in BATCH and any(SERVICE in block.words for block in fences(page))]


def test_there_are_some() -> None:
    assert PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_a_page_shows_works_on_the_service(
    path: Path, azure: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (tmp_path / "inputs").mkdir()
    assert Page(path, folder, Inputs(tmp_path / "inputs"), bucket=Bucket(azure)).run(fences(path), service=True)
