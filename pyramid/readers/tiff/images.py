"""The images of an open TIFF, and the choice of one of them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TypeAlias

import tifffile

from pyramid.errors import SourceError
from pyramid.options.series import ALL
from pyramid.readers.choice import choose_one, list_images, several_images
from pyramid.readers.tiff.file_set import FileSet
from pyramid.readers.tiff.ome import OmeSeries
from pyramid.readers.tiff.ome_xml import OmeDocument
from pyramid.readers.tiff.pages import PageFile, check_alike
from pyramid.readers.tiff.qpi import full_pages

Image: TypeAlias = "tifffile.TiffPageSeries | OmeSeries"

# Kinds whose largest image is the slide: the others are its label, its overview and its thumbnail.
WHOLE_SLIDE = frozenset(
    {"svs", "ndpi", "scn", "bif", "philips", "qpi", "avs", "indica", "sis", "mikroscan", "motic", "trestle", "huron"}
)
# Kinds that tifffile reports if the file's own description does not fit its pages.
UNDESCRIBED = frozenset({"generic", "uniform"})


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

    It is as `choose_one`, which has the parameters and errors. Of a slide and its label it is the slide, and smaller
    copies of an image are left out.
    """
    whole = [i for i, image in enumerate(images) if not _is_reduced(image)]
    if wanted == ALL and len(whole) > 1:
        raise several_images(images, file, whole)
    if wanted == ALL and whole:
        return whole[0], []
    if wanted is not None or len(images) < 2:
        return choose_one(images, wanted, file), []
    if images[0].kind in WHOLE_SLIDE:
        slide = max(range(len(images)), key=lambda i: (_plane_px(images[i]), -i))
        others = ", ".join(f"{i} ({s.name})" for i, s in enumerate(images) if i != slide)
        return slide, [f"image {slide} ({images[slide].name}) is read; left out: {others}: choose one with series=N"]
    if len(whole) == 1:
        listing = list_images(images, without=whole[0])
        return whole[0], [f"smaller copies of the image are left out ({listing}): choose one with series=N"]
    raise several_images(images, file, whole or range(len(images)))


def _is_reduced(image: Image) -> bool:
    """Return whether the tags of an image say that it is a smaller copy of another."""
    return not isinstance(image, OmeSeries) and bool(image.keyframe.is_reduced)


def _plane_px(image: Image) -> int:
    """Count the pixels of a plane."""
    return math.prod(int(n) for letter, n in zip(image.axes, image.shape, strict=True) if letter in "YX")


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
