"""Commands whose usage errors end with what to type instead."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import Any

import click

from pyramid.cli.completing import complete_value
from pyramid.cli.help import EXAMPLES, write_commands, write_example, write_options
from pyramid.options.nearest import nearest

# The words that a command needs at least, if it takes several.
WORDS = {"convert": ("SOURCE", "TARGET"), "plan": ("SOURCE",)}
_SOURCE_SUFFIXES = re.compile(r"(\.ome)?\.[A-Za-z0-9]+$")


# The flags that show the help of each command.
HELP = ["-h", "--help"]


class SentenceCommand(click.Command):
    """A command that says what to do where its arguments or options are wrong."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.context_settings.setdefault("help_option_names", HELP)  # with and without the group around it
        for parameter in self.params:
            parameter._custom_shell_complete = complete_value  # as shell_complete=... of each, in one place

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups, and an example."""
        write_options(self.get_params(ctx), ctx, formatter)
        write_example(str(self.name), formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words after the command, and add the remedy to a usage error."""
        given = list(args)
        options = [name for parameter in self.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)]
        flags = [name for name in options if name.startswith("--")]
        _check_dashes(given, flags, ctx)
        try:
            left = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            file = next((word for word in given if word.startswith("-") and os.path.exists(word)), None)
            hint = _unknown_option(error.option_name, flags, ctx)
            raise click.UsageError(f"'{file}' reads as an option; type ./{file}" if file else hint, ctx) from None
        except click.MissingParameter as error:
            if error.param is None or error.param.param_type_name != "argument":
                raise
            name = error.param.metavar or error.param.human_readable_name.upper()
            raise click.UsageError(f"Missing argument '{name}'; type {_example(ctx, given)}", ctx) from None
        except click.BadOptionUsage as error:
            name, reason = error.option_name, error.format_message().rstrip(".")
            hint = f"type {name} VALUE" if "requires" in reason else f"type {name} and no more"
            raise click.UsageError(f"{reason}; {hint}", ctx) from None
        except click.UsageError as error:
            if type(error) is not click.UsageError:  # else words are left over
                raise
            hint = f"put quotes around a path with spaces, as in {_example(ctx, [])}"
            raise click.UsageError(f"{error.format_message()}; {hint}", ctx) from None
        if not ctx.resilient_parsing:  # else a shell asks what may follow
            _check_given(ctx, given)
        return left


def _check_given(ctx: click.Context, given: Sequence[str]) -> None:
    """Raise UsageError where words are missing, or flags contradict each other."""
    if len(ctx.params.get("words", ())) < len(needed := WORDS.get(str(ctx.info_name), ())):
        name = needed[len(ctx.params["words"])]
        raise click.UsageError(f"Missing argument '{name}'; type {_example(ctx, given)}", ctx)
    if ctx.params.get("quiet") and ctx.params.get("verbose"):
        raise click.UsageError("-q prints less and -v prints more; give one of them", ctx)


def _check_dashes(words: Sequence[str], flags: Sequence[str], ctx: click.Context) -> None:
    """Raise UsageError for ``-chunks``, which click reads as ``-c hunks``."""
    for word in words:
        if word == "--":
            return
        name = f"-{word.partition('=')[0]}"
        if re.match(r"-[A-Za-z]{2}", word) and name in flags:
            raise click.UsageError(f"No such option '{name[1:]}'; did you mean '{name}', with two dashes?", ctx)


def _unknown_option(name: str, flags: Sequence[str], ctx: click.Context) -> str:
    near = nearest(name.lstrip("-"), [flag[2:] for flag in flags]) if name.startswith("--") else None
    hint = f"did you mean '--{near}'?" if near else f"{ctx.command_path} --help lists all options"
    return f"No such option '{name}'; {hint}"


def _example(ctx: click.Context, given: Sequence[str]) -> str:
    """Return what to type: the words given, with what is missing, or an example."""
    words = [word for word in given if not word.startswith("-")]
    if ctx.info_name in ("convert", "download") and len(given) == len(words) == 1:
        name = words[0].rstrip("/").rpartition("/")[2]
        target = f"{_SOURCE_SUFFIXES.sub('', name)}.ome.zarr"
        if os.path.abspath(target) == os.path.abspath(words[0]):
            target = f"copy-of-{target}"
        return shlex.join(["pyramid", str(ctx.info_name), words[0], target])
    return EXAMPLES.get(str(ctx.info_name), f"{ctx.command_path} --help describes")


def unknown_command(name: str, commands: Sequence[str]) -> str:
    """Return a message that `name` is unknown, with the command that it may mean."""
    if re.search(r"[./\\*]", name):
        return f"No such command '{name}'; a command comes first, as {shlex.join(['pyramid', 'convert', name])} TARGET"
    near = nearest(name, commands)
    hint = f"did you mean '{near}'?" if near else f"the commands are {', '.join(commands)}"
    return f"No such command '{name}'; {hint}"


class SentenceGroup(click.Group):
    """Commands as defined, in that order, whose usage errors end with what to type."""

    command_class = SentenceCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in groups."""
        write_commands(self, ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise UsageError with the nearest name."""
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown_command(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, and add the remedy to a wrong option before the command."""
        flags = [name for parameter in self.get_params(ctx) for name in parameter.opts if name.startswith("--")]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            of_commands = {
                name for command in self.commands.values() for parameter in command.params for name in parameter.opts
            }
            if error.option_name in of_commands:
                message = f"'{error.option_name}' is an option of a command; type it after the command"
                raise click.UsageError(message, ctx) from None
            raise click.UsageError(_unknown_option(error.option_name, flags, ctx), ctx) from None
