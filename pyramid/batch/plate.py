"""The images of a plate, by their wells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.batch.series import check_group_options, frame_at
from pyramid.batch.wells import PlateLayout, plate_documents
from pyramid.errors import OptionError, SourceError, explaining, list_some, short_repr
from pyramid.model import SourceSpec
from pyramid.ngff import FORMATS
from pyramid.options.convert import Options, make_options
from pyramid.readers import open_source
from pyramid.readers.paths import stem
from pyramid.stores import locate, share_storage_options

# Where a plan has its images if no folder is given. Nothing is written to it.
NO_FOLDER = "plate.ome.zarr"
# The most things of one kind that a message names.
MAX_LISTED = 3
# Fields of names that differ between the images of a well.
FIELD_NAMES = ("field", "f", "site", "s", "position", "tile")
_WELL = re.compile(r"([A-Za-z]+)[-_]?0*([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class PlateImage:
    """An image of a plate, before anything is read.

    Parameters
    ----------
    row, column
        Names of the row and the column of its well.
    image
        Its name in the well, which has the acquisition if there are several.
    source
        A path, a URL, or the files of a site.
    acquisition
        The number of the pass over the plate; None for the only one.
    own
        Options of its own.
    form
        Extents and dtype of its pixels, where they are known before it is opened.
    """

    row: str
    column: str
    image: str
    source: str
    acquisition: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    form: str = field(default="", repr=False)

    @property
    def path(self) -> str:
        """Its path below the plate."""
        return f"{self.row}/{self.column}/{self.image}"


def place_image(texts: Mapping[str, str], source: str, own: Mapping[str, Any] | None = None) -> PlateImage:
    """Return an image of a plate by the texts that name its well.

    Parameters
    ----------
    texts
        By field: ``well``, or ``row`` and ``column``; one of FIELD_NAMES; ``acquisition``.
    source, own
        The source, and options of its own.

    Raises
    ------
    OptionError
        If a text is not a name of OME-Zarr, or one is missing.

    Examples
    --------
    >>> place_image({"well": "B02", "field": "001"}, "a.tif").path, place_image({"row": "C", "column": "3"}, "").path
    ('B/2/1', 'C/3/0')
    """
    row, column = _well_of(texts)
    fields = [name for name in texts if name in FIELD_NAMES]
    others = [name for name in texts if name not in (*FIELD_NAMES, "well", "row", "column", "acquisition")]
    if len(fields) > 1 or others:
        listed = ", ".join(f"{{{name}}}" for name in [*fields, *others])
        raise OptionError(f"{listed} would all be fields of a well; name one of them {{field}}")
    image = _plain(texts[fields[0]]) if fields else "0"
    for what, name in (("row", row), ("column", column), ("field", image)):
        if not re.fullmatch("[A-Za-z0-9]+", name):
            raise OptionError(f"the {what} {short_repr(name)} has other characters than letters and digits; rename it")
    acquisition = texts.get("acquisition")
    if acquisition is None:
        return PlateImage(row, column, image, source, own=own or {})
    if not re.fullmatch("[0-9]{1,9}", acquisition):
        raise OptionError(f"the acquisition {short_repr(acquisition)} is not a number; give {{acquisition:d}}")
    return PlateImage(row, column, f"a{int(acquisition)}f{image}", source, int(acquisition), own or {})


def _well_of(texts: Mapping[str, str]) -> tuple[str, str]:
    if "well" in texts:
        found = _WELL.fullmatch(texts["well"].strip())
        if found is None or "row" in texts or "column" in texts:
            raise OptionError(f"the well {short_repr(texts['well'])} is not a row and a column; give one as B02")
        return found[1].upper(), found[2]
    if "row" not in texts or "column" not in texts:
        raise OptionError("a plate has rows and columns; give {well}, or {row} and {column}")
    return _plain(texts["row"]), _plain(texts["column"])


def _plain(text: str) -> str:
    """Return a number without zeros before it, and other text as it is."""
    return str(int(text)) if re.fullmatch("[0-9]{1,18}", text) else text.strip()


def gather_plate(  # noqa: PLR0913  (what a plate is made of)
    images: Sequence[PlateImage],
    target: str | None,
    options: Options,
    layout: PlateLayout,
    notices: Sequence[str] = (),
    xml: bytes | None = None,
) -> Batch:
    """Return the images of a plate as a batch, whose folder is the plate.

    Parameters
    ----------
    images
        The images.
    target
        Path or URL of the plate; None for a plan without one.
    options
        Those of all images.
    layout
        Name, rows, columns and acquisitions that are known besides those of the images.
    notices
        Sentences about what was left out.
    xml
        OME-XML that is kept with the plate.

    Raises
    ------
    OptionError
        If two images have one place, or an option is for one image only.
    SourceError
        If images differ in dtype, axes or shape.
    TargetError
        If the target is neither free, nor to be replaced, nor to go on.
    """
    check_group_options(options, target)
    _check_apart(images)
    version = FORMATS[options.ome_zarr_version]
    shared = share_storage_options(options, images[0].source, target)
    layout = replace(layout, other_name=stem(PurePosixPath(locate(target or NO_FOLDER).path)))
    frame = frame_at(
        (images[0].source, target, NO_FOLDER), shared, "plate", plate_documents(version, images, layout, xml)
    )
    if target is not None:
        frame.check()
    items = tuple(
        BatchItem(
            image.source,
            f"{frame.url}/{image.path}",
            image.path,
            _options_of(image, options),
            image.own,
            frame.archived(image.path),
        )
        for image in images
    )
    if all(image.form for image in images):
        _check_forms(images)
    else:
        _check_alike(items, replace(shared, pattern=None))
    return Batch(items, target and frame.final_url, options, (*notices, *_name_missing(images)), frame)


def _options_of(image: PlateImage, options: Options) -> Options:
    """Return the options of an image: those of the plate, and its own."""
    parsed = make_options(image.own)
    own = {name: getattr(parsed, name) for name in image.own}
    given = {"pattern": None, "report": None, "manifest": None, "name": f"{image.row}{image.column}, {image.image}"}
    return replace(options, **{**given, **own})


def _check_apart(images: Sequence[PlateImage]) -> None:
    seen: dict[str, PlateImage] = {}
    for image in images:
        other = seen.setdefault(image.path.casefold(), image)
        if other is not image:
            raise OptionError(
                f"{_shown(other)} and {_shown(image)} are both image {image.path} of the plate; leave one out, or name "
                "their fields or acquisitions"
            )


def _shown(image: PlateImage) -> str:
    template = getattr(image.source, "template", None)
    return image.source if template is None else f"{image.source}/{template}"


def _check_forms(images: Sequence[PlateImage]) -> None:
    """Raise SourceError if the images of one file differ by its metadata."""
    other = next((image for image in images if image.form != images[0].form), None)
    if other is not None:
        raise SourceError(
            f"{other.path} has {short_repr(other.form)}, {images[0].path} has {short_repr(images[0].form)}, and "
            "the images of a plate are alike; convert them one by one with series=N"
        )


def _check_alike(items: Sequence[BatchItem], options: Options) -> None:
    """Raise SourceError if the images of a plate differ in what viewers take as one.

    An image that cannot be opened is left to its own conversion, which says why.
    """
    first: tuple[BatchItem, SourceSpec] | None = None
    for item in items:
        try:
            with explaining(SourceError, "the source cannot be opened"):
                chosen = replace(item.options, source_storage_options=options.source_storage_options)
                spec = open_source(item.source, chosen).spec
        except SourceError:
            continue
        first = first or (item, spec)
        differences = list(_differences(first[1], spec))
        if differences:
            raise SourceError(
                f"{item.name} has {list_some(differences, MAX_LISTED)}, unlike {first[0].name}, and the images of a "
                "plate are alike; convert those that differ to another plate"
            )


def _differences(one: SourceSpec, other: SourceSpec) -> Iterator[str]:
    for name in ("axes", "dtype", "shape"):
        mine, theirs = getattr(other, name), getattr(one, name)
        if mine != theirs:
            yield f"{name} {mine} and not {theirs}"
            return


def _name_missing(images: Sequence[PlateImage]) -> Iterator[str]:
    """Yield a notice of the images that some wells have and others have not."""
    wells: dict[tuple[str, str], set[tuple[str, int | None]]] = {}
    for image in images:
        wells.setdefault((image.row, image.column), set()).add((image.image, image.acquisition))
    every = set().union(*wells.values())
    lacking = [f"{row}{column} ({len(every - own)})" for (row, column), own in sorted(wells.items()) if every - own]
    if lacking:
        yield f"fields that other wells have are missing, and stay so, in {list_some(lacking, MAX_LISTED)}"
