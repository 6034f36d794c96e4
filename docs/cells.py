"""The cells of a notebook as Markdown, for the site: with output where ``make notebooks`` has run it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# More backticks than any cell has.
_FENCE = "`" * 7
# What a page of the site may not have: it would ask another host, or a server that has ended.
_LIVE = ("<iframe", "<script", "http://")


def places(name: str) -> tuple[Path, Path]:
    """Return the paths of a notebook and of its copy with output, which may not exist."""
    return ROOT / "notebooks" / name, ROOT / "build" / "notebooks" / name


def markdown(notebook: Path, copy: Path) -> str:
    """Return the cells of a notebook below its title, as a page of the site has them."""
    cells = _cells(notebook)
    run = _cells(copy) if copy.exists() else []
    if [cell["source"] for cell in run] == [cell["source"] for cell in cells]:
        cells = run  # else it is of another version of the notebook
    title, _, first = "".join(cells[0]["source"]).partition("\n")
    assert title.startswith("# "), notebook
    return "\n\n".join([first, *(part for cell in cells[1:] for part in _parts(cell))])


def _cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def _parts(cell: Mapping[str, Any]) -> Iterator[str]:
    """Yield the source of a cell, and what it put out."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield _fenced("python", source)
    for output in cell["outputs"]:
        data = output.get("data", {})
        html = "".join(data.get("text/html", ""))
        text = "".join(output.get("text", "") or data.get("text/plain", ""))
        if "image/png" in data:
            picture = "".join(data["image/png"].split())
            yield _fenced("{raw} html", f'<img alt="output of this cell" src="data:image/png;base64,{picture}">')
        elif html and not any(part in html for part in _LIVE):
            yield _fenced("{raw} html", html)
        elif text.strip():
            yield _fenced("text", text)


def _fenced(language: str, text: str) -> str:
    return f"{_FENCE}{language}\n{text.rstrip()}\n{_FENCE}"
