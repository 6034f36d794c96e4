"""The opener of volumes, which recognizes them by their endings and first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError, explaining
from pyramid.options.series import check_one_image
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.finding import find_file
from pyramid.readers.files.unpacked import UnpackedFile
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.recognition import recognized_by
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options.convert import Options
    from pyramid.readers.files.file import SourceFile
    from pyramid.readers.volumes.header import Header

# Endings of each format. Those of MRC that other programs use too are refused only if they hold nothing of it.
NIFTI, NRRD = (".nii", ".hdr"), (".nrrd", ".nhdr")
MRC = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali", ".ccp4")
SURE = (".nii", *NRRD, ".mrc", ".mrcs")
PACKED = {".gz": "gzip", ".bz2": "bzip2"}
KINDS = "NIfTI, NRRD or MRC"


@recognized_by(lambda name, _start: _bare(name)[0].endswith((*NIFTI, *NRRD, *MRC)))
def open_volume(source: object, options: Options) -> Source | None:
    """Open a NIfTI, NRRD or MRC at a path or URL.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        If it cannot be read, or the library of its format is not installed.
    """
    found, inside = split_inside(source)
    path = local_path(found)
    if inside is not None or (path is None and not is_url(found)):
        return None
    name = (str(path) if path is not None else locate(str(found)).path).lower()
    bare, packed = _bare(name)
    if not bare.endswith((*NIFTI, *NRRD, *MRC)):
        return None
    file = find_file(found, options)
    if file is None:
        return None
    with explaining(SourceError, f"{file} cannot be read"):
        header = _read(UnpackedFile(file, packed) if packed else file, bare)
        if header is None:
            return None
        from pyramid.readers.volumes.header import source_of  # noqa: PLC0415  (only where there is such a file)

        check_one_image(options.series, f"a file of {KINDS}")
        return source_of(header, options.axes, file)


def _bare(name: str) -> tuple[str, str | None]:
    """Return a file's name without the ending of a compression, and that compression."""
    packed = next((method for ending, method in PACKED.items() if name.endswith(ending)), None)
    return (name.rpartition(".")[0] if packed else name), packed


def _read(file: SourceFile, name: str) -> Header | None:
    """Read the header of a file; return None if it is of another format."""
    from pyramid.readers.volumes.mrc import HEAD_BYTES, is_mrc, read_mrc  # noqa: PLC0415  (only where it may be one)
    from pyramid.readers.volumes.nifti import is_nifti, read_nifti  # noqa: PLC0415
    from pyramid.readers.volumes.nrrd import MAGIC, MAX_HEAD_BYTES, read_nrrd  # noqa: PLC0415

    with file.open() as stream:
        start = _start(stream, HEAD_BYTES)
        if start.startswith(MAGIC):
            start += _start(stream, MAX_HEAD_BYTES - len(start), b"\n\n", b"\r\n\r\n")
    if is_nifti(start):
        return read_nifti(file, start)
    if start.startswith(MAGIC):
        return read_nrrd(file, start)
    if is_mrc(start):
        return read_mrc(file, start)
    if not name.endswith(SURE):
        return None
    what, remedy = describe_start(start) or (f"of another kind, and begins with {start[:4]!r}", "copy it again")
    raise SourceError(f"{file} is not {KINDS}, though its name says so: it is {what}; {remedy}")


def _start(stream: object, count: int, *ends: bytes) -> bytes:
    """Return the next bytes, at most `count`, up to the piece with one of `ends`."""
    data = b""
    while len(data) < count and not any(end in data for end in ends):
        piece = stream.read(min(4096, count - len(data)))  # type: ignore[attr-defined]
        if not piece:
            break
        data += piece
    return data
