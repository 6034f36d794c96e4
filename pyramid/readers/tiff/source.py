"""One image of a TIFF as a `Source`.

A pickle holds the file, the number of the image and the spec. Each process that reads finds the pages again, once, and
keeps them for the images that it read last.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from numpy.typing import NDArray

from pyramid.model import Box, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.files.file import SourceFile, local_file
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.fingerprint import digest
from pyramid.readers.paths import stem
from pyramid.readers.tiff.axes import renamed_channels, renamed_sizes, tiff_order
from pyramid.readers.tiff.images import choose_image
from pyramid.readers.tiff.layout import TiffLayout, make_layout
from pyramid.readers.tiff.metadata import describe
from pyramid.readers.tiff.opened import OpenedTiff
from pyramid.readers.tiff.pixels import read_region, region_spans

logger = logging.getLogger(__name__)

_layouts: LastUsed[tuple[SourceFile, int], TiffLayout] = LastUsed(most=4)


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
    """

    file: SourceFile
    series: int
    spec: SourceSpec
    order: AxisOrder

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If a part cannot be read or decoded; the error says where in the file it is.
        """
        self.read_by(_layouts.find((self.file, self.series), self._find_layout), box, out)

    def read_by(self, layout: TiffLayout, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` as `read` does, by a layout of the image that the caller keeps."""
        spans = (span for piece in self.order.pieces(box, out) for span in region_spans(layout, *piece))
        with self.file.reading(spans) as files:
            for part, view in self.order.pieces(box, out):
                read_region(layout, files, part, view)

    def fingerprint(self) -> dict[str, Any]:
        """Return the number of the image, and the fingerprints of its files."""
        layout = _layouts.find((self.file, self.series), self._find_layout)
        others = sorted({page.file for page in layout.pages} - {str(self.file)})
        found = {"series": self.series, "file": self.file.fingerprint()}
        if others:
            sizes = (f"{file.name} {file.size_bytes} {file.changed_ns}" for file in map(local_file, others))
            found |= {"other_files": len(others), "others": digest(text.encode() for text in sizes)}
        return found

    def _find_layout(self) -> TiffLayout:
        with OpenedTiff(self.file) as opened:
            return make_layout(opened.series(self.series)[0], opened.files.file_of)


@dataclass(frozen=True, slots=True)
class ParsedTiff:
    """An image of a TIFF, with what its source finds again when it reads.

    Parameters
    ----------
    source, layout
        The source, and the layout of its pages.
    scale, units
        Sizes that the file gives, by axis, also of axes that its image does not have.
    """

    source: TiffSource
    layout: TiffLayout
    scale: Mapping[str, float]
    units: Mapping[str, str]

    @property
    def files(self) -> set[str]:
        """The paths of all files that hold pages of the image."""
        return {page.file for page in self.layout.pages}


def open_tiff_file(file: SourceFile, options: Options) -> TiffSource:
    """Open one image of a TIFF file (see `pyramid.readers.tiff.opener.open_tiff`)."""
    parsed = parse_tiff_file(file, options)
    _layouts.find((file, parsed.source.series), lambda: parsed.layout)
    return parsed.source


def parse_tiff_file(file: SourceFile, options: Options) -> ParsedTiff:
    """Find one image of a TIFF file, and all that its metadata says.

    These are the steps, each of one module:

    1. `opened` reads the structure of the file, and finds its images.
    2. `images` chooses one, whose pages are then found and checked.
    3. `axes` names its dimensions, and `layout` finds its strips or tiles.
    4. `metadata` reads sizes, channels and name.
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
        notices += [*file.notices, *more, *guesses, *found.notices, *opened.notices()]
    at_once = layout.decoded_at_once(len(order.shape))
    if series.axes.endswith("S"):
        at_once = (*at_once[:-1], order.shape[-1])  # the samples of a pixel are stored together
    sizes, renamed = renamed_sizes(series.axes, order, found.scale)
    channels, unnamed = renamed_channels(series.axes, order, found.channels)
    spec = SourceSpec(
        axes=order.axes,
        shape=order.axes_shape,
        dtype=dtype,
        chunks=order.by_axis(at_once),
        scale=tuple(found.scale.get(sizes.get(axis, "")) for axis in order.axes),
        units=tuple(found.units.get(sizes.get(axis, "")) for axis in order.axes),
        name=found.name or stem(PurePath(file.name)),
        channels=channels,
        location=str(file),
        notices=tuple(dict.fromkeys([*notices, *renamed, *unnamed])),
    )
    return ParsedTiff(TiffSource(file, number, spec, order), layout, found.scale, found.units)
