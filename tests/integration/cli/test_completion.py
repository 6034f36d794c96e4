"""What Tab offers, and how it comes to a shell; help in groups with an example."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from pyramid.cli import main
from pyramid.cli.completion import SHELLS, VARIABLE
from pyramid.cli.help import COMMANDS, EXAMPLES, OPTIONS

pytestmark = pytest.mark.once


def offered(*words: str) -> list[str]:
    """What Tab offers after these words, of which the last is not complete."""
    found = ShellComplete(main, {}, "pyramid", VARIABLE).get_completions(list(words[:-1]), words[-1])
    return ["<path>" if item.type == "file" else item.value for item in found]


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["va"], ["validate"]),
        (["convert", ""], ["<path>"]),
        (["convert", "a.tif", "b"], ["<path>"]),
        (["convert", "a", "b", "--shuf"], ["--shuffle"]),
        (["convert", "a", "b", "--shuffle", "b"], ["byte", "bit"]),
        (["convert", "a", "b", "--method", "m"], ["mean", "mode", "median", "min", "max"]),
        (["convert", "a", "b", "--config", "c"], ["<path>"]),
        (["preview", "a", "--projection", "m"], ["max", "mean"]),
        (["upgrade", "a", "--to", "0."], ["0.4", "0.5", "0.6"]),
        (["manifest", "a", "--form", "sh"], ["sha256"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_tab_offers_commands_options_choices_and_paths(words: list[str], some: list[str]) -> None:
    assert offered(*words) == some


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["completion", *words])
    return done.exit_code, done.output


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shell", SHELLS)
def test_one_command_installs_it_and_one_removes_all_of_it(home: Path, shell: str) -> None:
    (home / ".zshrc").write_text("alias a=b")  # without a new line at its end
    before = files(home)
    assert run(shell)[0] == 0
    written = files(home)
    assert run(shell)[0] == 0
    assert files(home) == written
    script = next(text for name, text in written.items() if name not in before)
    assert script == run(shell, "--show")[1].removesuffix("\n")
    assert VARIABLE in script
    assert written[".zshrc"].startswith("alias a=b")
    assert run(shell, "--remove")[0] == 0
    assert {name: text.strip() for name, text in files(home).items()} == before
    assert "does not exist" in run(shell, "--remove")[1]


def test_bash_asks_the_command(home: Path) -> None:
    run("bash")
    script = home / ".local/share/bash-completion/completions/pyramid"
    asked = "COMP_WORDS=(pyramid val); COMP_CWORD=1; _pyramid_completion pyramid; echo ${COMPREPLY[@]}"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = ["bash", "--norc", "-c", f"source {script}; {asked}"]
    done = subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["validate"], done.stderr


def test_the_shell_is_that_of_the_environment_or_is_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert "pyramid.fish is written" in run()[1]
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    status, text = run()
    assert (status, text.strip()) == (2, "pyramid: the shell of $SHELL is 'tcsh'; name one of bash, zsh, fish")
    assert "did you mean 'bash'?" in run("bsh")[1]


def test_a_folder_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    (home / ".local").write_text("a file")
    status, text = run("bash")
    assert status == 4
    assert "cannot be written" in text
    assert len(text.strip().splitlines()) == 1


def test_each_command_has_a_group_and_an_example_that_parses() -> None:
    assert {name for names in COMMANDS.values() for name in names} == set(main.commands)
    assert set(main.commands) <= {name for names in COMMANDS.values() for name in names}
    for name, command in main.commands.items():
        text = CliRunner().invoke(main, [name, "--help"]).output
        assert text.rstrip().endswith(f"Example:\n  {EXAMPLES[name]}")
        words = EXAMPLES[name].split()[2:]
        command.make_context(name, words, resilient_parsing=True)


def test_each_option_of_a_conversion_is_in_a_group() -> None:
    grouped = {name for names in OPTIONS.values() for name in names}
    named = {str(parameter.name) for command in main.commands.values() for parameter in command.params}
    assert grouped - {"help"} <= named
    convert = {str(one.name) for one in main.commands["convert"].params if isinstance(one, click.Option)}
    assert convert <= grouped


def test_no_color_leaves_no_color_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from rich.console import Console

    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=StringIO(), force_terminal=True)
    assert console.no_color
