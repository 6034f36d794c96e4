"""One image of a TIFF as a `Source`.

A pickle holds the file, the number of the image and the spec. Each process that reads finds the pages again, once, and
keeps them for the images that it read last.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import tifffile
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.feedback.notices import give_notices
from pyramid.model import Box, Shape, Source, SourceSpec
from pyramid.options.convert import Options
from pyramid.options.format import N5
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.described import describe_source
from pyramid.readers.files.file import SourceFile, local_file
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.fingerprint import digest
from pyramid.readers.plates import FilePlate
from pyramid.readers.tiff.axes import tiff_order
from pyramid.readers.tiff.images import choose_image
from pyramid.readers.tiff.layout import TiffLayout, make_layout
from pyramid.readers.tiff.metadata import describe
from pyramid.readers.tiff.ome_plate import read_plate
from pyramid.readers.tiff.opened import OpenedTiff
from pyramid.readers.tiff.own_levels import find_levels
from pyramid.readers.tiff.palette import expand, read_palette
from pyramid.readers.tiff.pixels import read_region, region_spans

logger = logging.getLogger(__name__)

_layouts: LastUsed[tuple[SourceFile, int, int], TiffLayout] = LastUsed(most=4)


@dataclass(frozen=True, slots=True)
class TiffSource:
    """An image of a TIFF.

    Parameters
    ----------
    file, series
        The file as it was when it was opened, and the number of the image in it.
    spec
        What is known before a pixel is read.
    order
        The axis of each of the file's dimensions.
    level
        Which level of the image it is; 0 is the image itself.
    levels
        Its smaller levels, where they are to be copied.
    xml
        The OME-XML of the file, where it is kept. Not in a pickle, for only the process that plans writes metadata.
    """

    file: SourceFile
    series: int
    spec: SourceSpec
    order: AxisOrder
    level: int = 0
    levels: tuple[TiffSource, ...] = ()
    xml: str | None = field(default=None, repr=False, compare=False)

    def ome_xml(self, *, every_image: bool = False) -> bytes | None:
        """Return the OME-XML of the image, or of all, as it is stored next to them.

        None if there is none, or it is not kept, and in other processes than that which has opened the file. A notice
        says what is not kept.
        """
        if self.xml is None:
            return None
        from pyramid.readers.ome_metadata.keeping import keep_document  # noqa: PLC0415  (only to end a run)

        try:
            kept = keep_document(self.xml, None if every_image else {self.series: self.spec})
        except SourceError as error:
            give_notices((f"its OME-XML is not kept: {error}",), self.spec.name)
            return None
        if kept.lost:
            give_notices((f"not kept of its OME-XML, as it is not valid: {', '.join(kept.lost)}",), self.spec.name)
        return kept.text.encode()

    def plate(self) -> FilePlate | None:
        """Return the plate that the OME-XML describes; None if it is not kept."""
        return None if self.xml is None else read_plate(self.xml)

    def __reduce__(self) -> tuple[type[TiffSource], tuple[object, ...]]:
        return TiffSource, (self.file, self.series, self.spec, self.order, self.level, self.levels)

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If a part cannot be read or decoded; the error says where in the file it is.
        """
        self.read_by(_layouts.find(self._key, self._find_layout), box, out)

    def read_by(self, layout: TiffLayout, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` as `read` does, by a layout of the image that the caller keeps."""
        spans = (span for piece in self.order.pieces(box, out) for span in region_spans(layout, *piece))
        with self.file.reading(spans, layout.others) as files:
            for part, view in self.order.pieces(box, out):
                read_region(layout, files, part, view)

    def fingerprint(self) -> dict[str, Any]:
        """Return the number of the image, and the fingerprints of its files."""
        layout = _layouts.find(self._key, self._find_layout)
        others = sorted({page.file for page in layout.pages} - {str(self.file)})
        found = {"series": self.series, "file": self.file.fingerprint()}
        if others:
            sizes = (f"{file.name} {file.size_bytes} {file.changed_ns}" for file in map(local_file, others))
            found |= {"other_files": len(others), "others": digest(text.encode() for text in sizes)}
        return found

    @property
    def _key(self) -> tuple[SourceFile, int, int]:
        return self.file, self.series, self.level

    def _find_layout(self) -> TiffLayout:
        with OpenedTiff(self.file) as opened:
            series = opened.series(self.series)[0]
            if self.level:
                series = find_levels(series, opened.files.file_of)[self.level - 1]
            return make_layout(series, opened.files.file_of)


@dataclass(frozen=True, slots=True)
class ParsedTiff:
    """An image of a TIFF, with what its source finds again when it reads.

    Parameters
    ----------
    source, layout
        The source, and the layout of its pages.
    scale, units
        Sizes that the file gives, by axis, also of axes that its image does not have.
    palette
        The colours of its indices, if they are asked for.
    """

    source: TiffSource
    layout: TiffLayout
    scale: Mapping[str, float]
    units: Mapping[str, str]
    palette: NDArray[Any] | None = None

    @property
    def files(self) -> set[str]:
        """The paths of all files that hold pages of the image."""
        return {page.file for page in self.layout.pages}


def open_tiff_file(file: SourceFile, options: Options) -> Source:
    """Open one image of a TIFF file (see `pyramid.readers.tiff.opener.open_tiff`)."""
    parsed = parse_tiff_file(file, options)
    _layouts.find((file, parsed.source.series, 0), lambda: parsed.layout)
    return parsed.source if parsed.palette is None else expand(parsed.source, parsed.palette)


def parse_tiff_file(file: SourceFile, options: Options) -> ParsedTiff:
    """Find one image of a TIFF file, and all that its metadata says.

    These are the steps, each of one module:

    1. `opened` reads the structure of the file, and finds its images.
    2. `images` chooses one, whose pages are then found and checked.
    3. `axes` names its dimensions, and `layout` finds its strips or tiles.
    4. `metadata` reads sizes, channels and name.
    5. `own_levels` finds its smaller levels, if they are asked for; `palette` expands colours, if that is asked for.
    """
    with OpenedTiff(file) as opened:
        number, notices = choose_image(opened.images, options.series, file)
        series, described, more = opened.series(number)
        dtype = check_dtype(series.dtype)
        order, guesses = tiff_order(series.axes, series.shape, options.axes)
        described_by = f"by the file's metadata (kind {series.kind!r}), whose letters are {series.axes}"
        logger.info("axes: %s, %s", order.axes, "as given" if options.axes else described_by)
        check_extent(order.axes, order.axes_shape)
        layout = make_layout(series, opened.files.file_of)
        found = describe(series, described)
        levels = _own_levels(series, opened, options) if options.level_source == "reuse" else []
        palette = read_palette(series, order) if options.expand_palette else None
        keeps_xml = _keeps_xml(options)
        notices += [*file.notices, *more, *guesses, *found.notices, *opened.notices(keeps_xml=keeps_xml)]
        xml = opened.xml if keeps_xml else None
    spec = replace(describe_source(series.axes, order, found, file), dtype=dtype, chunks=_chunks(series, layout, order))
    kept = (("OME-XML", "kept as OME/METADATA.ome.xml"),) if xml is not None else ()
    spec = replace(spec, notices=tuple(dict.fromkeys([*notices, *spec.notices])), details=(*spec.details, *kept))
    own = tuple(TiffSource(file, number, _as_level(spec, *level), level[1], n) for n, level in enumerate(levels, 1))
    return ParsedTiff(
        TiffSource(file, number, spec, order, levels=own, xml=xml), layout, found.scale, found.units, palette
    )


def _keeps_xml(options: Options) -> bool:
    """Return whether OME-XML of a source describes what is written, and is kept."""
    changes = (options.select, options.dtype, options.rescale, options.labels)
    return options.ome_xml and options.format != N5 and not options.expand_palette and changes == (None,) * len(changes)


_Level: TypeAlias = tuple[str, AxisOrder, Shape]


def _own_levels(series: tifffile.TiffPageSeries, opened: OpenedTiff, options: Options) -> list[_Level]:
    """Return dtype, axes and chunks of each smaller level of an image."""
    found = []
    for level in find_levels(series, opened.files.file_of):
        order, _ = tiff_order(level.axes, level.shape, options.axes)
        layout = make_layout(level, opened.files.file_of)
        found.append((check_dtype(level.dtype), order, _chunks(level, layout, order)))
    return found


def _as_level(spec: SourceSpec, dtype: str, order: AxisOrder, chunks: Shape) -> SourceSpec:
    """Return the description of a level; its scale follows from its extent."""
    unknown = (None,) * len(spec.axes)
    return replace(spec, axes=order.axes, shape=order.axes_shape, dtype=dtype, chunks=chunks, scale=unknown)


def _chunks(series: tifffile.TiffPageSeries, layout: TiffLayout, order: AxisOrder) -> Shape:
    """Return the pixels that are decoded at once, on each axis."""
    at_once = layout.decoded_at_once(len(order.shape))
    if series.axes.endswith("S"):
        at_once = (*at_once[:-1], order.shape[-1])  # the samples of a pixel are stored together
    return order.by_axis(at_once)
