"""The smaller levels that a TIFF has of an image, in SubIFDs or as further pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tifffile

from pyramid.readers.tiff.pages import Page, PageFile, keyframe_of, shown_colors
from pyramid.readers.tiff.qpi import reduced_pages

FileOf = Callable[[tifffile.TiffFile], PageFile]


def find_levels(series: tifffile.TiffPageSeries, file_of: FileOf) -> list[tifffile.TiffPageSeries]:
    """Return the levels of an image, the largest first, without the image itself.

    Those that have other axes, or colours stored in another way, are left out.

    Parameters
    ----------
    series
        An image of an open file.
    file_of
        Returns the pages of an open file.
    """
    found = list(series.levels[1:])
    if not found and series.kind == "ome":
        found = list(_in_subifds(series, file_of))
    if not found and series.kind == "qpi":
        found = reduced_pages(series)
    alike = [level for level in found if _is_alike(series, level)]
    return sorted(alike, key=lambda level: -int(level.keyframe.imagewidth) * int(level.keyframe.imagelength))


def _is_alike(series: tifffile.TiffPageSeries, level: tifffile.TiffPageSeries) -> bool:
    first, other = series.keyframe, level.keyframe
    same = first.samplesperpixel == other.samplesperpixel and shown_colors(first) == shown_colors(other)
    return bool(level.axes == series.axes and same and len(level.shape) == len(series.shape))


def _in_subifds(series: tifffile.TiffPageSeries, file_of: FileOf) -> Iterator[tifffile.TiffPageSeries]:
    """Yield the levels that each page of an image has in its SubIFDs."""
    whole = [page for page in series if page is not None]
    for number in range(min((len(page.subifds or ()) for page in whole), default=0)):
        pages: list[Page] = []
        for page in whole:
            below = file_of(page.parent).page_below(page, number)
            if below is None:
                return
            pages.append(below)
        keyframe = keyframe_of(pages[0])
        extents = {"Y": int(keyframe.imagelength), "X": int(keyframe.imagewidth)}
        shape = tuple(extents.get(letter, int(n)) for letter, n in zip(series.axes, series.shape, strict=True))
        yield tifffile.TiffPageSeries(
            pages,
            shape,
            keyframe.dtype,
            series.axes,
            parent=keyframe.parent,
            multifile=series.is_multifile,
            kind="ome",
        )
