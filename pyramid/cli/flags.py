"""Flags made from the fields of `Options`, so that the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click

from pyramid.options import parsing
from pyramid.options.adding import ADDING_OPTIONS, OF_LEVEL_0
from pyramid.options.convert import Options, make_options, option_specs
from pyramid.options.spec import STORAGE_FLAGS, OptionSpec, flag

Command = TypeVar("Command", bound=Callable[..., Any])


json_flag = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, or the failure.")
progress_flag = click.option("--no-progress", is_flag=True, help="Show no progress.")
quiet_flag = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors, and what --json prints.")
quiet_results_flag = click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result and errors.")
verbose_flag = click.option("-v", "--verbose", is_flag=True, help="Show the log, and tracebacks of failures.")
each_flag = click.option(
    "--each", is_flag=True, help="Convert each image in the folder SOURCE, and in its folders, into the folder TARGET."
)
config_flag = click.option("--config", metavar="FILE", help="Read options from a YAML file; a flag beats the file.")


def _help(option_spec: OptionSpec, default: object) -> str:
    text = option_spec.help[0].upper() + option_spec.help[1:]  # so no help may begin with a value
    shown = f" [default: {default}]" if isinstance(default, str | int) and not isinstance(default, bool) else ""
    return f"{text}.{shown}"


def option_flags(command: Command) -> Command:
    """Add a flag to a command for each field of `Options`.

    A key of a mapping that has a flag of its own gets it too.
    """
    return add_option_flags(command, {field.name: field.default for field in fields(Options)})


def adding_flags(command: Command) -> Command:
    """Add a flag to a command for each option of `add_levels`."""
    defaults = {field.name: field.default for field in fields(Options)}
    return add_option_flags(
        command, {name: "as level 0" if name in OF_LEVEL_0 else defaults[name] for name in ADDING_OPTIONS}
    )


def add_option_flags(command: Command, defaults: Mapping[str, object]) -> Command:
    """Add a flag to a command for each option that has a default to be shown."""
    for name, default in reversed([*defaults.items()]):
        option_spec = option_specs()[name]
        command = _key_flags(command, option_spec.split)
        decorate = click.option(
            flag(name) if option_spec.metavar else f"{flag(name)}/--no-{flag(name)[2:]}",
            *option_spec.flags,
            name,
            default=None,
            multiple=option_spec.repeat,
            metavar=option_spec.metavar or None,
            help=_help(option_spec, default),
        )
        command = decorate(command)
    return command


def _key_flags(command: Command, keys: Sequence[tuple[str, str]]) -> Command:
    """Add a flag to a command for each of `keys`, the keys of a mapping."""
    for key, text in reversed(keys):
        switch = key.endswith("anon")
        decorate = click.option(
            flag(key),
            key,
            is_flag=switch,
            default=None,
            help=text[0].upper() + text[1:] + ".",
            metavar=None if switch else "TEXT",
        )
        command = decorate(command)
    return command


def storage_flags(command: Command) -> Command:
    """Add the flags of a store to a command that reads a URL; see `storage_values`."""
    decorate = click.option("--storage-options", metavar="JSON", help="Options of the store.")
    return _key_flags(decorate(command), STORAGE_FLAGS)


def storage_values(flags: dict[str, Any]) -> dict[str, Any] | None:
    """Take the values of `storage_flags` out of `flags`, as storage options.

    Returns None where no such flag was given. Raises OptionError where the JSON is not an object.
    """
    json_text = flags.pop("storage_options")
    keys = {key: value for key, _ in STORAGE_FLAGS if (value := flags.pop(key)) is not None}
    return {**(parsing.mapping(json_text) if json_text else {}), **keys} or None


def option_values(flags: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's values by option name, replaced by given flags.

    A flag for one key of a mapping replaces only that key. `base` holds the configuration's values.
    """
    values = {**base, **{name: flags[name] for name in option_specs() if flags[name] not in (None, ())}}
    for name, option_spec in option_specs().items():
        prefix = option_spec.prefix
        keys = {key.removeprefix(prefix): flags[key] for key, _ in option_spec.split if flags[key] is not None}
        if keys:
            given = getattr(make_options({name: values.get(name)}), name)
            values[name] = {**(given or {}), **keys}
    return values
