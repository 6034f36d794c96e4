"""The pages of an image, each with the tags by which it is stored.

tifffile takes much of a page from the first one, unchecked. A page that it holds as a frame has its own offsets, and
all else from its keyframe. This module gives a frame a keyframe of the same file with equal tags, by the signatures of
`chain`. So pages may differ in byte order, strips, tiles, compression and predictor. Other differences are refused.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, cast

import tifffile

from pyramid.errors import SourceError
from pyramid.readers.files.file import DAMAGED
from pyramid.readers.tiff.chain import Directory, Signature, read_directory

Page: TypeAlias = "tifffile.TiffPage | tifffile.TiffFrame"

_RGB, _YCBCR = 2, 6  # photometric interpretations
REDUCED_OR_MASK = 0b101  # bits of NewSubfileType: pages that are not planes of an image
JPEG = frozenset({6, 7, 34892, 33007})  # compressions whose decoder takes JPEG tables
JPEG_2000 = frozenset({33003, 33004, 33005, 34712})


class PageFile:
    """A TIFF's pages by their index in its chain."""

    def __init__(self, tif: tifffile.TiffFile, chain: Mapping[int, Directory]) -> None:
        self.tif = tif
        self.chain = chain
        self.offsets = tuple(chain)
        self._keyframes: dict[Signature, tifffile.TiffPage] = {}
        self._index = {offset: index for index, offset in enumerate(self.offsets)}

    def __len__(self) -> int:
        return len(self.offsets)

    def page(self, index: int) -> Page:
        """Return a page with a keyframe of equal tags; a closed file is opened for it."""
        handle = self.tif.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            offset = self.offsets[index]
            return self._read(index, offset, self.chain[offset].signature)
        finally:
            if closed:
                handle.close()

    def page_below(self, page: Page, number: int) -> Page | None:
        """Return a page in a SubIFD of a page, as a level is; None if that is not written.

        A closed file is opened for it.
        """
        offset = int((page.subifds or ())[number])
        if not offset:
            return None
        handle = self.tif.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            directory = read_directory(cast("io.RawIOBase", handle), int(handle.size), offset)
            return self._read((int(page.index), number), offset, directory.signature)
        finally:
            if closed:
                handle.close()

    def _read(self, index: int | tuple[int, int], offset: int, signature: Signature) -> Page:
        keyframe = self._keyframes.get(signature)
        if keyframe is None:
            self.tif.filehandle.seek(offset)
            keyframe = self._keyframes[signature] = tifffile.TiffPage(self.tif, index=index)
        if keyframe.index == index:
            return keyframe
        return tifffile.TiffFrame(self.tif, index, offset=offset, keyframe=keyframe)

    def index_of(self, page: Page) -> int | None:
        """Return a page's index in the chain; None for a virtual page or a sub-page."""
        return self._index.get(page.offset)

    def settled(self, page: Page) -> Page:
        """Return a page of tifffile, with another keyframe if its own has other tags."""
        index = self.index_of(page)
        if page.keyframe is page or page.keyframe is None or index is None:
            return page
        begin = self.chain[page.offset].data_offset
        if begin and page.keyframe.is_micromanager and begin != page.dataoffsets[0]:
            return self.page(index)  # tifffile supposes where Micro-Manager's pixels are, by its index map
        if self.chain[page.offset].signature == self.chain[page.keyframe.offset].signature:
            return page
        return self.page(index)


def settle_pages(
    series: tifffile.TiffPageSeries, file_of: Callable[[tifffile.TiffFile], PageFile]
) -> tuple[list[Page | None], int | None]:
    """Return an image's pages, each with a keyframe of equal tags.

    Parameters
    ----------
    series
        An image as tifffile found it.
    file_of
        Returns the pages of an open file.

    Returns
    -------
    tuple
        The pages, and the offset of the pixels if they are one run, else None.

    Raises
    ------
    SourceError
        If pages differ in what all must share: shape, dtype, colour.
    """
    offset = None if series.is_multifile else series.dataoffset
    if offset is not None and _is_run(series, file_of(series.keyframe.parent), int(offset)):
        return list(series[:1]), int(offset)
    pages = [None if page is None else file_of(page.parent).settled(page) for page in series]
    check_alike(pages)
    return pages, None


def _is_run(series: tifffile.TiffPageSeries, file: PageFile, offset: int) -> bool:
    """Return whether an image's pixels are one run from `offset` on.

    A stack of ImageJ or MetaMorph may have fewer directories than pages. Those that it has must agree with the run.
    """
    keyframe = series.keyframe
    first = file.index_of(keyframe)
    page_bytes = int(keyframe.nbytes)
    if first is None or page_bytes == 0 or keyframe.is_stk:
        return True
    count = math.prod(series.shape) * series.dtype.itemsize // page_bytes
    own = file.chain[keyframe.offset].signature
    offsets = file.offsets[first : first + count]
    for number, at in enumerate(offsets):
        directory = file.chain[at]
        alike = directory.signature == own
        begin = directory.data_offset or (int(file.page(first + number).dataoffsets[0]) if alike else 0)
        if not alike or begin != offset + number * page_bytes:
            return len(offsets) < count and not alike  # the next directories may be of another image
    return True


def keyframe_of(page: Page) -> tifffile.TiffPage:
    """Return the keyframe of a page; raise SourceError if it has none."""
    if page.keyframe is None:
        raise SourceError(f"page {page.index} does not fit the others; {DAMAGED}")
    return page.keyframe


def check_alike(pages: Iterable[Page | None]) -> None:
    """Raise SourceError if pages of an image differ in what all must share."""
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
        ("photometric interpretation", shown_colors(a), shown_colors(b)),
        ("the kind (NewSubfileType)", int(a.subfiletype) & REDUCED_OR_MASK, int(b.subfiletype) & REDUCED_OR_MASK),
        ("extra samples", tuple(a.extrasamples), tuple(b.extrasamples)),
    ]


def shown_colors(page: tifffile.TiffPage) -> int:
    """Return the interpretation of decoded samples: JPEG's YCbCr is decoded to RGB."""
    value = int(page.photometric)
    return _RGB if value == _YCBCR and page.compression in JPEG else value
