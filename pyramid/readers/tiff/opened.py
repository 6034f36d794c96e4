"""A TIFF that is open to read its structure: files, images, errors, notices."""

from __future__ import annotations

import math
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TypeAlias, cast

import tifffile

from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.readers.files.cached_file import SeekableFile
from pyramid.readers.files.file import LocalFile, Place
from pyramid.readers.tiff.chain import read_chain
from pyramid.readers.tiff.file_set import FileSet, find_companion, read_xml
from pyramid.readers.tiff.log import hearing, sort_messages
from pyramid.readers.tiff.ome import OmeSeries
from pyramid.readers.tiff.ome_xml import OmeDocument, OmeImage, parse_ome
from pyramid.readers.tiff.pages import Page, PageFile, check_alike
from pyramid.readers.tiff.qpi import full_pages

Image: TypeAlias = "tifffile.TiffPageSeries | OmeSeries"

# Kinds whose first image is the slide: the others are its label, its overview and its thumbnail.
WHOLE_SLIDE = frozenset({"svs", "ndpi", "scn", "bif", "philips", "qpi", "avs", "indica", "sis"})
# Kinds that tifffile reports if the file's own description does not fit its pages.
UNDESCRIBED = frozenset({"generic", "uniform"})
# Kinds whose metadata gives the number of an image's planes.
DESCRIBED = frozenset({"ome", "imagej"})
_OME_ROOT = re.compile(r"^\s*(<\?xml[^>]*\?>)?\s*(<!--.*?-->\s*)*<(\w+:)?OME\b", re.DOTALL)
MAX_HEAD = 4096  # characters of a description in which OME-XML begins
MAX_LISTED = 20  # images that a message names, so that it stays readable


class OpenedTiff:
    """A TIFF, or a companion of TIFFs, that is open to read its structure.

    While it is open, any exception but an OptionError is taken for damage, and becomes a SourceError.

    Parameters
    ----------
    place
        The file.

    Attributes
    ----------
    images
        Its images; the pages of an OME-TIFF are found later.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.images: list[Image] = []
        self.document: OmeDocument | None = None
        self.found: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> OpenedTiff:
        try:
            self.heard = self._stack.enter_context(hearing())
            self.file = self._stack.enter_context(self.place.open())
            self._open()
            self._check()
        except Exception as error:  # tifffile may raise anything over a damaged file
            self._stack.close()
            raise self.refusal(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stack.close()
        if isinstance(error, Exception):
            raise self.refusal(error) from error
        self._check()

    def choose(self, wanted: int | None) -> tuple[int, list[str]]:
        """Return the number of the wanted image, and a notice of those left out."""
        images = self.images
        if not images:
            raise SourceError(f"{self.place} holds no image")
        listing = "; ".join(
            f"{i}: {s.name or 'no name'}, {s.axes} {'x'.join(map(str, s.shape))} {s.dtype}"
            for i, s in enumerate(images[:MAX_LISTED])
        )
        if len(images) > MAX_LISTED:
            listing += f"; and {len(images) - MAX_LISTED} more"
        if wanted is not None:
            if wanted >= len(images):
                raise OptionError(f"{self.place} has no image {wanted}; it has {len(images)} ({listing})")
            return wanted, []
        if len(images) == 1:
            return 0, []
        if images[0].kind in WHOLE_SLIDE:
            others = ", ".join(f"{i} ({s.name})" for i, s in enumerate(images) if i)
            return 0, [f"image 0 ({images[0].name}) is read; left out: {others}: choose one with --series N"]
        raise SourceError(f"{self.place} holds {len(images)} images; choose one with --series N ({listing})")

    def series(self, number: int) -> tuple[tifffile.TiffPageSeries, list[str]]:
        """Return an image with its pages, and notices about them."""
        image = self.images[number]
        notices = list(self.found) if number == 0 else []
        if isinstance(image, OmeSeries):
            image, more = image.open()
            notices += more
        return image, notices + self._left_out(image)

    def _left_out(self, series: tifffile.TiffPageSeries) -> list[str]:
        """Return a notice of pages that the description of the only image leaves out."""
        if self.main is None or len(self.images) > 1 or series.kind not in DESCRIBED:
            return []
        page_size = max(1, int(series.keyframe.size))
        used = math.prod(series.shape) // page_size
        if series.is_multifile or used >= len(self.main):
            return []
        return [
            f"{len(self.main) - used} of its {len(self.main)} pages are left out: its metadata describes "
            f"only {used} planes"
        ]

    def file_of(self, series: tifffile.TiffPageSeries) -> PageFile:
        """Return the file of an image's first page."""
        tif = series.keyframe.parent
        if self.main is not None and tif is self.main.tif:
            return self.main
        return self.files.file_of(tif)

    def ome_image(self, number: int) -> OmeImage | None:
        """Return an image as OME-XML describes it; None without such XML."""
        image = self.images[number]
        return image.image if isinstance(image, OmeSeries) else None

    def notices(self) -> list[str]:
        """Return notices from tifffile's log, and of OME-XML that is not carried over."""
        extras = self.document.extras if self.document else []
        lost = [f"not carried over from OME-XML: {', '.join(extras)}"] if extras else []
        return [*lost, *(f"tifffile says of it: {notice}" for notice in sort_messages(self.heard)[1])]

    def refusal(self, error: Exception) -> PyramidError:
        """Return the error that the user sees."""
        failure = self._failure()
        if failure is not None:
            return failure
        if isinstance(error, OptionError):
            return error
        if isinstance(error, PyramidError):
            return SourceError(str(error) if str(self.place) in str(error) else f"{self.place}: {error}")
        return SourceError(
            f"{self.place} cannot be read as a TIFF: {error or type(error).__name__}; the file is damaged, or of a "
            "kind that tifffile does not know"
        )

    def _open(self) -> None:
        folder = Path(self.place.path).parent if isinstance(self.place, LocalFile) else None
        if _is_xml(self.file):
            assert folder is not None  # XML at a URL is not opened as a TIFF
            self.main, own = None, ""
            self.document = parse_ome(read_xml(folder / self.place.name))
        else:
            self.main = self._open_main()
            self.document = _ome_document(self.main.tif)
            own = self.document.uuid if self.document else ""
        if self.document is not None and self.document.companion is not None:
            self.document, _ = find_companion(self.document, folder)
        self.files = FileSet(folder, self.main, self.place.name, own)
        self._stack.callback(self.files.close)
        if self.main is None and not (self.document and self.document.images):
            raise SourceError("its OME-XML describes no image")
        self.images = self._find_images()

    def _open_main(self) -> PageFile:
        size = self.file.seek(0, os.SEEK_END)
        chain = read_chain(self.file, size, is_ndpi=self.place.name.lower().endswith(".ndpi"))
        self.file.seek(0)
        # given a path, tifffile buffers the file, and can reopen it if too many are open
        path = self.place.path if isinstance(self.place, LocalFile) else cast("IO[bytes]", self.file)
        tif = self._stack.enter_context(tifffile.TiffFile(path))
        return PageFile(tif, chain)

    def _find_images(self) -> list[Image]:
        main, document = self.main, self.document
        if document is not None and document.images:
            tif = None if main is None else main.tif
            if tif is None or not (tif.is_mmstack or tif.is_lsm or tif.is_shaped):
                return [OmeSeries(document, number, self.files) for number in range(len(document.images))]
        assert main is not None
        if document is not None and not document.images:
            self.found = ["its OME-XML describes no image: its pages are read as they follow each other"]
        images: list[Image] = [series for series in _tifffile_series(main) if series.shape]
        if images and images[0].kind == "qpi":
            full, self.found = full_pages(main.tif)
            images = images if full is None else [full, *images[1:]]
        described = main.tif.is_imagej or main.tif.is_shaped
        if described and images and images[0].kind in UNDESCRIBED:
            raise SourceError(
                "its description of its planes (of ImageJ or tifffile) does not fit its pages: planes are missing, or "
                "a program changed it and kept the description; save it again from the program that made it"
            )
        return images

    def _check(self) -> None:
        """Raise the errors that tifffile only logged: pixels would be wrong."""
        failure = self._failure()
        if failure is not None:
            raise failure
        errors, _ = sort_messages(self.heard)
        if errors:
            raise SourceError(
                f"{self.place} is not what it says: {errors[0]}; it is cut off or damaged: "
                "copy it again from where it came from"
            )

    def _failure(self) -> SourceError | None:
        """Return the first error of the network, which tifffile takes for damage."""
        file = getattr(self, "file", None)
        return file.failure if isinstance(file, SeekableFile) else None


def _tifffile_series(main: PageFile) -> list[tifffile.TiffPageSeries]:
    """Return the images that tifffile finds.

    It gives up if pages differ in their strips or tiles. Then one image of all pages is returned.
    """
    try:
        return _join_alike(main, list(main.tif.series))
    except RuntimeError as error:
        first = main.tif.pages.first
        if "keyframe" not in str(error) or main.tif.is_shaped or main.tif.is_imagej or first.subifds:
            raise
    pages: list[Page | None] = [main.page(index) for index in range(len(main))]
    check_alike(pages)
    return [_one_stack(main, pages)]


def _join_alike(main: PageFile, series: list[tifffile.TiffPageSeries]) -> list[tifffile.TiffPageSeries]:
    """Return one image of all pages if they differ only in how they are stored.

    tifffile makes several images of them.
    """
    pages = sum(len(each) for each in series)
    if len(series) < 2 or pages != len(main) or {each.kind for each in series} != {"generic"}:
        return series
    if len({(tuple(each.keyframe.shape), each.dtype) for each in series}) > 1 or any(s.is_pyramidal for s in series):
        return series
    alike: list[Page | None] = [main.page(index) for index in range(len(main))]
    try:
        check_alike(alike)
    except SourceError:
        return series
    return [_one_stack(main, alike)]


def _one_stack(main: PageFile, pages: list[Page | None]) -> tifffile.TiffPageSeries:
    first = main.tif.pages.first
    shape = (len(pages), *first.shape)
    return tifffile.TiffPageSeries(pages, shape, first.dtype, f"I{first.axes}", parent=main.tif, kind="uniform")


def _is_xml(file: object) -> bool:
    stream = cast("IO[bytes]", file)
    head = stream.read(4)
    stream.seek(0)
    return head.lstrip(b"\xef\xbb\xbf")[:1] == b"<"


def _ome_document(tif: tifffile.TiffFile) -> OmeDocument | None:
    """Parse and check the OME-XML, before tifffile follows it to other files."""
    description = tif.pages.first.description if len(tif.pages) else ""
    if tif.is_ome:
        return parse_ome(tif.ome_metadata or "")
    if _OME_ROOT.search(description[:MAX_HEAD]):  # tifffile takes it for none where its end is missing
        return parse_ome(description)
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise SourceError("its description defines XML entities, which image metadata never needs; it is not read")
    return None
