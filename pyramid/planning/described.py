"""The source as it is written: with the user's scale, units, name and channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pyramid.model import SPACE, Channel, SourceSpec
from pyramid.options import parsing
from pyramid.options.convert import Options
from pyramid.planning.placement import placed


def with_options(spec: SourceSpec, options: Options) -> SourceSpec:
    """Return the source with the user's scale, units, name and channels."""
    scale = {**dict(zip(spec.axes, spec.scale, strict=True)), **(options.scale or {})}
    units = {**dict(zip(spec.axes, spec.units, strict=True)), **_units(options, spec.axes)}
    given = replace(
        spec,
        scale=tuple(scale[axis] for axis in spec.axes),
        units=tuple(units[axis] for axis in spec.axes),
        name=options.name or spec.name,
        channels=_channels(spec, options),
    )
    if options.scale or options.units:
        given = replace(given, notices=(*given.notices, *_unknown_sizes(given)))
    return placed(_without_origins_of_other_units(given, spec.units), options)


def _unknown_sizes(spec: SourceSpec) -> Iterator[str]:
    """Yield a notice for the axes of space whose size is not known, by their unit."""
    axes = [axis for axis, size in zip(spec.axes, spec.scale, strict=True) if axis in SPACE and size is None]
    unit_of = dict(zip(spec.axes, spec.units, strict=True))
    for unit in dict.fromkeys(unit_of[axis] for axis in axes):
        named = " and ".join(axis for axis in axes if unit_of[axis] == unit)
        yield (
            f"the size of a pixel on {named} is not known, and is written as 1 {unit or 'without a unit'}; "
            "give it with scale=... too"
        )


def _without_origins_of_other_units(spec: SourceSpec, units: Sequence[str | None]) -> SourceSpec:
    """Set the translation to 0 on each axis whose unit differs from that in `units`."""
    lost = [i for i, offset in enumerate(spec.translation) if offset and units[i] not in (None, spec.units[i])]
    if not lost:
        return spec
    named = ", ".join(f"{spec.axes[i]}={spec.translation[i]:g} {units[i]}" for i in lost)
    return replace(
        spec,
        translation=tuple(0.0 if i in lost else offset for i, offset in enumerate(spec.translation)),
        notices=(*spec.notices, f"the source's translation {named} is not kept, as the axis is given another unit"),
    )


def _units(options: Options, axes: str) -> Mapping[str, str]:
    """Return the user's units.

    An axis of space that was given a scale and no unit is in micrometers.
    """
    if isinstance(options.units, str):
        return {axis: options.units for axis in axes if axis in SPACE}
    assumed = {axis: "micrometer" for axis in options.scale or {} if axis in SPACE}
    return {**assumed, **(options.units or {})}


def _channels(spec: SourceSpec, options: Options) -> tuple[Channel, ...]:
    count = spec.shape[spec.axes.index("c")] if "c" in spec.axes else 1
    parsing.lengths("channel_names", options.channel_names, count)
    parsing.lengths("channel_colors", options.channel_colors, count)
    channels = list(spec.channels) or [Channel()] * count
    for i, name in enumerate(options.channel_names or ()):
        channels[i] = replace(channels[i], name=name)
    for i, color in enumerate(options.channel_colors or ()):
        channels[i] = replace(channels[i], color=color)
    return tuple(channels)
