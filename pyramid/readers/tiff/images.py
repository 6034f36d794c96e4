"""The images of an open TIFF, and the choice of one of them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TypeAlias

import tifffile

from pyramid.errors import OptionError, SeveralImagesError, SourceError, short_repr
from pyramid.options.nearest import nearest
from pyramid.options.series import ALL
from pyramid.readers.tiff.file_set import FileSet
from pyramid.readers.tiff.ome import OmeSeries
from pyramid.readers.tiff.ome_xml import OmeDocument
from pyramid.readers.tiff.pages import PageFile, check_alike
from pyramid.readers.tiff.qpi import full_pages
from pyramid.tables import format_list

Image: TypeAlias = "tifffile.TiffPageSeries | OmeSeries"

# Kinds whose largest image is the slide: the others are its label, its overview and its thumbnail.
WHOLE_SLIDE = frozenset(
    {"svs", "ndpi", "scn", "bif", "philips", "qpi", "avs", "indica", "sis", "mikroscan", "motic", "trestle", "huron"}
)
# Kinds that tifffile reports if the file's own description does not fit its pages.
UNDESCRIBED = frozenset({"generic", "uniform"})
MAX_LISTED = 20  # images that a message names, so that it stays readable


def find_images(main: PageFile | None, document: OmeDocument | None, files: FileSet) -> tuple[list[Image], list[str]]:
    """Return the images of a TIFF, and notices about the first.

    They are those of the OME-XML, whose pages are found later, unless tifffile knows a better description.

    Parameters
    ----------
    main
        The TIFF; None for a companion without pixels.
    document
        Its OME-XML; None if it has none.
    files
        The files of an OME-TIFF.

    Raises
    ------
    SourceError
        If the file's description does not fit its pages.
    """
    tif = None if main is None else main.tif
    if document is not None and document.images and not (tif and (tif.is_mmstack or tif.is_lsm or tif.is_shaped)):
        return [OmeSeries(document, number, files) for number in range(len(document.images))], []
    if main is None:
        raise SourceError("its OME-XML describes no image")
    notices = []
    if document is not None and not document.images:
        notices = ["its OME-XML describes no image: its pages are read as they follow each other"]
    images: list[Image] = [series for series in _tifffile_series(main) if series.shape]
    kind = images[0].kind if images else None
    if kind == "qpi":
        full, notices = full_pages(main.tif)
        images = images if full is None else [full, *images[1:]]
    if kind in UNDESCRIBED and (main.tif.is_imagej or main.tif.is_shaped):
        raise SourceError(
            "its description of its planes (of ImageJ or tifffile) does not fit its pages: planes are missing, or "
            "a program changed it and kept the description; save it again from the program that made it"
        )
    return images, notices


def choose_image(images: list[Image], wanted: int | str | None, file: object) -> tuple[int, list[str]]:
    """Return the number of the wanted image, and a notice of those left out.

    Parameters
    ----------
    images
        All images of a file.
    wanted
        The number or the name that the user gives, or None.
    file
        The file, as errors name it.

    Raises
    ------
    OptionError
        If there is not one image of that number or name.
    SourceError
        If there is not any image, or the user has to choose one.
    """
    if not images:
        raise SourceError(f"{file} holds no image; if it is still being written, wait until that has ended")
    listing = "; ".join(
        f"{i}: {s.name or 'no name'}, {s.axes} {'x'.join(map(str, s.shape))} {s.dtype}"
        for i, s in enumerate(images[:MAX_LISTED])
    )
    if len(images) > MAX_LISTED:
        listing += f"; and {len(images) - MAX_LISTED} more"
    whole = [i for i, image in enumerate(images) if not _is_reduced(image)]
    if wanted == ALL:
        if len(whole) > 1:
            raise _several(file, images, whole, listing)
        return next(iter(whole), 0), []
    if wanted is not None:
        return _wanted(images, wanted, str(file), f"it has {len(images)} ({listing})"), []
    if len(images) == 1:
        return 0, []
    if images[0].kind in WHOLE_SLIDE:
        slide = max(range(len(images)), key=lambda i: (_plane_px(images[i]), -i))
        others = ", ".join(f"{i} ({s.name})" for i, s in enumerate(images) if i != slide)
        return slide, [f"image {slide} ({images[slide].name}) is read; left out: {others}: choose one with series=N"]
    if len(whole) == 1:
        return whole[0], [f"smaller copies of the image are left out ({listing}): choose one with series=N"]
    raise _several(file, images, whole or list(range(len(images))), listing)


def _several(file: object, images: list[Image], whole: list[int], listing: str) -> SeveralImagesError:
    """Return the error that one of several images has to be chosen."""
    return SeveralImagesError(
        f'{file} holds {len(images)} images; choose one with series=N, or series="all" for a collection ({listing})',
        [(number, images[number].name or "") for number in whole],
    )


def _is_reduced(image: Image) -> bool:
    """Return whether the tags of an image say that it is a smaller copy of another."""
    return not isinstance(image, OmeSeries) and bool(image.keyframe.is_reduced)


def _plane_px(image: Image) -> int:
    """Count the pixels of a plane."""
    return math.prod(int(n) for letter, n in zip(image.axes, image.shape, strict=True) if letter in "YX")


def _wanted(images: list[Image], wanted: int | str, file: str, listing: str) -> int:
    """Return the number of the image that the user wants."""
    if isinstance(wanted, int):
        if wanted < len(images):
            return wanted
        raise OptionError(f"{file} has no image {wanted}; {listing}")
    names = [image.name or "" for image in images]
    for alike in (str, str.casefold):
        found = [number for number, name in enumerate(names) if alike(name) == alike(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise OptionError(
                f"{file} has several images named {short_repr(wanted)}: give the number of one of "
                f"{format_list(list(map(str, found)))}; {listing}"
            )
    near = nearest(wanted, [name for name in names if name])
    hint = f"; did you mean {short_repr(near)}?" if near else ""
    raise OptionError(f"{file} has no image named {short_repr(wanted)}{hint}; {listing}")


def _tifffile_series(main: PageFile) -> list[tifffile.TiffPageSeries]:
    """Return the images that tifffile finds.

    If pages differ only in how they are stored, tifffile gives up or makes several images of them. They are one here.
    """
    try:
        series = list(main.tif.series)
    except RuntimeError as error:
        first = main.tif.pages.first
        if "keyframe" not in str(error) or main.tif.is_shaped or main.tif.is_imagej or first.subifds:
            raise
        return [_one_stack(main)]
    if (
        len(series) > 1
        and sum(map(len, series)) == len(main)
        and {each.kind for each in series} == {"generic"}
        and len({(tuple(each.keyframe.shape), each.dtype) for each in series}) == 1
        and not any(each.is_pyramidal for each in series)
    ):
        with suppress(SourceError):  # they differ in more, and are several images
            return [_one_stack(main)]
    return series


def _one_stack(main: PageFile) -> tifffile.TiffPageSeries:
    """Return one image of all pages; raise SourceError if they are not alike."""
    pages = [main.page(index) for index in range(len(main))]
    check_alike(pages)
    first = main.tif.pages.first
    shape = (len(pages), *first.shape)
    return tifffile.TiffPageSeries(pages, shape, first.dtype, f"I{first.axes}", parent=main.tif, kind="uniform")
