"""A page that is run: its commands in one folder, in this process, in the page's order.

Most pages are lists of alternatives, so the target of each conversion is removed before it. Those of `IN_ORDER` are
sessions as a reader types them, where every file is what the commands before have left.
"""

from __future__ import annotations

import ast
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from tests.support.pages.bucket import Bucket
from tests.support.pages.fences import NOT_RUN, SERVICE, Fence
from tests.support.pages.inputs import MAKERS, Inputs
from tests.support.paths import ROOT

WEB = ".web"  # the folder of a page that its web server has
IN_ORDER = ("start.md",)
SHELLS = ("sh",)
# Commands that write a new store at their last word, and the options with which something may be there already.
_NEW_TARGET = {
    "plan": ("--resume", "--overwrite"),
    "convert": ("--resume", "--overwrite", "--labels"),
    "download": ("--overwrite",),
    "pack": ("--overwrite",),
    "unpack": (),
    "upgrade": (),
}
# Programs besides this package's that a page may call; one that installs something is only shown.
_PROGRAMS = ("cd", "sha256sum", "export", "snakemake")
_URL = re.compile(r"^(?:s3|gs|az|https?)://")


@dataclass
class Page:
    """The state of a page while its blocks run.

    Parameters
    ----------
    path, folder, inputs
        The page, its working directory, and where inputs come from.
    instead
        What is put in place of the addresses of the page: ``https://host`` becomes that of a server.
    bucket
        The objects of URLs such as ``s3://``; None if the page has none.
    """

    path: Path
    folder: Path
    inputs: Inputs
    instead: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    bucket: Bucket | None = None
    names: dict[str, Any] = field(default_factory=lambda: {"pyramid": pyramid, "__name__": "__main__"})

    def run(self, blocks: list[Fence], *, service: bool = False) -> int:
        """Run the blocks that are for this kind of tests, and return how many commands and blocks that were."""
        done = 0
        for block in blocks:
            if block.file is not None:
                file = self.folder / block.file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(self._replaced(block.text), encoding="utf-8")
            elif NOT_RUN not in block.words and (SERVICE in block.words) == service:
                done += self._run(block)
        return done

    def _run(self, block: Fence) -> int:
        if block.language == "python":
            self._python(block.text)
            return 1
        if block.language not in SHELLS:
            return 0
        lines = list(block.commands())
        for line in lines:
            self._line(self._replaced(line))
        return len(lines)

    def _replaced(self, text: str) -> str:
        for before, make in self.instead.items():
            if before in text:
                if before.startswith("https://"):
                    for name in re.findall(re.escape(before) + r"/([\w./-]+)", text):
                        self._serve(name.partition("/")[0])
                text = text.replace(before, make())
        return text

    def _serve(self, name: str) -> None:
        """Put what a page has made, or an input, where its web server has it."""
        served = self.folder / WEB / name
        if (self.folder / name).exists():
            shutil.rmtree(served, ignore_errors=True)
            served.parent.mkdir(exist_ok=True)
            if (self.folder / name).is_dir():
                shutil.copytree(self.folder / name, served)
            else:
                shutil.copyfile(self.folder / name, served)
        elif name in MAKERS:
            self.inputs.bring(name, self.folder / WEB)

    def _line(self, line: str) -> None:
        if not line.startswith("pyramid "):
            words = shlex.split(line, comments=True)
            assert words[0] in _PROGRAMS, f"{self.path.name}: {words[0]!r} is not run; see {__name__}"
            self._bring_all(words)
            path = f"{programs_of_this_environment(self.folder)}{os.pathsep}{os.environ['PATH']}"
            environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                ["sh", "-ec", line], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
            return
        words = self._words(line)
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == 0, f"{self.path.name}: {line}\n{result.output}"

    def _words(self, line: str) -> list[str]:
        """The words of a command of this package after ``pyramid``, with their inputs in place."""
        quoted = shlex.shlex(line, posix=False, punctuation_chars=False)
        quoted.whitespace_split, quoted.commenters, quoted.escape = True, "#", ""
        raw = list(quoted)[1:]
        words = [word for part in raw for word in self._expanded(part)]
        new = self._target(words)
        if new is not None and self._is_new(words) and self.path.name not in IN_ORDER:
            self._remove(new)
        self._bring_all([word for word in words if word != new])
        words = [word for part in raw for word in self._expanded(part)]  # globs now find what was brought
        urls = [word for word in words if _URL.match(word) and not word.startswith("http")]
        return [*words, *(self.bucket.options(urls[0]) if urls and self.bucket else ())]

    def _expanded(self, part: str) -> list[str]:
        plain = "".join(shlex.split(part))
        if part != plain or not re.search(r"[*?]", part) or _URL.match(part):
            return [plain]
        self._bring(part.partition("/")[0])
        return sorted(glob.glob(plain, root_dir=self.folder)) or [plain]

    @staticmethod
    def _target(words: list[str]) -> str | None:
        """The word that names what a command makes; None if it makes no store, or changes one that is there."""
        if words[0] == "upgrade":
            return words[words.index("--output") + 1] if "--output" in words else None
        plain = [word for at, word in enumerate(words) if at and not _is_value(words, at) and word[0] != "-"]
        if "--labels" in words or words[0] not in _NEW_TARGET or len(plain) < 2:
            return None
        return plain[-1]

    @staticmethod
    def _is_new(words: list[str]) -> bool:
        """Whether a command wants nothing to be at its target."""
        return words[0] in _NEW_TARGET and not any(word in words for word in _NEW_TARGET[words[0]])

    def _bring_all(self, words: list[str]) -> None:
        for word in words:
            if _URL.match(word) and not word.startswith("http"):
                self._bring_url(word)
            else:
                self._bring(word.partition("=")[2] if word.startswith("--") else word)

    def _bring(self, word: str) -> None:
        name = word.lstrip("@").partition("::")[0].rstrip("/").removeprefix("./").removeprefix("../")
        for known in (name, name.partition("/")[0]):
            if known in MAKERS:
                self.inputs.bring(known, self.folder)
                return
        if (ROOT / name).is_file() and name.startswith("configs/") and not (self.folder / name).exists():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, self.folder / name)

    def _bring_url(self, url: str) -> None:
        assert self.bucket is not None, f"{self.path.name} has {url}, and no service for it"
        name = url.rstrip("/").rpartition("/")[2].partition("::")[0]
        if name in MAKERS and "." in name:
            self.inputs.bring(name, self.folder / ".uploaded")
            self.bucket.upload(url, self.folder / ".uploaded" / name)

    def _remove(self, word: str) -> None:
        if _URL.match(word):
            assert self.bucket is not None, f"{self.path.name} has {word}, and no service for it"
            self.bucket.remove(word)
            return
        target = self.folder / word
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)

    def _python(self, text: str) -> None:
        text = self._replaced(text)
        for statement in ast.parse(text).body:
            self._statement(statement)

    def _statement(self, statement: ast.stmt) -> None:
        """Run one statement of Python, as a session has it."""
        tree = ast.Module([statement], [])
        new = []
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            kept = {keyword.arg for keyword in call.keywords} & {"resume", "overwrite", "labels"}
            if name in _NEW_TARGET and len(call.args) > 1 and isinstance(call.args[1], ast.Constant) and not kept:
                new.append(str(call.args[1].value))
        if self.path.name not in IN_ORDER:
            for target in new:
                self._remove(target)
        values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        self._bring_all([value for value in values if isinstance(value, str) and value and value not in new])
        with warnings.catch_warnings():
            exec(compile(tree, str(self.path), "exec"), self.names)


def programs_of_this_environment(folder: Path) -> Path:
    """A folder below `folder` with the programs of this environment that pages call."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    for name in ("pyramid", "snakemake"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    if shutil.which("sha256sum") is None:  # as on macOS before 15, which has the other one
        (programs / "sha256sum").write_text('#!/bin/sh\nexec shasum -a 256 "$@"\n', encoding="utf-8")
        (programs / "sha256sum").chmod(0o755)
    return programs


def _is_value(words: list[str], at: int) -> bool:
    """Whether a word is the value of the option before it."""
    before = words[at - 1]
    command = main.commands[words[0]]
    options = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return before in options and not getattr(options[before], "is_flag", True)
