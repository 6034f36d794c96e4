"""The opener of vendors' files, which recognizes them by their first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError, explaining
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.being_written import check_written
from pyramid.readers.files.file import LocalFile
from pyramid.readers.files.finding import find_file
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.recognition import recognized_by
from pyramid.readers.vendors.formats import START_BYTES, begun_format, named_format
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options.convert import Options


def _is_named_or_begins(name: str, start: bytes) -> bool:
    return named_format(name) is not None or begun_format(name, start) is not None


@recognized_by(_is_named_or_begins)
def open_vendor(source: object, options: Options) -> Source | None:
    """Open an image of a file of a microscope's vendor, at a path or URL.

    A local file is recognized by its first bytes, one at a URL by its ending.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        If it cannot be read, holds several images of which none is chosen, or needs a library that is not installed.
    """
    found, inside = split_inside(source)
    path = local_path(found)
    if inside is not None or (path is None and not is_url(found)):
        return None
    if path is None and named_format(locate(str(found)).path.lower()) is None:
        return None
    file = find_file(found, options)
    if file is None:
        return None
    with file.open() as stream:
        start = stream.read(START_BYTES) or b""
    named, begun = named_format(file.name.lower()), begun_format(file.name.lower(), start)
    if begun is None:
        if named is None:
            return None
        what, remedy = describe_start(start) or (f"of another kind, and begins with {start[:4]!r}", "copy it again")
        raise SourceError(f"{file} is not {named.name}, though its name says so: it is {what}; {remedy}")
    if isinstance(file, LocalFile):
        check_written(file.path)
    from pyramid.readers.vendors.source import open_image  # noqa: PLC0415  (NumPy: only where there is such a file)

    with explaining(SourceError, f"{file} cannot be read as {begun.name}"):
        files = begun.find_files(file)
        for each in files:
            if isinstance(each, LocalFile) and each != file:
                check_written(each.path)
        return open_image(files, begun, options)
