"""Progress in a notebook: by itself, in place, and only where it is wanted."""

from __future__ import annotations

from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest

from tests.support.paths import ROOT


def outputs(*cells: str) -> list[list[Any]]:
    """Run cells in a kernel, and return the outputs of each."""
    new: Any = nbformat.v4
    book = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(book, allow_errors=True, timeout=120, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    return [cell.outputs for cell in book.cells]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    folder = tmp_path_factory.mktemp("notebook")
    np.save(folder / "a.npy", np.zeros((6, 500, 400), "u1"))
    start = f"import pyramid; from pathlib import Path; folder = Path({str(folder)!r}); source = folder / 'a.npy'"
    return outputs(
        start,
        "image = pyramid.convert(source, folder / 'a.zarr')",
        "done = pyramid.download(folder / 'a.zarr', folder / 'b.zarr')",
        "image = pyramid.convert(source, folder / 'c.zarr', progress=False)",
        "seen = []; image = pyramid.convert(source, folder / 'd.zarr', progress=seen.append)",
        "image = pyramid.convert(folder / 'nowhere.npy', folder / 'e.zarr')",
        "print(len(seen), pyramid.plan(source).tasks)",
    )


@pytest.mark.parametrize(("number", "title"), [(1, "convert"), (2, "download")])
def test_one_output_is_updated_to_the_end(cells: list[list[Any]], number: int, title: str) -> None:
    (shown,) = cells[number]
    assert shown["data"]["text/plain"].startswith(f"{title}: 100 %, ")
    assert 'value="1.0000"' in shown["data"]["text/html"]


@pytest.mark.parametrize("number", [3, 4])
def test_nothing_is_shown_where_it_is_not_wanted(cells: list[list[Any]], number: int) -> None:
    assert cells[number] == []


def test_a_callback_is_called_for_each_block(cells: list[list[Any]]) -> None:
    done, tasks = cells[6][0]["text"].split()
    assert done == tasks


def test_a_run_that_fails_says_that_it_stopped(cells: list[list[Any]]) -> None:
    shown, error = cells[5]
    assert shown["data"]["text/plain"] == "convert: stopped"
    assert error["ename"] == "SourceError"
