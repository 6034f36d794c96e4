"""A mapping from a YAML file, with the place of each name and value for errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pyramid.errors import OptionError

# Largest file that is read: a configuration needs a few hundred bytes, so a larger file is a mistake.
MAX_FILE_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Entry:
    """A name of a mapping and its value, each with file, line and column."""

    name: str
    value: Any
    name_place: str
    value_place: str


def read_entries(path: str, prefix: str, example: str) -> Iterator[Entry]:
    """Yield the entries of the mapping that a YAML file holds.

    Parameters
    ----------
    path
        The file. It is read with YAML's safe loader.
    prefix
        The beginning of errors about the whole file.
    example
        A line of such a file, for errors.

    Raises
    ------
    OptionError
        If the file cannot be read, is not valid YAML, or holds anything but a mapping. The message names the file,
        the line and the column.
    """
    text = _read(path, prefix)
    with _wrap_errors(path, example):
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    if aliased:  # a few nested aliases can unfold to more than memory holds
        raise OptionError(f"{prefix}{path} has an alias (*name); write the value itself in its place")
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return
    if not isinstance(root, yaml.MappingNode):
        raise OptionError(
            f"{_place(path, root)}: a configuration is a mapping from names to values; write lines as {example}"
        )
    seen: set[str] = set()
    for key, node in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name in seen:
            raise OptionError(f"{_place(path, key)}: {name!r} is given twice; leave one out")
        seen.add(name)
        with _wrap_errors(path, example, node):
            value = loader.construct_object(node, deep=True)
        yield Entry(name, value, _place(path, key), _place(path, node))


def _read(path: str, prefix: str) -> bytes:
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"{prefix}{path} cannot be read: {reason}; check the path") from error
    if len(text) > MAX_FILE_BYTES:
        raise OptionError(
            f"{prefix}{path} is over {MAX_FILE_BYTES} bytes, too large for a configuration; check the path"
        )
    return text


@contextmanager
def _wrap_errors(path: str, example: str, node: yaml.Node | None = None) -> Iterator[None]:
    """Raise errors of the YAML library as OptionError with the place."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise OptionError(
            f"{place}: not valid YAML: {error.problem or error.context}; write lines as {example}"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        place = path if node is None else _place(path, node)
        raise OptionError(
            f"{place}: not valid YAML: {' '.join(str(error).split())}; write lines as {example}"
        ) from error


def _place(path: str, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
