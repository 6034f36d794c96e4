"""Flags made from the fields of `Options`, so that the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import click

from pyramid.options import Options, Spelling, spellings

Command = TypeVar("Command", bound=Callable[..., Any])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _help(spelling: Spelling, default: object) -> str:
    text = spelling.help[0].upper() + spelling.help[1:]
    shown = f" [default: {default}]" if isinstance(default, str | int) and not isinstance(default, bool) else ""
    return f"{text}.{shown}"


def option_flags(command: Command) -> Command:
    """Give a command a flag for each field of `Options`, and for each key that has a flag of its own."""
    defaults = {field.name: field.default for field in fields(Options)}
    for name, spelling in reversed(spellings().items()):
        for key, text in reversed(spelling.split):
            switch = key == "anon"
            decorate = click.option(
                _flag(key),
                key,
                is_flag=switch,
                default=None,
                help=text[0].upper() + text[1:] + ".",
                metavar=None if switch else "TEXT",
            )
            command = decorate(command)
        decorate = click.option(
            _flag(name),
            *spelling.flags,
            name,
            is_flag=not spelling.metavar,
            default=None,
            multiple=spelling.repeat,
            metavar=spelling.metavar or None,
            help=_help(spelling, defaults[name]),
        )
        command = decorate(command)
    return command


def option_values(flags: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, by option name; flags that stand for one key of a mapping are put into it."""
    values = {name: flags[name] for name in spellings() if flags[name] not in (None, ())}
    for name, spelling in spellings().items():
        keys = {key: flags[key] for key, _ in spelling.split if flags[key] is not None}
        if keys:
            values[name] = {**(spelling.parse(values[name]) if name in values else {}), **keys}
    return values
