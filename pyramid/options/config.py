"""Options from a YAML file, each mistake told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pyramid.errors import OptionError
from pyramid.options.convert import make_options

BYTES_MOST = 2**16


def read_config(path: str) -> dict[str, Any]:
    """Option values by name, each one checked.

    Raises
    ------
    OptionError
        Where the file cannot be read, is no YAML, or holds what is no option: with file, line and column.
    """
    text = _read(path)
    with _told(path):
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    if aliased:  # it may stand for a thousand others: what it unfolds to is no configuration
        raise OptionError(f"config: {path} has an alias (*name); write the value where it is meant")
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise OptionError(f"{_place(path, root)}: a configuration is a mapping from option names to values")
    values: dict[str, Any] = {}
    for key, node in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name in values:
            raise OptionError(f"{_place(path, key)}: {name!r} stands twice")
        with _told(path, node):
            values[name] = loader.construct_object(node, deep=True)
        _check(path, key, node, {name: values[name]})
    return values


def _read(path: str) -> bytes:
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(BYTES_MOST + 1)
    except OSError as error:
        raise OptionError(f"config: {path} cannot be read: {error.strerror}; check the path") from error
    if len(text) > BYTES_MOST:
        raise OptionError(f"config: {path} is over {BYTES_MOST} bytes, which no configuration is")
    return text


@contextmanager
def _told(path: str, node: yaml.Node | None = None) -> Iterator[None]:
    """Turn what YAML says of the text into OptionError with the place."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise OptionError(f"{place}: this is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = path if node is None else _place(path, node)
        raise OptionError(f"{place}: this is no YAML: {' '.join(str(error).split())}") from error


def _check(path: str, key: yaml.Node, node: yaml.Node, option: dict[str, Any]) -> None:
    try:
        make_options(option)
    except OptionError as error:
        place = key if f"{error}".startswith("there is no option") else node
        raise OptionError(f"{_place(path, place)}: {error}") from None


def _place(path: str, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
