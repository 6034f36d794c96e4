"""The plan of a run, made before pixels are read: levels, passes, objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pyramid.errors import short_repr
from pyramid.model import SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options.convert import Options
from pyramid.options.format import written_version
from pyramid.options.labels import image_label
from pyramid.options.nodata import fitted_nodata
from pyramid.planning.access import LayoutCost
from pyramid.planning.all_passes import make_all_passes
from pyramid.planning.blocks import Pass, margins_within, widened
from pyramid.planning.described import with_options
from pyramid.planning.encoding import Encoding, choose_encoding
from pyramid.planning.estimate import Estimate
from pyramid.planning.factors import factor_notices
from pyramid.planning.format_limits import fitted_to_format
from pyramid.planning.levels import KeptBase, Margins, PlannedLevel, check_axes, make_levels
from pyramid.planning.own_levels import fitting_levels
from pyramid.planning.resources import Resources, show_bytes
from pyramid.planning.table import plan_tables, summarize
from pyramid.tables import render_html, render_text

__all__ = [
    "Encoding",
    "Estimate",
    "KeptBase",
    "Pass",
    "Plan",
    "PlannedLevel",
    "Resources",
    "make_plan",
    "margins_within",
    "show_bytes",
    "widened",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of ``convert``. Printing it gives a table.

    Parameters
    ----------
    spec
        The source, with the options' scale, units, name and channels in place of its own.
    version, method
        Version of OME-Zarr, and downsampling method.
    encoding
        Encoding of pixels into objects.
    levels
        The levels, level 0 first.
    passes
        The passes, in the order they run.
    resources
        Workers, and memory for all of them.
    estimate
        Size after compression and time, if a sample was taken.
    done_tasks
        Number of tasks that an unfinished run has done, where it is to go on; else None.
    nodata
        Value of pixels that the method leaves out; None if all count.
    label
        The metadata that makes the image a label; None for any other image.
    access
        What regions cost to read in this layout of chunks and in others; empty unless that was asked for.
    keeps_base
        Whether level 0 is there already and is left as it is. The passes read it, and make only the levels after it.
    paths
        The path of each level; empty for those that the version has.
    """

    spec: SourceSpec
    version: str
    method: str
    encoding: Encoding
    levels: tuple[PlannedLevel, ...]
    passes: tuple[Pass, ...]
    resources: Resources
    estimate: Estimate | None = None
    done_tasks: int | None = None
    nodata: float | None = None
    label: Mapping[str, Any] | None = None
    access: tuple[LayoutCost, ...] = ()
    keeps_base: bool = False
    paths: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[PlannedLevel, ...]:
        """The levels that the run writes."""
        return self.levels[1:] if self.keeps_base else self.levels

    def level_path(self, number: int) -> str:
        """Return the path of a level below the group."""
        return self.paths[number] if self.paths else FORMATS[self.version].level_path(number)

    @property
    def copied(self) -> int:
        """Number of levels after level 0 that are the source's own."""
        return sum(level.own is not None for level in self.levels) - 1

    @property
    def uses_method(self) -> bool:
        """True unless every level after level 0 is the source's own."""
        return not self.copied or len(self.levels) > self.copied + 1

    @property
    def made_by(self) -> str | None:
        """The method of every level after level 0; None if it is not known of each."""
        return self.method if len(self.levels) > 1 and not self.copied else None

    @property
    def tasks(self) -> int:
        """Number of tasks of all passes."""
        return sum(pass_.tasks for pass_ in self.passes)

    @property
    def peak_bytes(self) -> int:
        """Largest memory of one worker, in bytes.

        The interpreter and its libraries are not counted.
        """
        return max((pass_.task_bytes for pass_ in self.passes), default=0)

    @property
    def read_amplification(self) -> float:
        """Number of pixels that are decoded for each pixel of the source.

        It is 1 where no chunk is decoded twice.
        """
        if not self.passes:
            return 0.0
        first = self.passes[0]
        margins = margins_within(self.levels[: first.last + 1])[0]
        starts = self.spec.chunk_starts or (0,) * len(self.spec.chunks)
        axes = zip(first.shape, first.block, self.spec.chunks, starts, margins, strict=True)
        return math.prod(_decoded_px(*axis) / axis[0] for axis in axes)

    @property
    def objects(self) -> int:
        """Number of chunks or shards to write, each a PUT request on object storage."""
        return sum(level.objects for level in self.written)

    @property
    def raw_bytes(self) -> int:
        """Bytes of all levels that are written, before compression."""
        return sum(math.prod(level.shape) for level in self.written) * self.spec.item_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as values for JSON."""
        values = asdict(self)
        for name in ("estimate", "done_tasks", "nodata", "label", "access", "keeps_base", "paths"):
            if values[name] in (None, (), False):
                del values[name]
        return {
            **values.pop("encoding"),
            **values,
            "tasks": self.tasks,
            "peak_bytes": self.peak_bytes,
            "read_amplification": self.read_amplification,
            "objects": self.objects,
            "raw_bytes": self.raw_bytes,
        }

    def __repr__(self) -> str:
        return f"<Plan of {short_repr(self.spec.name)}: {summarize(self)}>"

    def __str__(self) -> str:
        return render_text(plan_tables(self))

    def _repr_html_(self) -> str:
        return render_html(plan_tables(self))


def make_plan(  # noqa: PLR0913  (each is found elsewhere)
    spec: SourceSpec,
    options: Options,
    *,
    centred: bool,
    margins: Margins | None = None,
    resources: Resources,
    own: Sequence[SourceSpec] = (),
    kept: KeptBase | None = None,
) -> Plan:
    """Plan the pyramid of a source, without reading or writing anything.

    Parameters
    ----------
    spec
        The source, as its reader describes it.
    options
        The user's options.
    centred
        Whether the downsampling method moves a pixel's centre (all but ``nearest``).
    margins
        From factors to the pixels around a window that the method reads too.
    resources
        Workers and memory.
    own
        The source's own smaller levels, the largest first.
    kept
        The level 0 that is there already and is left as it is; None where it is written too.

    Raises
    ------
    OptionError
        If options do not fit the source, each other, or the memory.
    """
    check_axes(spec.axes, options)
    spec = with_options(spec, options)
    name = written_version(options)
    version = FORMATS[name]
    spec = fitted_to_format(spec, options, version)
    copied, said = fitting_levels(spec, own, options)
    allowed = version.shards
    levels = make_levels(spec, options, centred=centred, margins=margins, shards_allowed=allowed, own=copied)
    if kept is not None:
        levels = (replace(levels[0], chunks=kept.chunks, shards=kept.shards), *levels[1:])
        spec = replace(spec, chunks=tuple(map(min, kept.chunks, spec.shape)), chunk_starts=())
    more = factor_notices(spec.axes, options, [(level.shape, level.factors) for level in levels])
    spec = replace(spec, notices=(*spec.notices, *said, *more))
    item_bytes = spec.item_bytes
    encoding = choose_encoding(options, item_bytes, version)
    nodata = fitted_nodata(options.nodata, spec.dtype)
    passes, resources = make_all_passes(levels, spec, own, resources, kept=kept is not None)
    made = Plan(spec, name, options.method, encoding, levels, passes, resources, nodata=nodata)
    return replace(made, label=image_label(options), keeps_base=kept is not None)


def _decoded_px(extent: int, edge: int, chunk: int, start: int = 0, margin: int = 0) -> int:
    """Count the pixels that are decoded on an axis.

    Each block that ends within a chunk makes that chunk be decoded once more. Of the first chunk, `start` pixels are
    before the image. A `margin` is read around each block.

    Examples
    --------
    >>> _decoded_px(10, 4, 4), _decoded_px(10, 5, 4), _decoded_px(10, 3, 10), _decoded_px(10, 4, 4, 1)
    (10, 14, 40, 17)
    """
    if start or margin:
        spans = ((max(a - margin, 0), min(a + edge + margin, extent)) for a in range(0, extent, edge))
        return sum(
            min(-(-(b + start) // chunk) * chunk - start, extent) - max((a + start) // chunk * chunk - start, 0)
            for a, b in spans
        )
    last = (extent - 1) // chunk * chunk  # start of the last chunk, which may be cut
    ends = (extent - 1) // edge
    ends_within_last = ends - last // edge
    ends_between = ends // (chunk // math.gcd(edge, chunk))
    return extent + (ends - ends_between - ends_within_last) * chunk + ends_within_last * (extent - last)
