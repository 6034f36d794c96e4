"""The passes of a pyramid of which the source has some levels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyramid.model import SourceSpec
from pyramid.planning.blocks import Pass
from pyramid.planning.levels import PlannedLevel
from pyramid.planning.passes import PassChoice
from pyramid.planning.resources import Resources


def make_all_passes(
    levels: Sequence[PlannedLevel],
    spec: SourceSpec,
    own: Sequence[SourceSpec],
    resources: Resources,
    *,
    kept: bool = False,
) -> tuple[tuple[Pass, ...], Resources]:
    """Cut the building of `levels` into passes, those of each own level apart.

    What reads a level of the source is planned as an image is, with the levels that the method makes of it. So a level
    that is copied is a pass of its own.

    Parameters
    ----------
    levels, resources, kept
        As for `_make_passes`.
    spec, own
        The source, and its own smaller levels.
    """
    passes: list[Pass] = []
    begins = [number for number, level in enumerate(levels) if level.own is not None]
    for begin, end in zip(begins, [*begins[1:], len(levels)], strict=True):
        number = levels[begin].own or 0
        of = own[number - 1] if number else spec
        made, resources = _make_passes(levels[begin:end], of, resources, kept=kept and begin == 0)
        for pass_ in made:
            source = None if pass_.source is None else pass_.source + begin
            passes.append(replace(pass_, source=source, first=pass_.first + begin, last=pass_.last + begin, own=number))
    return tuple(passes), resources


def _make_passes(
    levels: Sequence[PlannedLevel], spec: SourceSpec, resources: Resources, *, kept: bool = False
) -> tuple[tuple[Pass, ...], Resources]:
    """Cut the building of `levels` into passes, each with as many levels as fit.

    Parameters
    ----------
    levels, spec, resources
        The levels, the source, and what is there to build them with.
    kept
        Whether level 0 is left as it is: the first pass then reads it and makes the levels after it. Its chunks are
        those of the source.

    Returns
    -------
    tuple
        The passes, none where there is nothing to make, and the resources. The extra blocks are left out where the
        smallest blocks would not fit with them.

    Raises
    ------
    OptionError
        If no choice of passes fits. The message names the least memory that is enough.
    """
    item_bytes = spec.item_bytes
    starts = spec.chunk_starts or (0,) * len(spec.chunks)
    begin = int(kept)
    choice = PassChoice(
        levels, begin, begin, item_bytes, spec.chunks, starts, spec.chunks_at_once, spec.read_bytes, resources
    )
    if begin == len(levels):
        return (), resources
    if resources.extra_blocks and not choice.can_finish():
        resources = replace(resources, extra_blocks=0)
        choice = replace(choice, resources=resources)
    choice.check_memory()
    passes: list[Pass] = []
    while choice.first < len(levels):
        passes.append(choice.choose())
        choice = replace(choice, first=passes[-1].last + 1)
    return tuple(passes), resources
