"""Options from a YAML file, each mistake told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pyramid.errors import OptionError
from pyramid.options import make_options

BYTES_MOST = 2**20


def read_config(path: str) -> dict[str, Any]:
    """Option values by name, each one checked.

    Raises
    ------
    OptionError
        Where the file cannot be read, is no YAML, or holds what is no option: with file, line and column.
    """
    try:
        text = Path(path).read_bytes()[: BYTES_MOST + 1]
    except OSError as error:
        raise OptionError(f"config: {path} cannot be read: {error.strerror}") from error
    if len(text) > BYTES_MOST:
        raise OptionError(f"config: {path} is over {BYTES_MOST} bytes, which no configuration is")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise OptionError(f"config: {path} is no YAML: {error}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise OptionError(f"{_place(path, root)}: a configuration is a mapping from option names to values")
    seen: set[str] = set()
    for key, value in root.value:
        if key.value in seen:
            raise OptionError(f"{_place(path, key)}: {key.value!r} stands twice")
        seen.add(key.value)
        _check(path, key, value, values[key.value] if isinstance(key.value, str) else None)
    return dict(values)


def _check(path: str, key: yaml.Node, node: yaml.Node, value: object) -> None:
    try:
        make_options({str(key.value): value})
    except OptionError as error:
        told = f"{error}"
        place = key if told.startswith("there is no option") else node
        raise OptionError(f"{_place(path, place)}: {told}") from None


def _place(path: str, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
