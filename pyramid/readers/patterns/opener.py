"""The opener of many TIFFs as one image: a folder or a glob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError, StorageError, with_remedy
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.readers.paths import is_listed, is_url, local_path
from pyramid.readers.patterns.site_files import SiteFiles
from pyramid.readers.zarr.opener import has_zarr
from pyramid.stores import locate, open_objects

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options.convert import Options

# Endings of URLs that are not looked at as folders of TIFFs.
_OTHERS = (".zarr", ".n5", ".npy", ".npz", ".ozx", ".h5", ".hdf5", ".ims")
_WEB = ("http", "https")


def open_files(source: object, options: Options) -> Source | None:
    """Open the TIFFs of a folder, or those that a glob names, as one image.

    Its name is before those of readers that take a glob for the name of a file.

    Returns
    -------
    Source | None
        None for anything else, and for a folder without TIFFs or with a Zarr's metadata.

    Raises
    ------
    SourceError
        If the names do not say what the files are of the image, or the files are not alike.
    OptionError
        For a pattern that is not valid.
    """
    if isinstance(source, SiteFiles):
        from pyramid.readers.patterns.opening import open_site  # noqa: PLC0415  (only where there are many files)

        return open_site(source, options)
    if not _is_many(source, options):
        return None
    path = local_path(source)
    if path is None and locate(str(source)).scheme in _WEB:
        raise SourceError(
            f"{locate(str(source).split('*')[0])}: a web server does not list its files; give one file, or copy them "
            "to a folder or a bucket first"
        )

    from pyramid.readers.patterns.opening import open_listed  # noqa: PLC0415  (only where there are many files)

    return open_listed(source, options)


def _is_many(source: object, options: Options) -> bool:
    """Return whether a source may be many files."""
    path = local_path(source)
    if path is not None:
        return is_listed(source) or (path.is_dir() and (options.pattern is not None or not has_zarr(path)))
    if not is_url(source):
        return False
    return is_listed(source) or _is_folder(str(source), options)


def _is_folder(url: str, options: Options) -> bool:
    """Return whether a URL that can be listed has files below it, and no Zarr."""
    location = locate(url)
    if location.scheme in _WEB:
        return options.pattern is not None
    last = location.path.lower().rpartition("/")[2]
    if any(part.endswith(_OTHERS) for part in location.path.lower().split("/")) or "." in last[-6:-2]:
        return False
    from pyramid.stores.obstore_objects import RemoteObjects  # noqa: PLC0415  (only for URLs)

    objects = open_objects(url, options.source_storage_options)
    if not isinstance(objects, RemoteObjects):
        return False  # other stores list all or nothing
    try:
        first = next(iter(objects.keys()), "")
    except StorageError as error:
        if error.status is None:  # without an answer, another reader would only wait again
            raise SourceError(with_remedy(error, "check the address and the credentials")) from error
        return False  # another reader says what is wrong
    return bool(first) and first not in ROOT_KEYS
