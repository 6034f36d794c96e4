"""The file at a path or URL that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError
from pyramid.readers.files.file import SourceFile, local_file
from pyramid.readers.files.remote import remote_file
from pyramid.readers.paths import is_url, local_path
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.options.convert import Options


def find_file(source: object, options: Options, *, must_exist: bool = True) -> SourceFile | None:
    """Return the file at a path or URL.

    Parameters
    ----------
    source
        What the user gave.
    options
        Those of the URL's store are `source_storage_options`.
    must_exist
        Whether a URL without a file is an error.

    Returns
    -------
    SourceFile | None
        None for a folder, and for an object that is neither a path nor a URL.

    Raises
    ------
    SourceError
        If the file is out of reach, or a URL has no file.
    """
    path = local_path(source)
    if path is not None:
        return local_file(path) if path.is_file() else None
    if not is_url(source):
        return None
    file = remote_file(str(source), options)
    if file is None and must_exist:
        raise SourceError(f"the file {locate(str(source))} does not exist; check the spelling")
    return file
