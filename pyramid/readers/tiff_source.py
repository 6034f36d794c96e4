"""One image of a TIFF as a `Source`.

What is pickled is a place, the number of the image and the spec. Pages are found again in each process that reads,
once, and kept there for the images last read.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any, cast

import tifffile
from numpy.typing import NDArray

from pyramid.errors import PyramidError, SourceError
from pyramid.model import Box, SourceSpec
from pyramid.options import Options
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.ome_xml import OmeDocument, OmeImage, parse_ome
from pyramid.readers.paths import stem
from pyramid.readers.places import LocalFile, Place
from pyramid.readers.seekable import SeekableFile
from pyramid.readers.tiff_axes import tiff_order
from pyramid.readers.tiff_layout import Layout, make_layout
from pyramid.readers.tiff_metadata import describe
from pyramid.readers.tiff_pixels import read_region, region_spans

# kinds whose first image is the one meant: the others are its label, its overview, its thumbnail
WHOLE_SLIDE = frozenset({"svs", "ndpi", "scn", "bif", "philips", "qpi", "avs", "indica", "sis"})

LISTED = 20  # images that a message names

# tifffile logs what it forgives; without a handler Python would print that to the user's stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class TiffSource:
    """An image of a TIFF.

    Parameters
    ----------
    place, series
        The file as it was when it was opened, and which of its images.
    spec
        What is known before a pixel is read.
    order
        How the file's dimensions stand for axes.
    """

    place: Place
    series: int
    spec: SourceSpec
    order: AxisOrder

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`; raise SourceError with the place of what cannot be decoded."""
        layout = _layouts.find(self)
        spans = (span for piece in self.order.pieces(box, out) for span in region_spans(layout, *piece))
        with self.place.reading(spans) as files:
            for part, view in self.order.pieces(box, out):
                read_region(layout, files, part, view)


def open_tiff_file(place: Place, options: Options) -> TiffSource:
    """Open one image of a TIFF file (see `pyramid.readers.tiff.open_tiff`)."""
    with _Opened(place) as opened:
        number, notices = _choose(place, opened.images, options.series)
        series = opened.images[number]
        dtype = check_dtype(series.dtype)
        order, guesses = tiff_order(series.axes, series.shape, options.axes)
        check_extent(order.axes, order.axes_shape)
        layout = make_layout(series)
        description = describe(opened.tif, series, _ome_image(opened.document, opened.images, number))
        notices += [*place.notices, *guesses, *_missing(layout, place), *_companion(opened.document)]
        at_once = layout.decoded_at_once(len(order.shape))
        if series.axes.endswith("S"):
            at_once = (*at_once[:-1], order.shape[-1])  # the samples of a pixel lie together
        axes, shape = order.axes, order.axes_shape
        channels = description.channels if "c" in axes else ()
        spec = SourceSpec(
            axes=axes,
            shape=shape,
            dtype=dtype,
            chunks=order.by_axis(at_once),
            scale=tuple(description.scale.get(axis) for axis in axes),
            units=tuple(description.units.get(axis) for axis in axes),
            name=description.name or stem(PurePath(place.name)),
            channels=channels if channels and len(channels) == shape[axes.index("c")] else (),
            location=str(place),
            notices=tuple(notices),
        )
    source = TiffSource(place, number, spec, order)
    _layouts.keep(source, layout)
    return source


class _Opened:
    """A TIFF while its structure is read: whatever goes wrong in there is the file's fault."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> _Opened:
        self.file = self.place.open()
        try:
            # by its path tifffile opens a file again that is one of very many, and buffers it
            self.tif = tifffile.TiffFile(
                self.place.path if isinstance(self.place, LocalFile) else cast("IO[bytes]", self.file)
            )
        except Exception as error:  # tifffile may raise anything over a damaged file
            self.file.close()
            raise self.refusal(error) from error
        try:
            self.document = _ome_document(self.tif)
            self.images = [series for series in self.tif.series if series.shape]
            self._check()
        except Exception as error:
            self._close()
            raise self.refusal(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._close()
        if isinstance(error, Exception):
            raise self.refusal(error) from error
        self._check()

    def _close(self) -> None:
        self.tif.close()
        self.file.close()

    def _check(self) -> None:
        """Raise what tifffile forgave although it is not the file's fault: the image would be another."""
        if isinstance(self.file, SeekableFile) and self.file.failure:
            raise self.file.failure

    def refusal(self, error: Exception) -> SourceError:
        """The error that the user sees."""
        if isinstance(self.file, SeekableFile) and self.file.failure:
            return self.file.failure
        if isinstance(error, PyramidError):
            return SourceError(str(error) if str(self.place) in str(error) else f"{self.place}: {error}")
        return SourceError(
            f"{self.place} cannot be read as a TIFF: {error or type(error).__name__}; the file is damaged, or of a "
            "kind that tifffile does not know"
        )


def _ome_document(tif: tifffile.TiffFile) -> OmeDocument | None:
    """What the OME-XML says; read before tifffile looks for images, since tifffile would follow whatever it says."""
    description = tif.pages.first.description if len(tif.pages) else ""
    if tif.is_ome:
        return parse_ome(tif.ome_metadata or "")
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise SourceError("its description defines XML entities, which image metadata never needs; it is not read")
    return None


def _choose(place: Place, images: list[tifffile.TiffPageSeries], wanted: int | None) -> tuple[int, list[str]]:
    """Which image is meant, and a notice that names those left out."""
    if not images:
        raise SourceError(f"{place} holds no image")
    listing = "; ".join(
        f"{i}: {s.name or 'no name'}, {s.axes} {'x'.join(map(str, s.shape))} {s.dtype}"
        for i, s in enumerate(images[:LISTED])
    )
    if len(images) > LISTED:
        listing += f"; and {len(images) - LISTED} more"
    if wanted is not None:
        if wanted >= len(images):
            raise SourceError(f"{place} has no image {wanted}; it has {len(images)} ({listing})")
        return wanted, []
    if len(images) == 1:
        return 0, []
    if images[0].kind in WHOLE_SLIDE:
        others = ", ".join(f"{i} ({s.name})" for i, s in enumerate(images) if i)
        return 0, [f"image 0 ({images[0].name}) is read; left out: {others}: choose one with --series N"]
    raise SourceError(f"{place} holds {len(images)} images; choose one with --series N ({listing})")


def _ome_image(document: OmeDocument | None, images: list[tifffile.TiffPageSeries], number: int) -> OmeImage | None:
    """What the OME-XML says of an image: tifffile leaves out images without pages, so names decide where they can."""
    if document is None or images[number].kind != "ome":
        return None
    described = document.images
    if len(described) != len(images):
        described = [image for image in described if image.name == images[number].name]
        return described[0] if len(described) == 1 else None
    return described[number]


def _missing(layout: Layout, place: Place) -> list[str]:
    missing = sum(plane is None for plane in layout.planes)
    if not missing:
        return []
    beside = "" if place.is_local else "; files beside one at a URL are not looked for: copy all of them to one folder"
    return [f"{missing} of {len(layout.planes)} planes are not there and read as 0{beside}"]


def _companion(document: OmeDocument | None) -> list[str]:
    if document is None or document.companion is None:
        return []
    return [f"the metadata of this image lies in {document.companion}: only this file's own pages are read"]


class _Layouts:
    """The layouts last used in this process, found again where a source comes from another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Place, int], Layout] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, source: TiffSource) -> Layout:
        key = (source.place, source.series)
        with self._lock:  # held while pages are found: threads that wait need the same ones
            if key not in self._kept:
                with _Opened(source.place) as opened:
                    self._put(key, make_layout(opened.images[source.series]))
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
