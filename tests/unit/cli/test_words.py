"""A message names an option as its reader types it: as a keyword in Python, as a flag on the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
import pytest

from pyramid import cli
from pyramid.cli.words import OTHER_NAMES, as_flags
from pyramid.options.convert import option_specs
from pyramid.options.spec import flag
from tests.support.paths import ROOT

pytestmark = pytest.mark.once

COMMANDS = [command for command in cli.main.commands.values() if command.name not in ("demo", "completion")]
# Flags that are no keywords of Python: they are about what a command prints.
OF_THE_COMMAND = {"as_ascii", "as_json", "no_progress", "picture", "quiet", "verbose"}
# Whose texts are the help of flags, and another program's own flag.
HELP, OF_OTHERS = "pyramid/options/convert.py", r"--scheduler-file writes|pyramid (?:edit|add-levels) URL --[a-z-]+"
NAMES = sorted(
    {str(parameter.name) for command in COMMANDS for parameter in command.params if isinstance(parameter, click.Option)}
    - OF_THE_COMMAND
    - {"every"}
    | {"all"}
)
MENTION = re.compile(rf"(?<![\w.-])(?:{'|'.join(NAMES)})=")


def texts() -> Iterator[tuple[str, str]]:
    """Place and text of each string of the package that is no docstring; what is formatted in stands as 1."""
    for path in sorted((ROOT / "pyramid").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        documents = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                yield place, "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {node} & (parts | documents):
                yield place, node.value


def test_no_message_outside_of_the_command_line_names_a_flag() -> None:
    flags = [
        (place, text)
        for place, text in texts()
        if not place.startswith(("pyramid/cli/", HELP)) and re.search(r"--[a-z]", re.sub(OF_OTHERS, "", text))
    ]
    assert flags == []


def test_each_keyword_in_a_message_becomes_a_flag() -> None:
    found = [(place, text) for place, text in texts() if MENTION.search(text) and not place.startswith("pyramid/cli/")]
    kept = [(place, text) for place, text in found if MENTION.search(as_flags(text))]
    assert kept == []
    assert len(found) > 15


def test_all_options_of_commands_are_known() -> None:
    for name in NAMES:
        assert as_flags(f"give {name}=... too") == f"give {flag(name)} too"
        assert as_flags(f"{name}: it is wrong") == f"{flag(name)}: it is wrong"
    assert {*option_specs(), *OTHER_NAMES} <= set(NAMES)


@pytest.mark.parametrize(
    ("keyword", "on_the_command_line"),
    [
        ('give axes="czyx"', "give --axes czyx"),
        ('give levels="2 3", or nothing', "give --levels '2 3', or nothing"),
        ("or overwrite=True to replace it", "or --overwrite to replace it"),
        ("choose one with series=N (0: a)", "choose one with --series N (0: a)"),
        ("(give units=...)", "(give --units)"),
        ("say levels=1.", "say --levels 1."),
        # what only looks like an option
        ("/data/series=1/a.tif does not exist", "/data/series=1/a.tif does not exist"),
        ("series=1/a.tif does not exist", "series=1/a.tif does not exist"),
        ("http://host/a?name=1 is not an address", "http://host/a?name=1 is not an address"),
        ("a.tif: levels: it is wrong", "a.tif: levels: it is wrong"),
        ("write it as z=64,y=256,x=256", "write it as z=64,y=256,x=256"),
    ],
)
def test_a_keyword_is_shown_as_a_flag(keyword: str, on_the_command_line: str) -> None:
    assert as_flags(keyword) == on_the_command_line
