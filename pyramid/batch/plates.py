"""The sources of plates: names of files, and files that describe one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from pyramid.batch.definition import Batch
from pyramid.batch.items import Request
from pyramid.batch.plate import PlateImage, gather_plate, place_image
from pyramid.batch.series import check_free, gather_series
from pyramid.batch.wells import PlateLayout
from pyramid.errors import OptionError
from pyramid.options.convert import Options
from pyramid.readers.patterns.sites import find_sites
from pyramid.readers.patterns.values import natural_key
from pyramid.readers.plates import FilePlate, HasPlate
from pyramid.stores import locate, share_storage_options
from pyramid.tables import format_count
from pyramid.writing.ome_group import ome_xml_of


def gather_named_plate(source: str, target: str | None, options: Options) -> Batch:
    """Return the images of a plate, whose files name their wells.

    Parameters
    ----------
    source
        A folder, a glob, or a URL, of TIFFs.
    target
        Path or URL of the plate; None for a plan without one.
    options
        Of which the pattern has ``{well}``, or ``{row}`` and ``{column}``.

    Raises
    ------
    OptionError
        If the pattern is not valid, or two images have one place.
    SourceError
        If no file matches the pattern, or images differ.
    TargetError
        If the target is neither free, nor to be replaced, nor to go on.
    """
    sites, notices = find_sites(source, share_storage_options(options, source, target))
    try:
        images = [place_image(site.texts, site.files) for site in sites]
    except OptionError as error:
        raise OptionError(f"pattern: {error}") from None
    images.sort(key=lambda image: [natural_key(part) for part in image.path.split("/")])
    name = PurePosixPath(locate(source.split("*")[0]).path).name
    return gather_plate(images, target, options, PlateLayout(name), notices)


def gather_listed(requests: Sequence[Request], target: str | None, options: Options) -> Batch:
    """Return the images of a plate that a list places in wells.

    Parameters
    ----------
    requests
        The images.
    target
        Path or URL of the plate; None for a plan without one.
    options
        Those of all images.

    Raises
    ------
    OptionError
        If an image has no well, or two have one place.
    SourceError
        If images differ.
    TargetError
        If the target is neither free, nor to be replaced, nor to go on.
    """
    images = []
    for request in requests:
        try:
            images.append(place_image(request.site, request.source, request.own))
        except OptionError as error:
            raise OptionError(f"{request}: {error}") from None
    return gather_plate(images, target, options, PlateLayout())


def gather_file(path: str, target: str | None, options: Options) -> Batch:
    """Return all images of a file, as the plate that it describes or a collection.

    The parameters and errors are those of `gather_series`; images of a plate that differ are a SourceError too.
    """
    batch, first = gather_series(path, target, options)
    described: FilePlate | None = first.plate() if isinstance(first, HasPlate) else None
    if described is None:
        return check_free(batch)
    known = {item.options.series: item for item in batch.items}
    images = [
        PlateImage(each.row, each.column, each.name, path, each.acquisition, {"series": each.number}, each.form)
        for each in described.images
        if each.number in known
    ]
    left = len(batch.items) - len(images)
    notices = [f"{format_count(left, 'image')} of {path} in no well: left out"] if left else []
    layout = PlateLayout(described.name, described.rows, described.columns, described.acquisitions)
    xml = ome_xml_of(first, every_image=True)
    return gather_plate(images, target, replace(options, series=None), layout, notices, xml)
