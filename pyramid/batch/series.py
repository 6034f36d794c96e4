"""The images of one file, as a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyramid._version import __version__
from pyramid.batch.definition import Batch
from pyramid.batch.frame import Frame, Kind, MakeDocuments
from pyramid.batch.items import BatchItem
from pyramid.engine.preparation import check_manifest
from pyramid.errors import OptionError, SeveralImagesError, SourceError, explaining
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.nodes import Node
from pyramid.model import Source
from pyramid.ngff import FORMATS
from pyramid.ngff.groups import MAX_IMAGES
from pyramid.ngff.writing_groups import layout_attributes
from pyramid.options.convert import Options
from pyramid.options.format import N5, with_format
from pyramid.options.series import ALL
from pyramid.packing.converting import building_place, is_archive
from pyramid.readers import list_images, open_source
from pyramid.stores import Objects, locate, share_storage_options
from pyramid.tables import format_count
from pyramid.writing.ome_group import ome_documents, ome_xml_of

# Where a plan has its images if no folder is given. Nothing is written to it.
NO_FOLDER = "collection.ome.zarr"


def gather_series(path: str, target: str | None, options: Options) -> tuple[Batch, Source]:
    """Return all images of a file as a batch and collection, and the first image.

    Parameters
    ----------
    path
        A path or URL.
    target
        Path or URL of the collection; None for a plan without one.
    options
        Those of all images.

    Raises
    ------
    OptionError
        If an option is for one image only.
    SourceError
        If the file cannot be read.
    """
    check_group_options(options, target)
    shared = share_storage_options(options, path, target)
    with explaining(SourceError, "the source cannot be opened"):
        images = list_images(path, shared)
        first = open_source(path, replace(shared, series=images[0][0]))
    if len(images) > MAX_IMAGES:
        raise SourceError(
            f"{path} holds {len(images)} images, and a collection at most {MAX_IMAGES}; choose one with series=N"
        )
    version = FORMATS[options.ome_zarr_version]

    def documents(_objects: Objects, before: Node | None) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
        xml = ome_xml_of(first, every_image=True) or _made(path, images, shared)
        kept = {} if before is None else dict(before.attributes)
        return ome_documents(version, xml, [item.name for item in items]), {**kept, **layout_attributes(version)}

    frame = frame_at((path, target, NO_FOLDER), shared, "collection", documents)
    own = replace(options, report=None, manifest=None)
    items = tuple(
        BatchItem(path, f"{frame.url}/{n}", str(n), replace(own, series=number), {}, frame.archived(str(n)))
        for n, (number, _) in enumerate(images)
    )
    return Batch(items, target and frame.final_url, options, frame=frame), first


def frame_at(places: tuple[object, str | None, str], options: Options, kind: Kind, documents: MakeDocuments) -> Frame:
    """Return the root of a collection or a plate.

    Parameters
    ----------
    places
        The source, the target, and what stands for a target that is not given.
    options
        Those of all images.
    kind, documents
        As of `Frame`.

    Raises
    ------
    OptionError, TargetError
        If an archive, or the manifest that is asked for, cannot be written.
    """
    source, target, no_folder = places
    url = (target or no_folder).rstrip("/")
    place = building_place(source, url, options) or url
    check_manifest(options, source, None if target is None else place)
    return Frame(
        place,
        kind,
        FORMATS[options.ome_zarr_version],
        documents,
        options.target_storage_options,
        options.overwrite,
        options.resume,
        url if is_archive(locate(url)) else None,
    )


def _made(path: str, images: Sequence[tuple[int, str]], options: Options) -> bytes | None:
    """Return OME-XML that is made of descriptions; None if it cannot say them."""
    from pyramid.readers.ome_metadata.making import make_document  # noqa: PLC0415  (only to end a run)

    if not options.ome_xml:
        return None
    specs = [open_source(path, replace(options, series=number)).spec for number, _ in images]
    text = make_document(specs, f"ome-pyramid {__version__}")
    return None if text is None else text.encode()


def check_free(batch: Batch) -> Batch:
    """Return a batch whose target is free, or to be replaced, or to go on.

    Raises TargetError otherwise.
    """
    if batch.folder is not None and batch.frame is not None:
        batch.frame.check()
    return batch


def for_all_images(options: Options, target: str | None, error: SeveralImagesError) -> Options:
    """Return options for all images of a file of which none is chosen.

    Raises `error` if an option is for one image only.
    """
    if options.series is not None:
        raise error
    try:
        check_group_options(options, target)
    except OptionError:
        raise error from None
    many = format_count(len(error.images), "image")
    give_notices((f"SOURCE holds {many}: all are converted; choose one with series=N",))
    return replace(options, series=ALL)


def check_group_options(options: Options, target: str | None) -> None:
    """Raise OptionError for options that are for one image only."""
    if options.overwrite and options.resume:
        raise OptionError("overwrite: resume=True goes on with what is there, and overwrite=True removes it; give one")
    if with_format(options, target).format == N5:
        raise OptionError("format: an N5 holds one image; give a TARGET that ends in .ome.zarr")
    for name in ("name", "labels"):
        if getattr(options, name) is not None:
            raise OptionError(f"{name}: it is for one image, and here are several; leave it out")
