"""Values that a shell offers for an argument or an option: choices, or paths."""

from __future__ import annotations

import re

import click
from click.shell_completion import CompletionItem

from pyramid.options.convert import option_specs
from pyramid.options.one_of import OneOf
from pyramid.options.parsing import METHODS


def complete_value(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the values of a parameter that begin as what is typed.

    Where there are no choices, the shell is asked for paths. Without that, Tab would offer nothing after a command.
    """
    choices = _choices(parameter)
    if choices:
        return [CompletionItem(choice) for choice in choices if choice.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file")]


def _choices(parameter: click.Parameter) -> tuple[str, ...]:
    """Return the values that a parameter may have, where they are a few words."""
    name = str(parameter.name)
    if name == "method":
        return METHODS
    spec = option_specs().get(name)
    if spec is not None and isinstance(spec.parse, OneOf):
        return spec.parse.choices
    words = tuple(str(parameter.metavar or "").strip("[]").split("|"))
    return words if len(words) > 1 and all(re.fullmatch(r"[a-z0-9.]+", word) for word in words) else ()
