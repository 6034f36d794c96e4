"""The images of a batch, from several sources, lists and folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pyramid.batch.definition import Batch
from pyramid.batch.items import ENDING, BatchItem, Request, derive_name, make_items
from pyramid.batch.kinds import is_batch, is_grouped, is_list, is_plate
from pyramid.batch.lists import read_list
from pyramid.batch.walk import Walk
from pyramid.errors import OptionError, TargetError, ending_with_remedy, list_some, short_repr
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.ngff import FORMATS
from pyramid.options.convert import Options, make_options
from pyramid.options.format import written_version
from pyramid.planning.encoding import choose_encoding
from pyramid.readers.paths import is_url, local_path
from pyramid.stores import locate

# How many files that were left out are named.
MAX_NAMED = 3
# The folder of images that a plan has where none is given. Nothing is written to it.
NO_FOLDER = "."


@ending_with_remedy()
def gather(source: object, folder: str | None, options: Options, *, each: bool) -> Batch:
    """Return the images of a batch, each with its target and options.

    No image is opened. Everything that is wrong with the command is refused here, before the first image.

    Parameters
    ----------
    source
        A path, a URL, or several of them; text that starts with ``@`` is a list.
    folder
        The folder of all targets; None for a plan without one.
    options
        The options of the command.
    each
        Whether a folder is walked for its images.

    Raises
    ------
    OptionError
        If there is not an image, an option does not fit a batch, or two targets are the same.
    SourceError
        If a folder that is walked cannot be listed.
    TargetError
        If `folder` cannot be a folder of images.
    """
    if is_grouped(options) and not each and not is_batch(source, each=each):
        return _gather_grouped(source, folder, options)
    _check_options(options)
    walk = Walk(options, local_path(folder) if folder is not None else None)
    source = list(source) if isinstance(source, Iterator) else source
    requests = [request for item in _several(source) for request in _requests(item, walk, each=each)]
    if any(request.site for request in requests):
        from pyramid.batch.plates import gather_listed  # noqa: PLC0415  (only for a plate)

        return gather_listed(requests, folder, options)
    if folder is not None:
        _check_folder(folder)
    requests = _without_outputs(requests, folder)
    if not requests:
        raise OptionError(f"{_shown(source)} holds no image that can be read; {_seen(walk)}")
    chosen = [_options_of(request, options) for request in requests]
    _check_manifests(requests, chosen)
    items = _with_storage_options(make_items(requests, folder or NO_FOLDER, chosen), folder)
    return Batch(items, folder, options, tuple(_left_out(walk)))


def _gather_grouped(source: object, target: str | None, options: Options) -> Batch:
    """Return the images of one OME-Zarr, a collection or a plate."""
    if not isinstance(source, str | os.PathLike):
        raise OptionError(f"{short_repr(source)} is neither a path nor a URL; give a file or a folder")
    if is_plate(options):
        from pyramid.batch.plates import gather_named_plate  # noqa: PLC0415  (only for a plate)

        return gather_named_plate(os.fsdecode(source), target, options)
    from pyramid.batch.plates import gather_file  # noqa: PLC0415  (only for several images of a file)

    return gather_file(os.fsdecode(source), target, options)


def _check_options(options: Options) -> None:
    """Check what is wrong for every image."""
    if options.overwrite and options.resume:
        raise OptionError("overwrite: resume=True goes on with what is there, and overwrite=True removes it; give one")
    if options.name is not None:
        raise OptionError("name: one name would be that of all images; give a list with a column 'name'")
    if options.labels is not None:
        raise OptionError("labels: they are those of one image; give one SOURCE")
    if options.manifest is not None:
        raise OptionError("manifest: one file cannot hold those of all images; give a list with a column 'manifest'")
    choose_encoding(options, 2, FORMATS[written_version(options)])


def _check_manifests(requests: Sequence[Request], chosen: Sequence[Options]) -> None:
    """Check that no two images have one file for their manifests."""
    seen: dict[str, Request] = {}
    for request, options in zip(requests, chosen, strict=True):
        if options.manifest is not None:
            other = seen.setdefault(os.path.abspath(options.manifest), request)
            if other is not request:
                raise OptionError(f"{other} and {request} have one manifest, {options.manifest}; give each its own")


def _several(source: object) -> Sequence[object]:
    return source if isinstance(source, list | tuple) else (source,)


def _requests(source: object, walk: Walk, *, each: bool) -> Iterator[Request]:
    """Yield the images that one source stands for."""
    if not isinstance(source, str | os.PathLike):
        raise OptionError(
            f"{short_repr(source)} is neither a path nor a URL; an array is converted by a call of its own"
        )
    path = os.fsdecode(source)
    if is_list(source):
        listed = list(read_list(path))
        if not listed:
            raise OptionError(f"the list {path[1:]} names no image; give a path or URL a line")
        for request in listed:
            yield from _walked(request, walk, each=each)
    else:
        yield from _walked(Request(path, derive_name(path)), walk, each=each)


def _walked(request: Request, walk: Walk, *, each: bool) -> Iterator[Request]:
    """Yield the images in a folder if each of them is wanted; otherwise the request."""
    folder = local_path(request.source)
    if not each or folder is None or not folder.is_dir() or any((folder / key).is_file() for key in ROOT_KEYS):
        yield request
        return
    for found in walk.images(folder):
        yield replace(found, origin=request.origin, own=request.own)


def _without_outputs(requests: Sequence[Request], folder: str | None) -> list[Request]:
    """Leave out what a walk found and what is itself a target of this batch.

    It is there where the folder of the targets is the one that is walked.
    """
    base = None if folder is None else local_path(folder)
    if base is None:
        return list(requests)
    targets = {str(base / request.name) for request in requests}
    return [request for request in requests if not (request.is_found and request.source in targets)]


def _options_of(request: Request, options: Options) -> Options:
    """Return the options of the batch, replaced by those of one image."""
    if not request.own:
        return replace(options, report=None)
    own = make_options(request.own)
    chosen = replace(options, report=None, **{name: getattr(own, name) for name in request.own})
    if chosen.overwrite and chosen.resume:
        raise OptionError(f"{request.origin}: overwrite and resume are both given; leave one out")
    try:
        choose_encoding(chosen, 2, FORMATS[written_version(chosen)])
    except OptionError as error:
        raise OptionError(f"{request.origin}: {error}") from None
    return chosen


def _with_storage_options(items: Sequence[BatchItem], folder: str | None) -> tuple[BatchItem, ...]:
    """Leave out storage options of images that need none, if others do."""
    if folder is not None and not locate(folder).is_local:
        return tuple(items)
    if all(is_url(item.source) for item in items) or not any(is_url(item.source) for item in items):
        return tuple(items)
    return tuple(
        item
        if is_url(item.source)
        else replace(item, options=replace(item.options, storage_options=None, source_storage_options=None))
        for item in items
    )


def _check_folder(folder: str) -> None:
    """Check that a location is free, or a folder that may hold images."""
    location = locate(folder)
    if location.scheme in ("http", "https"):
        raise TargetError(f"{location}: cannot write to http(s) URLs; give a path or an s3://, gs:// or az:// URL")
    if location.path.lower().endswith((".zarr", ".n5")) or location.archive is not None:
        raise OptionError(
            f"{location} is named as one image, and several SOURCEs go into a folder; give a folder, which comes "
            "last, and put quotes around a path with spaces"
        )
    if not location.is_local:
        return
    path = Path(location.path)
    if any((path / key).exists() for key in ROOT_KEYS):
        raise TargetError(
            f"{location} is a Zarr, and several SOURCEs go into a folder; give a folder, which comes last"
        )
    while not os.path.lexists(path):
        path = path.parent
    if not path.is_dir():
        raise TargetError(f"{path} is not a folder, and several SOURCEs go into one; give a folder, which comes last")
    if not os.access(path, os.W_OK | os.X_OK):
        raise TargetError(f"{location}: you may not write to {path} ({os.strerror(errno.EACCES)}); give another folder")


def _left_out(walk: Walk) -> Iterator[str]:
    if walk.left_out:
        number = len(walk.left_out)
        files = "1 file of a kind that is" if number == 1 else f"{number} files of kinds that are"
        yield f"{files} not read: left out, as {list_some(walk.left_out, MAX_NAMED)}"


def _seen(walk: Walk) -> str:
    named = list_some(walk.left_out, MAX_NAMED)
    return f"there is {named}, of kinds that are not read" if named else f"give images, as cells.tif, not only {ENDING}"


def _shown(source: object) -> str:
    return list_some([str(item) for item in _several(source)], MAX_NAMED) or "the list"
