"""Options from a YAML file. Each error names its file, line and column."""

from __future__ import annotations

from typing import Any

from pyramid.errors import OptionError
from pyramid.options.convert import make_options
from pyramid.options.yaml_file import MAX_FILE_BYTES as MAX_CONFIG_BYTES
from pyramid.options.yaml_file import Entry, read_entries

__all__ = ["MAX_CONFIG_BYTES", "read_config"]


def read_config(path: str) -> dict[str, Any]:
    """Read option values by name from a YAML file, and check each one.

    Raises
    ------
    OptionError
        If the file cannot be read, is not valid YAML, or holds anything but valid options. The message names the file,
        the line and the column.
    """
    values: dict[str, Any] = {}
    for entry in read_entries(path, "config: ", "levels: 3"):
        _check(entry)
        values[entry.name] = entry.value
    return values


def _check(entry: Entry) -> None:
    try:
        make_options({entry.name: entry.value})
    except OptionError as error:
        place = entry.name_place if f"{error}".startswith("unknown option") else entry.value_place
        raise OptionError(f"{place}: {error}") from None
