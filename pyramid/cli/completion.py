"""``pyramid completion``: what Tab offers in a shell."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import verbose_flag
from pyramid.cli.usage import SentenceCommand
from pyramid.errors import OptionError, TargetError
from pyramid.options.one_of import check_choice

SHELLS = ("bash", "zsh", "fish")
# The variable by which click asks a program of this name for what Tab offers.
VARIABLE = "_PYRAMID_COMPLETE"
# zsh has compdef only after this, which many do in their own .zshrc.
_ZSH_HEAD = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\n"


@dataclass(frozen=True)
class Place:
    """The file that a shell reads, and for zsh the start-up file that must name it."""

    script: Path
    startup: Path | None = None

    @property
    def line(self) -> str:
        """The line of the start-up file."""
        return f'[ -r "{self.script}" ] && source "{self.script}"  # completion of pyramid\n'


def find_place(shell: str) -> Place:
    """Return where a shell looks for completions of this user."""
    data = _folder("XDG_DATA_HOME", ".local/share")
    if shell == "bash":
        own = os.environ.get("BASH_COMPLETION_USER_DIR")
        return Place((Path(own) if own else data / "bash-completion") / "completions" / "pyramid")
    if shell == "fish":
        return Place(_folder("XDG_CONFIG_HOME", ".config") / "fish" / "completions" / "pyramid.fish")
    return Place(data / "ome-pyramid" / "completion.zsh", _folder("ZDOTDIR", "") / ".zshrc")


def _folder(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / usual)


def make_script(shell: str, group: click.Command) -> str:
    """Return the script with which a shell asks for what Tab offers."""
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415  (not for --help)

    found = get_completion_class(shell)
    assert found is not None, shell
    # Not that of the class: for bash it asks the shell of PATH for its version, and there may be none.
    text = ShellComplete.source(found(group, {}, "pyramid", VARIABLE))
    return (_ZSH_HEAD if shell == "zsh" else "") + text


def install(place: Place, script: str) -> None:
    """Write the script, and name it in the start-up file once."""
    _replace(place.script, script)
    if place.startup is not None:
        before = _read(place.startup)
        if place.line not in before:
            end = "" if not before or before.endswith("\n") else "\n"
            with place.startup.open("a", encoding="utf-8") as file:
                file.write(f"{end}{place.line}")


def remove(place: Place) -> bool:
    """Remove what `install` wrote; return False where nothing is there."""
    was_there = place.script.exists()
    place.script.unlink(missing_ok=True)
    if place.startup is not None and place.line in (before := _read(place.startup)):
        startup, after = Path(os.path.realpath(place.startup)), before.replace(place.line, "")
        if after:
            _replace(startup, after)
        else:
            startup.unlink()
        was_there = True
    if place.script.parent.name == "ome-pyramid" and place.script.parent.is_dir():
        place.script.parent.rmdir()
    return was_there


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _replace(path: Path, text: str) -> None:
    """Write a file next to its place, and give it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / "new"
        new.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)


@click.command(cls=SentenceCommand)
@click.argument("shell", required=False, metavar="[bash|zsh|fish]")
@click.option("--show", is_flag=True, help="Print the script, and write nothing.")
@click.option("--remove", "removes", is_flag=True, help="Remove what this command has written.")
@verbose_flag
@click.pass_context
def completion(ctx: click.Context, shell: str | None, show: bool, removes: bool, verbose: bool) -> None:
    """Install what Tab offers after pyramid in a shell.

    Without a name it is the shell of $SHELL. Commands, options, choices and paths are offered in shells that start
    later. bash needs its package bash-completion; for zsh one line is added to .zshrc.
    """
    with exit_on_error(verbose=verbose):
        chosen = _choose(shell)
        if show:
            click.echo(make_script(chosen, ctx.find_root().command))
            return
        place = find_place(chosen)
        try:
            if removes:
                is_removed = remove(place)
                click.echo(f"{place.script} {'is removed' if is_removed else 'does not exist'}")
                return
            install(place, make_script(chosen, ctx.find_root().command))
        except OSError as error:
            name = error.filename or place.script
            raise TargetError(f"{name} cannot be written: {error.strerror}; --show prints the script") from error
        click.echo(f"{place.script} is written; it counts in a {chosen} that starts from now on")


def _choose(shell: str | None) -> str:
    if shell is not None:
        return check_choice("SHELL", shell, SHELLS)
    name = os.path.basename(os.environ.get("SHELL", ""))
    if name not in SHELLS:
        raise OptionError(f"the shell of $SHELL is {name or 'not known'!r}; name one of {', '.join(SHELLS)}")
    return name
