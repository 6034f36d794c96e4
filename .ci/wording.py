"""Check the words of the package and its documents. Run by ``make lint``.

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
GLOSSARY = ROOT / "docs" / "glossary.md"
MAX_SUMMARY = 80
# A summary names its thing, or what is done with it, and does not begin with a question.
FIRST_WORDS = ("What", "That", "Those", "Of", "How", "Whether")
# Words that make a reader stop; the right side is what to write instead.
BANNED = {
    r"told|tells?|telling": "say, describe, report",
    r"mends?|mended|mending": "repair, fix",
    r"dear|dearer|dearest": "expensive",
    r"alone": "only",
    r"in vain": "without success",
    r"for ever": "forever, without end",
    r"is no|(?<!there\s)are no": "is not a, there are no",
    r"lies|lie|lay": "is, is stored",
    r"stands?|stood": "is, appears",
    r"beside": "next to, besides",
    r"the way of": "as",
}
# Phrases in which a banned word has its usual meaning.
ALLOWED = r"tells? \w+ (from|apart)|stands? for|stand-?alone"
# Words of the list above that no name of a function, class or value may hold.
BANNED_IN_NAMES = re.compile(r"(?:^|_)(told|mend|dear|vain|beside|lies|stands)(?:_|$)")
_BANNED = [
    (re.compile(rf"(?<![\w-])(?:{words})(?![\w-])".replace(" ", r"\s+"), re.IGNORECASE), instead)
    for words, instead in BANNED.items()
]


class Finding(NamedTuple):
    """A place in a file, and what is wrong there."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check_module(path: Path) -> Iterator[Finding]:
    """Yield what is wrong in the texts, comments and names of one module."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _check_summary(path, getattr(node, "lineno", 1), ast.get_docstring(node) or "")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from check_words(path, node.lineno, node.value)
        name = _name_of(node)
        if name and (found := BANNED_IN_NAMES.search(name)):
            yield Finding(path, getattr(node, "lineno", 1), f"the name {name!r} holds {found[1]!r}")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from check_words(path, token.start[0], token.string)


def check_document(path: Path) -> Iterator[Finding]:
    """Yield the banned words in a document, outside of its code."""
    text = re.sub(
        r"^```.*?^```|`[^`\n]*`", lambda code: re.sub(r"[^\n]", "_", code[0]), path.read_text(), flags=re.M | re.S
    )
    yield from check_words(path, 1, text)


def check_glossary() -> Iterator[Finding]:
    """Yield the rows of the glossary that are out of order, or that the package does not use."""
    used = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "pyramid").rglob("*.py")).lower()
    words: list[str] = []
    for number, line in enumerate(GLOSSARY.read_text(encoding="utf-8").splitlines(), 1):
        row = re.match(r"\| ([a-z ]+) \| (?!meaning)", line)
        if row is None:
            continue
        if words and row[1] <= words[-1]:
            yield Finding(GLOSSARY, number, f"{row[1]!r} is out of order or there twice")
        if not re.search(rf"\b{row[1]}", used):
            yield Finding(GLOSSARY, number, f"the package does not use {row[1]!r}: remove the row")
        words.append(row[1])


def _name_of(node: ast.AST) -> str | None:
    """Return the name that a node defines; None if it defines none."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    return getattr(node, "arg" if isinstance(node, ast.arg) else "name", None)


def _check_summary(path: Path, line: int, docstring: str) -> Iterator[Finding]:
    summary = docstring.partition("\n")[0]
    first = summary.partition(" ")[0]
    if first in FIRST_WORDS:
        yield Finding(path, line, f"the summary begins with {first!r}: name the thing, or begin with a verb")
    if len(summary) > MAX_SUMMARY:
        yield Finding(path, line, f"the summary has {len(summary)} characters, over {MAX_SUMMARY}")


def check_words(path: Path, line: int, text: str) -> Iterator[Finding]:
    """Yield the banned words in a text that begins at a line."""
    text = re.sub(ALLOWED, lambda phrase: "_" * len(phrase[0]), text)
    for words, instead in _BANNED:
        for found in words.finditer(text):
            at = line + text.count("\n", 0, found.start())
            yield Finding(path, at, f"{' '.join(found[0].split())!r}: write {instead}")


def main() -> int:
    """Print what is wrong, and return how the check ends."""
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    findings = {
        *(finding for path in (ROOT / "pyramid").rglob("*.py") for finding in check_module(path)),
        *(finding for path in documents for finding in check_document(path)),
        *check_glossary(),
    }
    for finding in sorted(findings):
        print(finding)  # noqa: T201  (a program that prints)
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
