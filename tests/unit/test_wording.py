"""The check of words finds a planted one wherever users or contributors would read it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "wording.py"


@pytest.fixture(scope="module")
def wording() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wording", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "planted",
    [
        '"""What it holds."""',
        '"""Told of a docstring."""',
        'raise ValueError(f"{1} stands beside {2}")',
        'help = "it is" " no level"',
        'text = """searched in\n    vain"""',
        "a = 1  # it lies there",
        "def tell_told(path: str) -> None: ...",
        "def check(beside_px: int) -> None: ...",
    ],
)
def test_a_planted_word_is_found_in_a_module(wording: ModuleType, tmp_path: Path, planted: str) -> None:
    (tmp_path / "module.py").write_text(planted)
    assert list(wording.check_module(tmp_path / "module.py"))


def test_documents_are_checked_outside_of_their_code(wording: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("A chunk.\n\n```\nit lies\n```\n`told` is a name; it lies there.\n")
    assert [finding.line for finding in wording.check_document(tmp_path / "page.md")] == [6]


def test_usual_meanings_of_a_banned_word_are_allowed(wording: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("There are no pages; y stands for the row.")
    assert not list(wording.check_document(tmp_path / "page.md"))
