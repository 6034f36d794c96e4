"""Check the words of the package: summaries, banned words, names. Run by ``make lint``.

CONTRIBUTING.md holds the rules; docs/glossary.md the words for the project's own concepts.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
MAX_SUMMARY = 80
# A summary names its thing, or what is done with it, and does not begin with a question.
FIRST_WORDS = ("What", "That", "Those", "Of", "How", "Whether")
# Words that make a reader stop; the right side is what to write instead.
BANNED = {
    r"told|tells? of|tell of": "say, describe, report",
    r"mends?|mended": "repair, fix",
    r"dear|dearer": "expensive",
    r"alone": "only",
    r"in vain": "without success",
    r"for ever": "forever, without end",
    r"is no|(?<!there )are no": "is not a, there are no",
    r"lies|lie|lay": "is, is stored",
    r"stands?|stood": "is, appears",
    r"beside": "next to, besides",
    r"the way of": "as",
}


class Finding(NamedTuple):
    """A place in a file, and what is wrong there."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check(path: Path) -> Iterator[Finding]:
    """Yield what is wrong in one module."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield from _check_summary(path, getattr(node, "lineno", 1), docstring)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _check_words(path, node.lineno, node.value)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from _check_words(path, token.start[0], token.string)


def _check_summary(path: Path, line: int, docstring: str) -> Iterator[Finding]:
    summary = docstring.partition("\n")[0]
    first = summary.partition(" ")[0]
    if first in FIRST_WORDS:
        yield Finding(path, line, f"the summary begins with {first!r}: name the thing, or begin with a verb")
    if len(summary) > MAX_SUMMARY:
        yield Finding(path, line, f"the summary has {len(summary)} characters, over {MAX_SUMMARY}")


def _check_words(path: Path, line: int, text: str) -> Iterator[Finding]:
    for words, instead in BANNED.items():
        for found in re.finditer(rf"(?<![\w-])({words})(?![\w-])", text):
            at = line + text.count("\n", 0, found.start())
            yield Finding(path, at, f"{found[0]!r}: write {instead}")


def main() -> int:
    """Print what is wrong in the package, and return how the check ends."""
    findings = sorted({finding for path in sorted((ROOT / "pyramid").rglob("*.py")) for finding in check(path)})
    for finding in findings:
        print(finding)  # noqa: T201  (a program that prints)
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
