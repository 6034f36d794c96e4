"""The options in a report: as given, and as decided, without secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyramid.errors import PyramidError
from pyramid.options.convert import Options
from pyramid.stores import locate, public_options, without_secrets

if TYPE_CHECKING:
    from pyramid.planning import Plan

# The value of an option that is secret, or that might be.
HIDDEN = "(not shown)"


def given_options(options: Options, source: object, target: str | None) -> dict[str, Any]:
    """Return the options that differ from their defaults, by name, as values for JSON."""
    given = {field.name: value for field in fields(options) if (value := getattr(options, field.name)) != field.default}
    urls = {
        "storage_options": (source, target),
        "source_storage_options": (source,),
        "target_storage_options": (target,),
    }
    for name in given.keys() & urls.keys():
        given[name] = _public(given[name], urls[name])
    return {name: _json(value) for name, value in given.items()}


def _public(options: Mapping[str, Any], places: Sequence[object]) -> dict[str, Any]:
    """Return storage options without the values of secret ones.

    An option is secret if it is so at one of the places. Without a URL nothing says which are, and none is shown.
    """
    urls = [os.fspath(place) for place in places if isinstance(place, str | os.PathLike)]
    public = [_public_names(url, options) for url in urls if not _is_local(url)]
    shown = set.intersection(*public) if public else set()
    return {name: value if name in shown else HIDDEN for name, value in options.items()}


def _public_names(url: str, options: Mapping[str, Any]) -> set[str]:
    try:
        return set(public_options(url, options))
    except PyramidError:  # the URL is not valid
        return set()


def _is_local(url: str) -> bool:
    try:
        return locate(url).is_local
    except PyramidError:
        return False


def decided_options(plan: Plan) -> dict[str, Any]:
    """Return the value that was decided for each option of the pyramid."""
    spec, base, encoding = plan.spec, plan.levels[0], plan.encoding
    named = {
        "axes": spec.axes,
        "scale": dict(zip(spec.axes, spec.scale, strict=True)),
        "units": dict(zip(spec.axes, spec.units, strict=True)),
        "origin": dict(zip(spec.axes, base.translation, strict=True)),
        "name": spec.name,
        "channel_names": [channel.name for channel in spec.channels],
        "channel_colors": [channel.color for channel in spec.channels],
        "format": "n5" if plan.version == "n5" else "ome-zarr",
        "ome_zarr_version": None if plan.version == "n5" else plan.version,
        "method": plan.method,
        "nodata": plan.nodata,
        "level_source": "reuse" if plan.copied else "rebuild",
        "scale_factors": [dict(zip(spec.axes, level.factors, strict=True)) for level in plan.levels[1:]],
        "levels": len(plan.levels),
        "chunks": dict(zip(spec.axes, base.chunks, strict=True)),
        "shards": dict(zip(spec.axes, base.shards, strict=True)) if base.shards else None,
        "codec": encoding.codec,
        "codec_level": encoding.codec_level,
        "shuffle": encoding.shuffle,
        "checksum": encoding.checksum,
        "skip_empty": encoding.skip_empty,
        "memory": plan.resources.memory_bytes,
        "workers": plan.resources.workers,
    }
    return {name: _json(value) for name, value in named.items()}


def source_name(source: object) -> str:
    """Return a path or URL without secrets, or the class of an array."""
    if not isinstance(source, str | os.PathLike):
        return f"{type(source).__module__}.{type(source).__qualname__}"
    return target_name(os.fspath(source)) or ""


def target_name(target: str | None) -> str | None:
    """Return a path or URL without secrets."""
    if target is None:
        return None
    try:
        return str(locate(target))
    except PyramidError:  # it is not valid, and the error says so
        return without_secrets(target)


def _json(value: object) -> Any:  # noqa: ANN401  (JSON)
    """Return a value as JSON can hold it. Text is freed from what may be secret."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else without_secrets(str(value))
