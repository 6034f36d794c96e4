"""An image of which only shape, dtype and axes are known, and its plan."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.model import Box, Shape, SourceSpec
from pyramid.options.convert import Options
from pyramid.planning import Plan, Resources, make_plan
from pyramid.planning.all_passes import make_all_passes
from pyramid.readers.axes import AxisOrder, check_extent
from pyramid.readers.labelled import Labelled, describe_array
from pyramid.reduce import load_method, margins_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

# Key of a creation's record: the length on t, once `finish` has found it.
LENGTH = "length"
# Pixels on t of an image whose length is not known: more frames than a camera of 1000 a second makes in four hours.
MAX_LENGTH = 2**24
# Resources with which levels, chunks and shards are decided, which depend on none. A task of `finish` is planned with
# those that are there by then.
_ANY = Resources(1, 2**60)


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source that has a description and no pixels: those of level 0 come by region."""

    spec: SourceSpec

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Raise SourceError: level 0 is read from the target."""
        del out
        raise SourceError(f"the image is only declared, and has no pixels at {box.start}; read level 0 of the target")

    def fingerprint(self) -> dict[str, Any]:
        """Return nothing: axes, shape and dtype are all there is."""
        return {}


@dataclass(frozen=True, slots=True)
class Declared:
    """An image that is to come.

    Parameters
    ----------
    source
        Its description, in the order of the axes of OME-Zarr.
    order
        The axis of each dimension of the user's.
    grows
        Whether its length on t is not known.
    """

    source: DeclaredSource
    order: AxisOrder
    grows: bool

    @property
    def letters(self) -> str:
        """The axes in the user's order."""
        return "".join(self.order.letters)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape in the user's order; None for a length that is not known."""
        pairs = zip(self.order.letters, self.order.shape, strict=True)
        return tuple(None if self.grows and axis == "t" else n for axis, n in pairs)


def declare(shape: object, dtype: DTypeLike, options: Options) -> Declared:
    """Return the image that a user declares.

    Raises
    ------
    OptionError
        If shape, dtype and axes do not make an image.
    """
    lengths = _lengths(shape)
    try:
        parsed = np.dtype(dtype)
    except TypeError as error:
        raise OptionError(f"dtype: {short_repr(dtype)} is none of NumPy; give one such as 'uint16'") from error
    known = tuple(1 if n is None else n for n in lengths)
    try:
        spec, order = describe_array(Labelled(None), known, parsed, options.axes, options.scale or ())
    except SourceError as error:
        raise OptionError(f"shape and dtype: {error}") from error
    unknown = [axis for axis, n in zip(order.letters, lengths, strict=True) if n is None]
    if unknown not in ([], ["t"]):
        raise OptionError(f"shape: only the length of t may be None, and it is that of {', '.join(unknown)}; give it")
    if unknown:
        order = replace(order, shape=tuple(MAX_LENGTH if n is None else n for n in lengths))
        spec = replace(spec, shape=order.axes_shape)
    return Declared(DeclaredSource(spec), order, bool(unknown))


def _lengths(shape: object) -> tuple[int | None, ...]:
    """Return the lengths of a shape, None where one is not known."""
    try:
        lengths = tuple(None if n is None else operator.index(n) for n in shape)  # type: ignore[attr-defined]
    except TypeError:
        raise OptionError(
            f"shape: {short_repr(shape)} is not a shape; give the pixels on each axis, as (100, 2, 64, 2048, 2048)"
        ) from None
    if any(n is not None and n < 1 for n in lengths):
        raise OptionError(f"shape: {short_repr(shape)} has an axis without a pixel; give at least 1 on each")
    return lengths


def plan_declared(declared: Declared, options: Options) -> Plan:
    """Return the plan of a declared image, that of an array of its shape.

    Raises OptionError where the options do not fit it.
    """
    method = load_method(options.method)
    return make_plan(
        declared.source.spec,
        options,
        centred=method.centred,
        margins=functools.partial(margins_of, method),
        resources=_ANY,
    )


def with_length(plan: Plan, length: int) -> Plan:
    """Return the plan of an image whose length on t has become known.

    Chunks and shards stay, so that what is stored stays. The passes are those of before.
    """
    t = plan.spec.axes.index("t")
    levels = tuple(replace(level, shape=_put(level.shape, t, -(-length // level.total[t]))) for level in plan.levels)
    check_extent(plan.spec.axes, levels[0].shape)
    return replace(plan, spec=replace(plan.spec, shape=levels[0].shape), levels=levels)


def plan_rest(plan: Plan, resources: Resources) -> Plan:
    """Return the plan of the levels above a level 0 that is there.

    Where there are none, its one pass reads level 0 to measure it.

    Raises OptionError if a block does not fit the resources.
    """
    levels = plan.levels
    spec = replace(plan.spec, chunks=tuple(map(min, levels[0].chunks, plan.spec.shape)), chunk_starts=())
    passes, resources = make_all_passes(levels, spec, (), resources, kept=len(levels) > 1)
    if len(levels) == 1:
        passes = tuple(replace(pass_, source=0, first=1) for pass_ in passes)
    return replace(plan, spec=spec, passes=passes, resources=resources, keeps_base=True)


def sized_as_begun(declared: Declared, plan: Plan, record: Mapping[str, Any]) -> tuple[Declared, Plan]:
    """Return image and plan with the length that an earlier `finish` has found."""
    if LENGTH not in record:
        return declared, plan
    plan = with_length(plan, int(record[LENGTH]))
    lengths = tuple(plan.spec.shape[plan.spec.axes.index(axis)] for axis in declared.order.letters)
    order = replace(declared.order, shape=lengths)
    return Declared(DeclaredSource(replace(declared.source.spec, shape=plan.spec.shape)), order, grows=False), plan


def _put(shape: Shape, axis: int, n: int) -> Shape:
    return (*shape[:axis], n, *shape[axis + 1 :])
