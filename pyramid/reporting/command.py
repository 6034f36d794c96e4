"""The command, or the call, that does what a report is about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pyramid.options.spec import flag


def command_of(report: Mapping[str, Any]) -> str:
    """Return the command with the options that were given, for a shell.

    Values that may be secret are as hidden in it as in the report.

    Examples
    --------
    >>> options = {"given": {"chunks": {"z": 8, "y": 64}, "codec": "zstd", "checksum": True}}
    >>> command_of({"command": "convert", "source": "a b.tif", "target": "b.zarr", "options": options})
    "pyramid convert 'a b.tif' b.zarr --chunks z=8,y=64 --codec zstd --checksum"
    """
    if report["command"] == "create":
        return _call(report)
    places = [place for place in (report["source"] or "(an array)", report["target"]) if place is not None]
    return shlex.join(["pyramid", report["command"], *places, *_flags(report["options"]["given"])])


def _call(report: Mapping[str, Any]) -> str:
    """Return the call of `pyramid.create`, which has no command."""
    given = ", ".join(f"{name}={value!r}" for name, value in report["options"]["given"].items() if name != "axes")
    spec = report["plan"]["spec"] if report["plan"] else {}
    what = "shape, dtype" if not spec else f"{tuple(spec['shape'])}, {spec['dtype']!r}, axes={spec['axes']!r}"
    return f"pyramid.create({report['target']!r}, {what}{', ' * bool(given)}{given})"


def _flags(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if value is True:
            yield flag(name)
        elif value is False:
            yield flag(f"no_{name}")
        elif value is not None:
            yield flag(name)
            yield _shown(value)


def _shown(value: object) -> str:
    """Return the value of an option as it is typed."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return (";" if any(isinstance(item, Mapping) for item in value) else ",").join(map(_shown, value))
    return str(value)
