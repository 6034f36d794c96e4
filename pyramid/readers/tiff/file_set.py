"""The files of an OME-TIFF, found in one folder by name or, if renamed, by UUID."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import tifffile

from pyramid.errors import SourceError
from pyramid.readers.files.file import local_file
from pyramid.readers.tiff.chain import read_chain
from pyramid.readers.tiff.ome_xml import MAX_BYTES, OmeDocument, parse_ome
from pyramid.readers.tiff.pages import PageFile
from pyramid.tables import format_list

# Endings of the files that a search by UUID opens: others are unlikely to be of the image.
TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf2", ".tf8")
XML_ENDINGS = (".companion.ome", ".ome", ".ome.xml", ".xml")
MAX_SEARCHED = 10_000  # files of a folder that are opened for their UUID, so that a search in a large folder ends
MAX_NAMED = 10  # missing files that a message names, so that it stays readable
HEAD_CHARS = 1 << 16  # of an XML that are searched for the UUID, which is in the root element
# The UUID in the root element, found without parsing the XML: a folder may hold thousands of files.
_UUID = re.compile(r"<(?:\w+:)?OME\b[^>]*?\bUUID\s*=\s*[\"']\s*([^\"'\s]+)")


class FileSet:
    """The files of one OME-TIFF, each opened once.

    Parameters
    ----------
    folder
        The folder of the files; None if only the main file can be read, as at a URL.
    main
        The file that was given; None if that is a companion without pixels.
    name
        The main file's name.
    uuid
        The main file's UUID; empty if it has none.
    """

    def __init__(self, folder: Path | None, main: PageFile | None, name: str, uuid: str) -> None:
        self.folder = folder
        self.main = main
        self.name = name
        self.uuid = uuid
        self.missing: dict[str, None] = {}
        self._files: dict[tuple[str, str], PageFile | None] = {}
        self._open: dict[Path, PageFile] = {}
        self._by_tif = {} if main is None else {id(main.tif): main}
        self._by_uuid: dict[str, Path] | None = None

    def find(self, uuid: str, name: str) -> PageFile | None:
        """Return a file of the set; if it is missing, note it and return None."""
        if self.main is not None and self._is_main(uuid, name):
            return self.main
        key = (uuid, name)
        if key not in self._files:
            path = self._look_for(uuid, name)
            self._files[key] = None if path is None else self._opened(path)
        if self._files[key] is None:
            self.missing[name or uuid] = None
        return self._files[key]

    def find_all(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Look for all files of an image by UUID and name, and note the missing ones.

        The main file may have been renamed: without a UUID and under a name that the XML does not use. If then exactly
        one file is missing, the main file is taken for it.
        """
        keys = list(dict.fromkeys(wanted))
        if self.main is not None and not self.uuid and not any(self._is_main(*key) for key in keys):
            lost = [key for key in keys if self.find(*key) is None]
            if len(lost) == 1:
                self._files[lost[0]] = self.main
                self.missing.clear()
        for key in keys:
            self.find(*key)

    def file_of(self, tif: tifffile.TiffFile) -> PageFile:
        """Return the pages of an open file, also of one that tifffile found by itself."""
        if id(tif) not in self._by_tif:
            path = str(tif.filehandle.path)
            with open(path, "rb") as stream:
                self._by_tif[id(tif)] = PageFile(tif, read_chain(stream, os.path.getsize(path)))
        return self._by_tif[id(tif)]

    def close(self) -> None:
        """Close all files that were opened here."""
        for file in self._open.values():
            file.tif.close()

    def _is_main(self, uuid: str, name: str) -> bool:
        if not uuid and not name:
            return True
        if uuid and self.uuid:
            return uuid == self.uuid
        return name.lower() == self.name.lower()

    def _look_for(self, uuid: str, name: str) -> Path | None:
        """Return the path of a file by its name if its UUID agrees, else by its UUID."""
        if self.folder is None:
            return None
        path = self.folder / name.replace("\\", "/")
        found = bool(name) and path.is_file()
        own = _tiff_uuid(path) if found and uuid else ""
        if found and (not own or not uuid or own == uuid):
            return path
        renamed = self._uuids().get(uuid) if uuid else None
        if renamed is None and found:
            raise SourceError(
                f"its OME-XML names {name} with the UUID {uuid}, but that file has the UUID {own}: it is another file "
                "of the same name, and the right one is not in this folder"
            )
        return renamed

    def _uuids(self) -> dict[str, Path]:
        """Return the TIFFs of the folder by their UUID."""
        if self._by_uuid is None:
            assert self.folder is not None
            paths = reversed(_siblings(self.folder, TIFF_ENDINGS))  # of several with one UUID, the first counts
            self._by_uuid = {_tiff_uuid(path): path for path in paths}
        return self._by_uuid

    def _opened(self, path: Path) -> PageFile:
        """Return a file with its chain checked.

        It is closed until its pages are needed, as a set may have thousands of files.
        """
        if path not in self._open:
            try:
                with local_file(path).open() as stream:
                    chain = read_chain(stream, os.path.getsize(path))
                tif = tifffile.TiffFile(path)
            except SourceError as error:
                raise SourceError(f"{path}: {error}") from error
            except Exception as error:  # tifffile may raise anything over a damaged file
                raise SourceError(f"{path}, a file of the same image, cannot be read as a TIFF: {error}") from error
            self._open[path] = self._by_tif[id(tif)] = PageFile(tif, chain)
            tif.filehandle.close()
        return self._open[path]


def missing_files(names: list[str], *, folder: bool) -> SourceError:
    """Return the error that names the missing files of a set."""
    remedy = "put all files of the image into one folder"
    if not folder:
        remedy = "only the file at the URL is read: copy all files of the image to one folder on this machine"
    number = "a file that is" if len(names) == 1 else f"{len(names)} files that are"
    return SourceError(f"its OME-XML names {number} not there: {format_list(names, MAX_NAMED)}; {remedy}")


def find_companion(document: OmeDocument, folder: Path | None) -> OmeDocument:
    """Return the metadata of the file that an OME-XML refers to.

    Raises
    ------
    SourceError
        If that file is missing, or has no metadata either.
    """
    name, uuid = document.companion or "", document.companion_uuid
    if folder is None:
        raise missing_files([name], folder=False)
    path = folder / name.replace("\\", "/")
    if not path.is_file():
        others = _siblings(folder, (*XML_ENDINGS, *TIFF_ENDINGS)) if uuid else []
        renamed = next((other for other in others if _uuid_of(other) == uuid), None)
        if renamed is None:
            raise SourceError(
                f"its metadata is in {name}, which is not there; put all files of the image into one folder"
            )
        path = renamed
    found = parse_ome(read_xml(path))
    if found.companion is not None or not found.images:
        raise SourceError(f"its OME-XML says that the metadata is in {path.name}, which holds none")
    return found


def read_xml(path: Path) -> str:
    """Return the OME-XML of a companion or of a TIFF."""
    if path.name.lower().endswith(TIFF_ENDINGS):
        try:
            with tifffile.TiffFile(path) as tif:
                return tif.pages.first.description
        except Exception as error:  # tifffile may raise anything over a damaged file
            raise SourceError(f"{path}, which holds the metadata, cannot be read as a TIFF: {error}") from error
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path} is over {MAX_BYTES} bytes long; it is not read as OME-XML")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not text in UTF-8, as OME-XML is") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}; check its permissions") from error


def _siblings(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    names = [entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(endings)]
    return [folder / name for name in sorted(names)[:MAX_SEARCHED]]


def _uuid_of(path: Path) -> str:
    if path.name.lower().endswith(TIFF_ENDINGS):
        return _tiff_uuid(path)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _root_uuid(file.read(HEAD_CHARS))
    except OSError:
        return ""


def _tiff_uuid(path: Path) -> str:
    """Return the UUID of a TIFF's own OME-XML; empty if it has none."""
    try:
        with tifffile.TiffFile(path) as tif:
            return _root_uuid(tif.pages.first.description[:HEAD_CHARS])
    except Exception:  # another file of the folder that cannot be read does not matter to this image
        return ""


def _root_uuid(xml: str) -> str:
    found = _UUID.search(xml)
    return found[1] if found else ""
