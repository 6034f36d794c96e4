"""The pages of an image, each as it is stored: tifffile takes much of a page on trust from the first one.

A page that tifffile holds as a frame has its own offsets, and of its keyframe all else. Here a frame's keyframe is a
page of the same file whose tags are equal, by the signatures of `tiff_chain`. What may differ from page to page is then
read page by page: byte order, strips, tiles, compression, predictor. What may not is refused.
"""

from __future__ import annotations

import math
import os
from typing import TypeAlias

import tifffile

from pyramid.errors import SourceError
from pyramid.readers.tiff.chain import Chain, Signature, read_chain

Page: TypeAlias = "tifffile.TiffPage | tifffile.TiffFrame"

_RGB, _YCBCR = 2, 6
REDUCED_OR_MASK = 0b101  # bits of NewSubfileType: pages that are not planes of an image
JPEG = frozenset({6, 7, 34892, 33007})


class PageFile:
    """A TIFF's pages by their index in its chain."""

    def __init__(self, tif: tifffile.TiffFile, chain: Chain) -> None:
        self.tif = tif
        self.offsets = chain.offsets
        self.chain = chain
        self._keyframes: dict[Signature, tifffile.TiffPage] = {}
        self._index = {offset: index for index, offset in enumerate(self.offsets)}

    def __len__(self) -> int:
        return len(self.offsets)

    def page(self, index: int) -> Page:
        """Return a page whose keyframe is stored in the same way; its file must be open."""
        offset = self.offsets[index]
        signature = self.chain.directories[offset].signature
        keyframe = self._keyframes.get(signature)
        if keyframe is None:
            self.tif.filehandle.seek(offset)
            keyframe = self._keyframes[signature] = tifffile.TiffPage(self.tif, index=index)
        if keyframe.index == index:
            return keyframe
        return tifffile.TiffFrame(self.tif, index, offset=offset, keyframe=keyframe)

    def page_ready(self, index: int) -> Page:
        """Return a page as `page` does, of a file that may be closed."""
        handle = self.tif.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            return self.page(index)
        finally:
            if closed:
                handle.close()

    def index_of(self, page: Page) -> int | None:
        """Return where a page of tifffile's is in the chain; None for a virtual one and one below another."""
        return self._index.get(page.offset)

    def is_trusted(self, page: Page) -> bool:
        """Return whether a page is stored as its keyframe is."""
        if page.keyframe is page or page.keyframe is None or page.offset not in self._index:
            return True
        known = self.chain.directories
        return known[page.offset].signature == known[page.keyframe.offset].signature


def settle_pages(series: tifffile.TiffPageSeries, file: PageFile) -> tuple[list[Page | None], int | None]:
    """Return an image's pages, each with a keyframe of its own kind, and the offset of its pixels if they are one run.

    Parameters
    ----------
    series
        An image as tifffile found it.
    file
        The file that tifffile found it in.

    Raises
    ------
    SourceError
        Where pages differ in what an image has one of: shape, dtype, colour.
    """
    offset = None if series.is_multifile else series.dataoffset
    if offset is not None and _is_run(series, file, int(offset)):
        return list(series[:1]), int(offset)
    files = {id(file.tif): file}
    pages = [None if page is None else _settle(page, files) for page in series]
    check_alike(pages)
    return pages, None


def _settle(page: Page, files: dict[int, PageFile]) -> Page:
    tif = page.parent
    if id(tif) not in files:
        path = str(tif.filehandle.path)
        with open(path, "rb") as stream:
            files[id(tif)] = PageFile(tif, read_chain(stream, os.path.getsize(path)))
    file = files[id(tif)]
    if file.is_trusted(page):
        return page
    index = file.index_of(page)
    assert index is not None  # a page that is not in the chain is trusted
    return file.page_ready(index)


def _is_run(series: tifffile.TiffPageSeries, file: PageFile, offset: int) -> bool:
    """Return whether the pages of the chain agree that an image's pixels follow each other from `offset` on.

    A stack may have fewer directories than pages (ImageJ's, MetaMorph's). Those that it has must agree.
    """
    keyframe = series.keyframe
    first = file.index_of(keyframe)
    page_bytes = int(keyframe.nbytes)
    if first is None or page_bytes == 0 or keyframe.is_stk:
        return True
    count = math.prod(series.shape) * series.dtype.itemsize // page_bytes
    known = file.chain.directories
    own = known[keyframe.offset].signature
    offsets = file.offsets[first : first + count]
    for number, at in enumerate(offsets):
        directory = known[at]
        alike = directory.signature == own
        begin = directory.data_offset or (int(file.page(first + number).dataoffsets[0]) if alike else 0)
        if not alike or begin != offset + number * page_bytes:
            return len(offsets) < count and not alike  # another image follows a stack of one directory
    return True


def check_alike(pages: list[Page | None]) -> None:
    """Raise SourceError where a page differs from the first in what all pages of an image must share."""
    keyframes = {id(page.keyframe): page for page in pages if page is not None}
    first: Page | None = None
    for page in keyframes.values():
        if first is None:
            first = page
            continue
        for what, ours, theirs in _compared(first, page):
            if ours != theirs:
                raise SourceError(
                    f"its pages are not alike: {_label(page)} has {what} {theirs}, and {_label(first)} has {ours}; "
                    "the file is damaged, or they are pages of several images: convert them one by one"
                )


def _label(page: Page) -> str:
    return f"page {page.index} of {page.parent.filehandle.name}"


def _compared(first: Page, other: Page) -> list[tuple[str, object, object]]:
    a, b = first.keyframe, other.keyframe
    if a is None or b is None:
        return [("tags", a is None, b is None)]
    return [
        ("shape", a.shape, b.shape),
        ("dtype", a.dtype, b.dtype),
        ("samples of a pixel apart or together:", a.planarconfig, b.planarconfig),
        ("photometric interpretation", _photometric(a), _photometric(b)),
        ("the kind (NewSubfileType)", int(a.subfiletype) & REDUCED_OR_MASK, int(b.subfiletype) & REDUCED_OR_MASK),
        ("extra samples", tuple(a.extrasamples), tuple(b.extrasamples)),
    ]


def _photometric(page: tifffile.TiffPage) -> int:
    """Return the meaning of decoded samples: what JPEG stores as YCbCr comes out as RGB."""
    value = int(page.photometric)
    return _RGB if value == _YCBCR and page.compression in JPEG else value
