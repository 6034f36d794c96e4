"""The opener of many TIFFs as one image: a folder or a glob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import OptionError, SourceError, StorageError, with_remedy
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.readers.diagnosis import explain_missing
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.patterns.asking import ask_for_pattern
from pyramid.readers.patterns.guessing import Guess, guess_template, sort_names
from pyramid.readers.patterns.listing import Listing, is_listed, list_files
from pyramid.readers.patterns.mapping import check_missing, map_files
from pyramid.readers.patterns.template import Template, parse_template
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

    Returns
    -------
    Source | None
        None for anything else, and for a folder without TIFFs or with a Zarr's metadata.

    Raises
    ------
    SourceError
        If the names do not say what the files are of the image, or the files are not alike.
    OptionError
        For a pattern that is not valid, or that is given for another kind of source.
    """
    if not _is_many(source, options):
        _refuse_options(source, options)
        return None
    path = local_path(source)
    if path is None and locate(str(source)).scheme in _WEB:
        raise SourceError(
            f"{locate(str(source).split('*')[0])}: a web server does not list its files; give one file, or copy them "
            "to a folder or a bucket first"
        )
    template = None if options.pattern is None else _parse(options.pattern)
    listing = list_files(source, options, None if template is None else template.depth)
    if listing.entries:
        return _open_listing(listing, template, options)
    if path is not None and not path.is_dir():
        raise explain_missing(path)
    if template is not None or is_listed(source):
        raise SourceError(f"{listing.given} holds no TIFF; check the address, and the folders of the pattern")
    return None


open_files.priority = 1  # type: ignore[attr-defined]  (before readers that take a glob for the name of a file)


def _parse(pattern: str) -> Template:
    try:
        return parse_template(pattern)
    except OptionError as error:
        raise OptionError(f"pattern: {error}") from None


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


def _refuse_options(source: object, options: Options) -> None:
    """Raise OptionError if options for many files are given for another source."""
    name = "pattern" if options.pattern is not None else "fill_missing" if options.fill_missing else None
    if name is not None:
        kind = "one file" if local_path(source) is not None or is_url(source) else "an array"
        raise OptionError(
            f"{name}: it is for many TIFFs, and SOURCE is {kind}; give their folder, or leave {name}=... out"
        )


def _open_listing(listing: Listing, template: Template | None, options: Options) -> Source:
    """Open listed files by a pattern, or by one that is found in their names."""
    from pyramid.readers.patterns.reading import open_mapped, open_one, open_set  # noqa: PLC0415  (tifffile: 0.4 s)

    if template is None and len(listing.entries) == 1:
        return open_one(listing, options)
    notices: list[str] = []
    if template is None:
        names = sort_names(listing.names)
        guess = guess_template(names)
        template = None if guess is None else _named(guess, options.axes)
        if template is None:
            found = open_set(listing, options, quietly=True)
            if found is not None:
                return found
            if guess is not None and any(not field.is_axis for field in guess.template.fields):
                map_files(guess.template, listing)  # raises the error about several sites
            raise ask_for_pattern(listing, names, guess)
        found = open_set(listing, options)
        if found is not None:
            return found
    mapping = map_files(template, listing)
    if options.pattern is None:
        notices.append(
            f"the names of the files are read as {mapping.template} ({mapping.described}); if that is wrong, give "
            "pattern=..."
        )
    notices += check_missing(mapping, listing, fill=options.fill_missing)
    return open_mapped(mapping, listing, options, tuple(notices))


def _named(guess: Guess, axes: str | None) -> Template | None:
    """Return the pattern that a guess is, if nothing is left to ask.

    A number that no letter names is of the axis that the user's axes have in its place.
    """
    if not guess.unnamed:
        return guess.template if guess.template.fields else None
    fields = [
        i
        for i, part in enumerate(guess.template.parts)
        if not isinstance(part, str) and (part.name or i in guess.unnamed)
    ]
    letters = (axes or "")[: len(fields)]
    if axes is None or len(axes) < len(fields) + 2 or set(letters) & {"y", "x"}:
        return None
    return guess.with_names([letters[fields.index(index)] for index in guess.unnamed])
