"""The opener of TIFF files of all kinds, which recognizes them cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError, StorageError
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.being_written import check_written
from pyramid.readers.files.file import LocalFile, SourceFile
from pyramid.readers.files.finding import find_file
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.recognition import recognized_by
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options.convert import Options

# Suffixes of TIFFs: a file with one of them is refused if it is not a TIFF.
SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".lsm", ".stk", ".qptiff")
OTHERS = (  # suffixes, of a file or of a folder above it, that mean another kind
    *(".npy", ".npz", ".zarr", ".n5", ".h5", ".hdf5", ".hdf", ".he5", ".ims"),
    *(".czi", ".lif", ".nd2"),
    *(".nii", ".nii.gz", ".nrrd", ".nhdr", ".mrc", ".mrcs", ".mrc.gz", ".mrc.bz2"),
)
# The first bytes of a TIFF: classic and BigTIFF, in both byte orders.
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COMPANIONS = (".companion.ome", ".ome.xml", ".ome")  # suffixes of OME-XML that names the TIFFs of an image


def _is_named_or_begins_as_tiff(name: str, start: bytes) -> bool:
    return name.endswith(SUFFIXES) or start[:4] in MAGIC or (name.endswith(COMPANIONS) and b"<" in start[:4])


@recognized_by(_is_named_or_begins_as_tiff)
def open_tiff(source: object, options: Options) -> Source | None:
    """Open a TIFF at a path or URL.

    A file is recognized by its first four bytes or by its suffix. A file at a URL is not looked at if the URL's suffix
    means another kind.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        For a file that only has the name of a TIFF, or is damaged, or has an encoding that cannot be decoded. The same
        goes for one with several images if ``options.series`` does not choose one.
    """
    is_remote = local_path(source) is None and is_url(source)
    file = _find_url(str(source), options) if is_remote else find_file(source, options)
    if file is None:
        return None
    with file.open() as stream:
        start = stream.read(16) or b""
    magic = start[: len(MAGIC[0])]
    name = file.name.lower()
    is_companion = isinstance(file, LocalFile) and name.endswith(COMPANIONS) and b"<" in magic
    if magic not in MAGIC and not is_companion:
        if name.endswith(SUFFIXES):
            what, remedy = describe_start(start) or (f"of another kind, and begins with {magic!r}", "copy it again")
            raise SourceError(f"{file} is not a TIFF, though its name says so: it is {what}; {remedy}")
        return None
    if isinstance(file, LocalFile):
        check_written(file.path)
    from pyramid.readers.tiff.source import open_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

    return open_tiff_file(file, options)


def _find_url(url: str, options: Options) -> SourceFile | None:
    """Return the file at a URL; None if it is of another kind."""
    parts = locate(url).path.lower().split("/")
    is_named = parts[-1].endswith(SUFFIXES)
    if split_inside(url)[1] is not None or (not is_named and any(part.endswith(OTHERS) for part in parts)):
        return None
    try:
        return find_file(url, options, must_exist=is_named)
    except SourceError as error:
        cause = error.__cause__
        if is_named or not (isinstance(cause, StorageError) and cause.permanent):
            raise
        return None  # it may be a folder: a store that forbids listing refuses both alike
