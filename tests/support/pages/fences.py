"""Fenced blocks of a page of Markdown: their language, the words after it, and their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

# Words that may follow the language of a fence.
NOT_RUN = "not-run"  # shown only; a list in the tests has the reason of each
SERVICE = "service"  # run by `make test-services`
FILE = "file="  # written to a file of that name, for the commands that follow
_FENCE = re.compile(r"^```(\S*)[ ]*([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block of a page."""

    language: str
    words: tuple[str, ...]
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is written to."""
        return next((word.removeprefix(FILE) for word in self.words if word.startswith(FILE)), None)

    def commands(self) -> Iterator[str]:
        """The commands of a shell's block, of which one may go over several lines."""
        for line in self.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line


def pages() -> list[Path]:
    """Every page whose blocks are run, but the README, which is run on a clone."""
    return sorted((ROOT / "docs").rglob("*.md"))


def fences(page: Path) -> list[Fence]:
    """The blocks of a page, in its order."""
    text = _COMMENT.sub("", page.read_text(encoding="utf-8"))
    return [Fence(language, tuple(words.split()), body) for language, words, body in _FENCE.findall(text)]


def inline_commands(page: Path) -> list[str]:
    """The commands of this package that stand within sentences."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in re.findall(r"`(pyramid [a-z][^`]*)`", text)]
