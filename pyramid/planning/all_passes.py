"""The passes of a pyramid of which the source has some levels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyramid.model import SourceSpec
from pyramid.planning.blocks import Pass
from pyramid.planning.levels import PlannedLevel
from pyramid.planning.passes import make_passes
from pyramid.planning.resources import Resources


def make_all_passes(
    levels: Sequence[PlannedLevel], spec: SourceSpec, own: Sequence[SourceSpec], resources: Resources
) -> tuple[tuple[Pass, ...], Resources]:
    """Cut the building of `levels` into passes, those of each own level apart.

    What reads a level of the source is planned as an image is, with the levels that the method makes of it. So a level
    that is copied is a pass of its own.

    Parameters
    ----------
    levels, resources
        As for `make_passes`.
    spec, own
        The source, and its own smaller levels.
    """
    passes: list[Pass] = []
    begins = [number for number, level in enumerate(levels) if level.own is not None]
    for begin, end in zip(begins, [*begins[1:], len(levels)], strict=True):
        number = levels[begin].own or 0
        made, resources = make_passes(levels[begin:end], own[number - 1] if number else spec, resources)
        for pass_ in made:
            source = None if pass_.source is None else pass_.source + begin
            passes.append(replace(pass_, source=source, first=pass_.first + begin, last=pass_.last + begin, own=number))
    return tuple(passes), resources
