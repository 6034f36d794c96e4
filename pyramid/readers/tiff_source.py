"""One image of a TIFF as a `Source`.

What is pickled is a path, the number of the image and the spec. Pages are found again in each process that reads,
once, and kept there for the images last read.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import tifffile
from numpy.typing import NDArray

from pyramid.errors import PyramidError, SourceError
from pyramid.model import Box, SourceSpec
from pyramid.options import Options
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.ome_xml import OmeDocument, OmeImage, parse_ome
from pyramid.readers.paths import stem
from pyramid.readers.tiff_axes import tiff_order
from pyramid.readers.tiff_layout import Layout, make_layout
from pyramid.readers.tiff_metadata import describe
from pyramid.readers.tiff_pixels import Files, read_region

Stamp: TypeAlias = tuple[int, int]

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
    path, series
        The file, and which of its images.
    spec
        What is known before a pixel is read.
    order
        How the file's dimensions stand for axes.
    stamp
        Size (bytes) and time of change (ns) of the file when it was opened: pages are never looked up in another.
    """

    path: str
    series: int
    spec: SourceSpec
    order: AxisOrder
    stamp: Stamp

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`; raise SourceError with the place of what cannot be decoded."""
        layout = _layouts.find(self)
        with Files() as files:
            for part, view in self.order.pieces(box, out):
                read_region(layout, files, part, view)


def open_tiff_file(path: Path, options: Options) -> TiffSource:
    """Open one image of a TIFF file (see `pyramid.readers.tiff.open_tiff`)."""
    stamp = _stamp(str(path))
    with _Opened(path) as opened:
        number, notices = _choose(path, opened.images, options.series)
        series = opened.images[number]
        dtype = check_dtype(series.dtype)
        order, guesses = tiff_order(series.axes, series.shape, options.axes)
        check_extent(order.axes, order.axes_shape)
        layout = make_layout(series)
        description = describe(opened.tif, series, _ome_image(opened.document, opened.images, number))
        notices += [*guesses, *_missing(layout), *_companion(opened.document)]
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
            name=description.name or stem(path),
            channels=channels if channels and len(channels) == shape[axes.index("c")] else (),
            location=str(path),
            notices=tuple(notices),
        )
    source = TiffSource(str(path), number, spec, order, stamp)
    _layouts.keep(source, layout)
    return source


class _Opened:
    """A TIFF while its structure is read: whatever goes wrong in there is the file's fault."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> _Opened:
        try:
            self.tif = tifffile.TiffFile(self.path)
        except Exception as error:  # tifffile may raise anything over a damaged file
            raise self.refusal(error) from error
        try:
            self.document = _ome_document(self.tif)
            self.images = [series for series in self.tif.series if series.shape]
        except Exception as error:
            self.tif.close()
            raise self.refusal(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.tif.close()
        if isinstance(error, Exception):
            raise self.refusal(error) from error

    def refusal(self, error: Exception) -> SourceError:
        """The error that the user sees."""
        if isinstance(error, PyramidError):
            return SourceError(str(error) if str(self.path) in str(error) else f"{self.path}: {error}")
        return SourceError(
            f"{self.path} cannot be read as a TIFF: {error or type(error).__name__}; the file is damaged, or of a kind "
            "that tifffile does not know"
        )


def _ome_document(tif: tifffile.TiffFile) -> OmeDocument | None:
    """What the OME-XML says; read before tifffile looks for images, since tifffile would follow whatever it says."""
    description = tif.pages.first.description if len(tif.pages) else ""
    if tif.is_ome:
        return parse_ome(tif.ome_metadata or "")
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise SourceError("its description defines XML entities, which image metadata never needs; it is not read")
    return None


def _choose(path: Path, images: list[tifffile.TiffPageSeries], wanted: int | None) -> tuple[int, list[str]]:
    """Which image is meant, and a notice that names those left out."""
    if not images:
        raise SourceError(f"{path} holds no image")
    listing = "; ".join(
        f"{i}: {s.name or 'no name'}, {s.axes} {'x'.join(map(str, s.shape))} {s.dtype}"
        for i, s in enumerate(images[:LISTED])
    )
    if len(images) > LISTED:
        listing += f"; and {len(images) - LISTED} more"
    if wanted is not None:
        if wanted >= len(images):
            raise SourceError(f"{path} has no image {wanted}; it has {len(images)} ({listing})")
        return wanted, []
    if len(images) == 1:
        return 0, []
    if images[0].kind in WHOLE_SLIDE:
        others = ", ".join(f"{i} ({s.name})" for i, s in enumerate(images) if i)
        return 0, [f"image 0 ({images[0].name}) is read; left out: {others}: choose one with --series N"]
    raise SourceError(f"{path} holds {len(images)} images; choose one with --series N ({listing})")


def _ome_image(document: OmeDocument | None, images: list[tifffile.TiffPageSeries], number: int) -> OmeImage | None:
    """What the OME-XML says of an image: tifffile leaves out images without pages, so names decide where they can."""
    if document is None or images[number].kind != "ome":
        return None
    described = document.images
    if len(described) != len(images):
        described = [image for image in described if image.name == images[number].name]
        return described[0] if len(described) == 1 else None
    return described[number]


def _missing(layout: Layout) -> list[str]:
    missing = sum(plane is None for plane in layout.planes)
    return [f"{missing} of {len(layout.planes)} planes are not there and read as 0"] if missing else []


def _companion(document: OmeDocument | None) -> list[str]:
    if document is None or document.companion is None:
        return []
    return [f"the metadata of this image lies in {document.companion}: only this file's own pages are read"]


def _stamp(path: str) -> Stamp:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}; is its disk mounted here?") from error
    return found.st_size, found.st_mtime_ns


class _Layouts:
    """The layouts last used in this process, found again where a source comes from another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, int, Stamp], Layout] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, source: TiffSource) -> Layout:
        key = (source.path, source.series, source.stamp)
        if _stamp(source.path) != source.stamp:
            raise SourceError(f"{source.path} has changed since it was opened; start again")
        with self._lock:  # held while pages are found: threads that wait need the same ones
            if key not in self._kept:
                with _Opened(Path(source.path)) as opened:
                    self._put(key, make_layout(opened.images[source.series]))
            self._kept.move_to_end(key)
            return self._kept[key]

    def keep(self, source: TiffSource, layout: Layout) -> None:
        with self._lock:
            self._put((source.path, source.series, source.stamp), layout)

    def _put(self, key: tuple[str, int, Stamp], layout: Layout) -> None:
        self._kept[key] = layout
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


_layouts = _Layouts(most=4)
