"""One image of a TIFF as a `Source`.

A pickle holds the file's place, the number of the image and the spec. Each process that reads finds the pages again,
once, and keeps them for the images that it read last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from numpy.typing import NDArray

from pyramid.model import Box, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.files.file import Place
from pyramid.readers.paths import stem
from pyramid.readers.tiff.axes import renamed_channels, renamed_sizes, tiff_order
from pyramid.readers.tiff.layout import Layout, make_layout
from pyramid.readers.tiff.metadata import describe
from pyramid.readers.tiff.opened import OpenedTiff
from pyramid.readers.tiff.pixels import read_region, region_spans


@dataclass(frozen=True, slots=True)
class TiffSource:
    """An image of a TIFF.

    Parameters
    ----------
    place, series
        The file as it was when it was opened, and the number of the image in it.
    spec
        What is known before a pixel is read.
    order
        The axis of each of the file's dimensions.
    """

    place: Place
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
        layout = _layouts.find(self)
        spans = (span for piece in self.order.pieces(box, out) for span in region_spans(layout, *piece))
        with self.place.reading(spans) as files:
            for part, view in self.order.pieces(box, out):
                read_region(layout, files, part, view)


def open_tiff_file(place: Place, options: Options) -> TiffSource:
    """Open one image of a TIFF file (see `pyramid.readers.tiff.opener.open_tiff`)."""
    with OpenedTiff(place) as opened:
        number, notices = opened.choose(options.series)
        series, more = opened.series(number)
        dtype = check_dtype(series.dtype)
        order, guesses = tiff_order(series.axes, series.shape, options.axes)
        check_extent(order.axes, order.axes_shape)
        layout = make_layout(series, opened.file_of(series))
        description = describe(series, opened.ome_image(number))
        notices += [*place.notices, *more, *guesses, *description.notices, *opened.notices()]
        at_once = layout.decoded_at_once(len(order.shape))
        if series.axes.endswith("S"):
            at_once = (*at_once[:-1], order.shape[-1])  # the samples of a pixel are stored together
        axes, shape = order.axes, order.axes_shape
        sizes, renamed = renamed_sizes(series.axes, order, description.scale)
        channels, unnamed = renamed_channels(series.axes, order, description.channels)
        spec = SourceSpec(
            axes=axes,
            shape=shape,
            dtype=dtype,
            chunks=order.by_axis(at_once),
            scale=tuple(description.scale.get(sizes.get(axis, "")) for axis in axes),
            units=tuple(description.units.get(sizes.get(axis, "")) for axis in axes),
            name=description.name or stem(PurePath(place.name)),
            channels=channels,
            location=str(place),
            notices=tuple(dict.fromkeys([*notices, *renamed, *unnamed])),
        )
    source = TiffSource(place, number, spec, order)
    _layouts.keep(source, layout)
    return source


class _Layouts:
    """The layouts that were last used in this process.

    The layout of a source that comes from another process is found again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Place, int], Layout] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, source: TiffSource) -> Layout:
        key = (source.place, source.series)
        with self._lock:  # held during the search for pages: threads that wait need the same ones
            if key not in self._kept:
                with OpenedTiff(source.place) as opened:
                    series, _ = opened.series(source.series)
                    self._put(key, make_layout(series, opened.file_of(series)))
            self._kept.move_to_end(key)
            return self._kept[key]

    def keep(self, source: TiffSource, layout: Layout) -> None:
        with self._lock:
            self._put((source.place, source.series), layout)

    def _put(self, key: tuple[Place, int], layout: Layout) -> None:
        self._kept[key] = layout
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


_layouts = _Layouts(most=4)
