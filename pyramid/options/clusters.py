"""The cluster that a run starts: its class, its arguments, and its workers.

A user gives it as a YAML file or as a mapping with the same names. It is parsed here, without importing the class.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import unknown

EXAMPLE = "class: distributed.LocalCluster"
# Names that a mapping of ``adapt`` may hold whatever the class is; others belong to the class.
BOUNDS = ("minimum", "maximum", "minimum_jobs", "maximum_jobs", "minimum_cores", "maximum_cores")


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster that a run starts for itself.

    Parameters
    ----------
    class_path
        Import path of the class.
    kwargs
        Arguments of the class. They may hold secrets, so they are not shown.
    scale
        Number of workers, or the arguments of the cluster's ``scale``.
    adapt
        Arguments of the cluster's ``adapt``, which lets it grow and shrink.
    named
        The file, for errors; None if it was given as a mapping.
    """

    class_path: str
    kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    scale: int | Mapping[str, Any] | None = None
    adapt: Mapping[str, Any] | None = None
    named: str | None = None

    def __str__(self) -> str:
        """Return the class and the number of workers."""
        numbers = self.scale if self.adapt is None else f"adapt {dict(self.adapt)}"
        return self.class_path if numbers is None else f"{self.class_path}, {numbers}"


def parse_cluster(value: object) -> ClusterSpec:
    """Parse the path of a YAML file, or a mapping, that describes a cluster.

    Raises
    ------
    OptionError
        If a name is unknown, a value has the wrong type, or the file cannot be read. An error about a file has the
        place in it.

    Examples
    --------
    >>> parse_cluster({"class": "distributed.LocalCluster", "scale": 4}).scale
    4
    """
    if isinstance(value, ClusterSpec):
        return value
    if isinstance(value, Mapping):
        return _make({str(name): (item, "") for name, item in value.items()}, None)
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise OptionError(f"{short_repr(value)} is not a file; give a YAML file, or a mapping with class: and scale:")
    from pyramid.options.yaml_file import read_entries  # noqa: PLC0415  (yaml: only where there is a file)

    path = os.fspath(value)
    entries = list(read_entries(str(path), "", EXAMPLE))
    for entry in entries:
        if entry.name not in _PARSERS:
            raise OptionError(f"{entry.name_place}: {unknown('key', entry.name, _PARSERS)}")
    return _make({entry.name: (entry.value, f"{entry.value_place}: ") for entry in entries}, str(path))


def _make(items: Mapping[str, tuple[object, str]], named: str | None) -> ClusterSpec:
    """Return the cluster of some values, each with its place."""
    parsed: dict[str, Any] = {}
    for name, (item, place) in items.items():
        if name not in _PARSERS:
            raise OptionError(unknown("key", name, _PARSERS))
        if item is None and name != "class":
            continue
        try:
            parsed[name] = _PARSERS[name](item)
        except OptionError as error:
            raise OptionError(f"{place}{name}: {error}") from None
    where = f"{named}: " if named else ""
    if "class" not in parsed:
        raise OptionError(f"{where}it names no class of a cluster; write a line as {EXAMPLE}")
    if "scale" in parsed and "adapt" in parsed:
        raise OptionError(f"{where}scale and adapt both set the number of workers; leave one out")
    return ClusterSpec(parsed["class"], parsed.get("kwargs", {}), parsed.get("scale"), parsed.get("adapt"), named)


def _class_path(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", value):
        raise OptionError(
            f"{short_repr(value)} is not the import path of a class; write package and class, "
            "as distributed.LocalCluster"
        )
    return value


def _mapping(example: str) -> Callable[[object], dict[str, Any]]:
    def parse(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise OptionError(f"{short_repr(value)} is not a mapping from names to values; write it as {example}")
        return dict(value)

    return parse


def _kwargs(value: object) -> dict[str, Any]:
    parsed = _mapping("{cores: 8, memory: 32GiB}")(value)
    if parsed.get("asynchronous"):
        raise OptionError("asynchronous clusters cannot be waited for; leave asynchronous out")
    return parsed


def _scale(value: object) -> int | dict[str, Any]:
    if isinstance(value, Mapping):
        return _mapping("{jobs: 4}")(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(
            f"{short_repr(value)} is not a number of workers; give one, as 4, or a mapping as {{jobs: 4}}"
        )
    if value < 1:
        raise OptionError(f"{value} is below 1; give 1 or more, or adapt: for a cluster that grows by itself")
    return value


def _adapt(value: object) -> dict[str, Any]:
    example = "{minimum: 0, maximum: 10}"
    parsed = _mapping(example)(value)
    for name in parsed.keys() & set(BOUNDS):
        bound = parsed[name]
        if isinstance(bound, bool) or not isinstance(bound, int) or bound < 0:
            raise OptionError(f"{name} is {short_repr(bound)}, not a number of workers; write it as {example}")
    highest = [parsed[name] for name in BOUNDS if name in parsed and name.startswith("maximum")]
    if not highest:
        raise OptionError(f"{_unknown_bound(parsed)}; write it as {example}")
    for name in ("", "_jobs", "_cores"):
        if parsed.get(f"minimum{name}", 0) > parsed.get(f"maximum{name}", parsed.get(f"minimum{name}", 0)):
            raise OptionError(f"minimum{name} is above maximum{name}; write it as {example}")
    if not any(highest):
        raise OptionError(f"with a maximum of 0 no worker can come; write it as {example}")
    return parsed


def _unknown_bound(given: Iterable[str]) -> str:
    """Return a message that no maximum is given, with the name that may be meant."""
    others = [name for name in given if name not in BOUNDS]
    return f"it has no maximum, and an {unknown('key', others[0], BOUNDS)}" if others else "it has no maximum"


_PARSERS: dict[str, Callable[[object], Any]] = {
    "class": _class_path,
    "kwargs": _kwargs,
    "scale": _scale,
    "adapt": _adapt,
}
