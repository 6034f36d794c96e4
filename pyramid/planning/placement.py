"""The position of the first pixel: the user's, or the source's as selected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyramid.model import SourceSpec
from pyramid.options.convert import Options
from pyramid.options.selected import step_by_axis


def placed(spec: SourceSpec, options: Options) -> SourceSpec:
    """Return the source with the translation that level 0 gets.

    Parameters
    ----------
    spec
        The source, with the scale and units of level 0, and the translation of the source.
    options
        ``origin`` takes the place of the translation of its axes.

    Examples
    --------
    >>> spec = SourceSpec("yx", (8, 8), "uint8", (1, 1), (0.5, 0.5), (None, None), skipped=(10, 0))
    >>> placed(spec, Options()).translation, placed(spec, Options(origin={"x": 7.0})).translation
    ((5.0, 0.0), (5.0, 7.0))
    """
    if not spec.skipped and not options.origin:
        return spec
    none = (0.0,) * len(spec.axes)
    origins = spec.translation or none
    moved = zip(spec.axes, origins, spec.skipped or none, spec.scale, strict=True)
    given = options.origin or {}
    translation = tuple(given.get(axis, a + n * (1.0 if size is None else size)) for axis, a, n, size in moved)
    return replace(spec, translation=translation, skipped=(), notices=(*spec.notices, *_stepped(spec, options)))


def _stepped(spec: SourceSpec, options: Options) -> Iterator[str]:
    """Yield a notice for each scale that is given for an axis with a step."""
    steps = step_by_axis(options.select) if options.select else {}
    for axis, size in (options.scale or {}).items():
        if axis in spec.axes and steps.get(axis, 1) > 1:
            yield (
                f"scale: {axis}={size:g} is taken as the size of a pixel of level 0, which takes one of {steps[axis]} "
                "of the source's"
            )
