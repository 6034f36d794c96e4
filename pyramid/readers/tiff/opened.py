"""A TIFF that is open to read its structure: files, images, errors, notices."""

from __future__ import annotations

import io
import math
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

import tifffile

from pyramid.errors import OptionError, PyramidError, SourceError
from pyramid.readers.files.cached_file import SeekableFile
from pyramid.readers.files.file import CUT_OFF, LocalFile, SourceFile
from pyramid.readers.tiff.chain import read_chain
from pyramid.readers.tiff.file_set import FileSet, find_companion, read_xml
from pyramid.readers.tiff.images import find_images
from pyramid.readers.tiff.log import hearing, sort_messages
from pyramid.readers.tiff.ome import OmeSeries
from pyramid.readers.tiff.ome_xml import OmeDocument, OmeImage, parse_ome
from pyramid.readers.tiff.pages import PageFile

# Kinds whose metadata gives the number of an image's planes.
DESCRIBED = frozenset({"ome", "imagej"})
# The root of an OME-XML, also of one that is cut off.
_OME_ROOT = re.compile(r"^\s*(<\?xml[^>]*\?>)?\s*(<!--.*?-->\s*)*<(\w+:)?OME\b", re.DOTALL)
MAX_HEAD = 4096  # characters of a description in which OME-XML begins


class OpenedTiff:
    """A TIFF, or a companion of TIFFs, that is open to read its structure.

    It is opened in this order:

    1. The chain of its pages is walked and checked.
    2. tifffile opens it.
    3. Its OME-XML is parsed, or that of the companion which it names.
    4. Its images are found. The pages of an image in OME-XML are found later, by `series`.

    While it is open, any exception but an OptionError is taken for damage, and becomes a SourceError.

    Parameters
    ----------
    file
        The file.

    Attributes
    ----------
    images, files
        Its images, and all files of their pages.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._main: PageFile | None = None
        self._document: OmeDocument | None = None
        self._stream: object = None
        self._stack = ExitStack()

    def __enter__(self) -> OpenedTiff:
        try:
            self._heard = self._stack.enter_context(hearing())
            self._stream = self._stack.enter_context(self.file.open())
            self._open(self._stream)
            self._check()
        except Exception as error:  # tifffile may raise anything over a damaged file
            self._stack.close()
            raise self._user_error(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stack.close()
        if isinstance(error, Exception):
            raise self._user_error(error) from error
        self._check()

    def series(self, number: int) -> tuple[tifffile.TiffPageSeries, OmeImage | None, list[str]]:
        """Return an image with its pages, its description in OME-XML, and notices."""
        image, described = self.images[number], None
        more: list[str] = []
        if isinstance(image, OmeSeries):
            described = image.image
            image, more = image.open()
        notices = self._notices if number == 0 else []
        return image, described, [*notices, *more, *self._left_out(image)]

    @property
    def xml(self) -> str | None:
        """The OME-XML that describes the images; None if none does."""
        described = self._document is not None and any(isinstance(image, OmeSeries) for image in self.images)
        return self._document.xml if self._document is not None and described else None

    def notices(self, *, keeps_xml: bool) -> list[str]:
        """Return notices from tifffile's log, and of OME-XML that is not carried over.

        All of it is carried over where the XML is kept.
        """
        extras = self._document.extras if self._document and not (keeps_xml and self.xml) else []
        lost = [f"not carried over from OME-XML: {', '.join(extras)}"] if extras else []
        return [*lost, *(f"tifffile says of it: {notice}" for notice in sort_messages(self._heard)[1])]

    def _open(self, stream: io.RawIOBase) -> None:
        folder = Path(self.file.path).parent if isinstance(self.file, LocalFile) else None
        head = stream.read(4) or b""
        if folder is not None and head.lstrip(b"\xef\xbb\xbf")[:1] == b"<":
            self._document, uuid = parse_ome(read_xml(folder / self.file.name)), ""
        else:
            self._main = self._open_main(stream)
            self._document = _ome_document(self._main.tif)
            uuid = self._document.uuid if self._document else ""
        if self._document is not None and self._document.companion is not None:
            self._document = find_companion(self._document, folder)
        self.files = FileSet(folder, self._main, self.file.name, uuid)
        self._stack.callback(self.files.close)
        self.images, self._notices = find_images(self._main, self._document, self.files)

    def _open_main(self, stream: io.RawIOBase) -> PageFile:
        size_bytes = stream.seek(0, os.SEEK_END)
        chain = read_chain(stream, size_bytes, is_ndpi=self.file.name.lower().endswith(".ndpi"))
        stream.seek(0)
        # given a path, tifffile buffers the file, and can reopen it if too many are open
        source = self.file.path if isinstance(self.file, LocalFile) else cast("IO[bytes]", stream)
        tif = self._stack.enter_context(tifffile.TiffFile(source))
        if _has_copied_shape(tif, len(chain)):
            stream.seek(0)
            tif = self._stack.enter_context(tifffile.TiffFile(source, is_shaped=False))
        return PageFile(tif, chain)

    def _left_out(self, series: tifffile.TiffPageSeries) -> list[str]:
        """Return a notice of pages that the description of the only image leaves out."""
        pages = 0 if self._main is None else len(self._main)
        used = math.prod(series.shape) // max(1, int(series.keyframe.size))
        if len(self.images) > 1 or series.kind not in DESCRIBED or series.is_multifile or used >= pages:
            return []
        return [f"{pages - used} of its {pages} pages are left out: its metadata describes only {used} planes"]

    def _user_error(self, error: Exception) -> PyramidError:
        """Return the error that the user sees."""
        failure = self._network_error()
        if failure is not None:
            return failure
        if isinstance(error, OptionError):
            return error
        if isinstance(error, SourceError) and str(self.file) in str(error):
            return error
        if isinstance(error, PyramidError):
            return SourceError(str(error) if str(self.file) in str(error) else f"{self.file}: {error}")
        return SourceError(
            f"{self.file} cannot be read as a TIFF: {error or type(error).__name__}; the file is damaged, or of a "
            "kind that tifffile does not know"
        )

    def _check(self) -> None:
        """Raise the errors that tifffile only logged: pixels would be wrong."""
        failure = self._network_error()
        if failure is not None:
            raise failure
        errors, _ = sort_messages(self._heard)
        if errors:
            raise SourceError(f"{self.file} is not what it says: {errors[0]}; {CUT_OFF}")

    def _network_error(self) -> SourceError | None:
        """Return the first error of the network, which tifffile takes for damage."""
        return self._stream.failure if isinstance(self._stream, SeekableFile) else None


def _has_copied_shape(tif: tifffile.TiffFile, pages: int) -> bool:
    """Return whether smaller levels repeat tifffile's description of the image.

    Programs that make a pyramid, such as libvips, copy the description of their source to every page.
    """
    first = tif.pages.first if pages else None
    if first is None or not tif.is_shaped:
        return False
    smaller = [*(tif.pages[1:2] if pages > 1 else []), *(first.pages[:1] if first.pages else [])]
    return any(
        isinstance(page, tifffile.TiffPage) and page.is_reduced and page.description == first.description
        for page in smaller
    )


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
