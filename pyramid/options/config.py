"""Options from a YAML file. Each error names its file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pyramid.errors import OptionError
from pyramid.options.convert import make_options

# Largest file that is read: a configuration needs a few hundred bytes, so a larger file is a mistake.
MAX_CONFIG_BYTES = 2**16


def read_config(path: str) -> dict[str, Any]:
    """Read option values by name from a YAML file, and check each one.

    Raises
    ------
    OptionError
        If the file cannot be read, is not valid YAML, or holds anything but valid options. The message names the file,
        the line and the column.
    """
    text = _read(path)
    with _wrap_errors(path):
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    if aliased:  # a few nested aliases can unfold to more than memory holds
        raise OptionError(f"config: {path} has an alias (*name); write the value itself in its place")
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise OptionError(
            f"{_place(path, root)}: a configuration is a mapping from option names to values; write lines as levels: 3"
        )
    values: dict[str, Any] = {}
    for key, node in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name in values:
            raise OptionError(f"{_place(path, key)}: {name!r} is given twice; leave one out")
        with _wrap_errors(path, node):
            values[name] = loader.construct_object(node, deep=True)
        _check(path, key, node, {name: values[name]})
    return values


def _read(path: str) -> bytes:
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise OptionError(f"config: {path} cannot be read: {error.strerror}; check the path") from error
    if len(text) > MAX_CONFIG_BYTES:
        raise OptionError(
            f"config: {path} is over {MAX_CONFIG_BYTES} bytes, too large for a configuration; check the path"
        )
    return text


@contextmanager
def _wrap_errors(path: str, node: yaml.Node | None = None) -> Iterator[None]:
    """Raise errors of the YAML library as OptionError with the place."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise OptionError(
            f"{place}: not valid YAML: {error.problem or error.context}; write lines as levels: 3"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = path if node is None else _place(path, node)
        raise OptionError(
            f"{place}: not valid YAML: {' '.join(str(error).split())}; write lines as levels: 3"
        ) from error


def _check(path: str, key: yaml.Node, node: yaml.Node, option: dict[str, Any]) -> None:
    try:
        make_options(option)
    except OptionError as error:
        place = key if f"{error}".startswith("unknown option") else node
        raise OptionError(f"{_place(path, place)}: {error}") from None


def _place(path: str, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
