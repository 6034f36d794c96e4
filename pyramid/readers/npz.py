"""Arrays in an ``.npz``, which is a zip archive of ``.npy`` files."""

from __future__ import annotations

import io
import struct
import zipfile

from pyramid.errors import SourceError, list_some, short_repr
from pyramid.options.nearest import nearest
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.files.part import PartFile
from pyramid.readers.files.unpacked import UnpackedFile
from pyramid.readers.inside import join_inside

ENDING = ".npy"
MAX_LISTED = 8  # arrays in an error
LOCAL_HEADER_BYTES = 30  # of a member, before its name
_METHODS = {zipfile.ZIP_DEFLATED: "deflate", zipfile.ZIP_BZIP2: "bzip2"}


def find_member(file: SourceFile, name: str | None) -> SourceFile:
    """Return an array of an ``.npz`` as a file of its own.

    One that is stored is read in place, and one that is compressed is unpacked.

    Parameters
    ----------
    file, name
        The archive, and the name of the array; None or empty for its only one.

    Raises
    ------
    SourceError
        If it does not hold such an array, with the nearest name, or if there are several and none is chosen.
    """
    with file.open() as stream:
        members = _members(file, stream)
        wanted = _choose(file, members, (name or "").strip("/"))
        stream.seek(wanted.header_offset)
        header = stream.read(LOCAL_HEADER_BYTES) or b""
    if len(header) < LOCAL_HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
        raise SourceError(f"{file}: the array {short_repr(wanted.filename)} is not where its directory says; {DAMAGED}")
    after_name, after_extra = struct.unpack_from("<HH", header, 26)
    start = wanted.header_offset + LOCAL_HEADER_BYTES + after_name + after_extra
    label = wanted.filename.removesuffix(ENDING)
    part = PartFile(file, start, wanted.compress_size, label)
    if wanted.flag_bits & 1:
        raise SourceError(f"{part} is encrypted; save it without a password")
    if wanted.compress_type == zipfile.ZIP_STORED:
        return part
    if wanted.compress_type not in _METHODS:
        raise SourceError(f"{part} is compressed by method {wanted.compress_type} of zip; save it with numpy.savez")
    return UnpackedFile(part, _METHODS[wanted.compress_type], wanted.file_size, wanted.CRC)


def _members(file: SourceFile, stream: io.RawIOBase) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive by name."""
    try:
        # only read here: zipfile asks for a type that has methods to write too
        with zipfile.ZipFile(io.BufferedReader(_Kept(stream))) as archive:
            infos = archive.infolist()
    except SourceError:
        raise
    except Exception as error:  # a damaged directory fails in many ways
        stream.seek(0)
        start = stream.read(16) or b""
        found = describe_start(start)
        if found is not None and not start.startswith(b"PK"):
            raise SourceError(
                f"{file} is not an .npz, though its name says so: it is {found[0]}; {found[1]}"
            ) from error
        raise SourceError(f"{file} cannot be read as .npz: {error}; {CUT_OFF}") from error
    return {info.filename.removesuffix(ENDING): info for info in infos if info.filename.endswith(ENDING)}


def _choose(file: SourceFile, members: dict[str, zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    listing = list_some([join_inside(file, member) for member in members], MAX_LISTED)
    if not members:
        raise SourceError(f"{file} holds no array; save one with numpy.savez")
    if not name:
        if len(members) > 1:
            raise SourceError(f"{file} holds {len(members)} arrays, and one image is read; give one of {listing}")
        return next(iter(members.values()))
    found = members.get(name) or members.get(name.removesuffix(ENDING))
    if found is None:
        near = nearest(name, members)
        hint = f"did you mean {join_inside(file, near)}?" if near else f"give one of {listing}"
        raise SourceError(f"{file} holds no array {short_repr(name)}; {hint}")
    return found


class _Kept(io.RawIOBase):
    """A stream that closing leaves open."""

    def __init__(self, stream: io.RawIOBase) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        return self._stream.readinto(buffer) or 0
