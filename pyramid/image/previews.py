"""`preview`: a picture of an image, or of a collection of images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError, SourceError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.image.image import Collection, Image
from pyramid.image.look import Look, make_look
from pyramid.image.opening import wrap_errors
from pyramid.image.reader import Reader, open_reader
from pyramid.ngff import Plate
from pyramid.stores import path_or_url

if TYPE_CHECKING:
    from pyramid.previewing import Preview

# The most images of a sheet: a plate of 1536 wells.
MAX_SHOWN = 1536


@ending_with_remedy()
def preview(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    size: int = 1024,
    select: str | Mapping[str, Any] | None = None,
    projection: str | None = None,
    levels: bool = False,
    montage: str | None = None,
    scale_bar: bool = True,
    legend: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Preview:
    """Make a picture of an OME-Zarr, and write it to a file if one is given.

    The channels that are active are added up in their colours and windows. Of an image, the smallest level is read that
    fills the picture. Of a plate, a series or a well, each image is a panel; of a well of a plate its first field.

    Parameters
    ----------
    url
        A path or URL of an image or a collection.
    output
        A file whose name ends in ``.png``, ``.jpg``, ``.webp`` or ``.svg``. An older picture is replaced.
    size
        The longest side of the pixels of all panels, without captions and legend, from 16 to 8192.
    select
        The part that is shown, as for `Image.select`.
    projection
        How the planes of z become one: ``"max"`` or ``"mean"``. The middle plane is shown if it is not given.
    levels
        Whether each level is a panel.
    montage
        ``"z"`` or ``"t"``: each of its positions is a panel, at most 100.
    scale_bar, legend
        Whether they are drawn, as far as the metadata knows sizes and channels.
    storage_options
        As for `open`.

    Returns
    -------
    Preview
        A notebook shows it; `Preview.save` writes it.

    Raises
    ------
    OptionError
        If an option cannot be used, or the image does not have what it names.
    SourceError
        If no OME-Zarr is there, its pixels cannot be read, or too many would be.
    TargetError
        If the file cannot be written.

    Warns
    -----
    PyramidWarning
        For each notice of the image, and for each panel that cannot be shown.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((5, 300, 400), "uint8"), f"{folder}/cells.ome.zarr", axes="zyx")
    >>> preview(f"{folder}/cells.ome.zarr", f"{folder}/cells.png", projection="max")
    <Preview of 400 x 300 pixels>
    """
    from pyramid.image.picture import preview_image  # noqa: PLC0415  (NumPy and codecs: not for metadata)
    from pyramid.previewing.preview import format_of, picture_file  # noqa: PLC0415

    look = make_look(size, projection, levels=levels, montage=montage, scale_bar=scale_bar, legend=legend)
    address, path = path_or_url(url, "url"), None if output is None else os.fspath(output)
    if path is not None:
        format_of(path)
        picture_file(path).check(address, None)
    reader = open_reader(address, storage_options)
    with wrap_errors(reader.location):
        found = reader.read("")
    if isinstance(found, Collection):
        made = _preview_collection(reader, found, select, look)
    else:
        made = preview_image(found.select(select), look)
    give_notices((*found.notices, *reader.objects.notices, *made.notices), found.url)
    if path is not None:
        made.save(path)
    return made


def _preview_collection(
    reader: Reader, collection: Collection, select: str | Mapping[str, Any] | None, look: Look
) -> Preview:
    """Return a sheet of the images of a collection, a plate's in its rows and columns."""
    from pyramid.image.picture import image_shot, preview_image, preview_sheet  # noqa: PLC0415  (as above)

    collection = reader.counted(collection, "")
    paths, plate = collection.paths[:MAX_SHOWN], collection.metadata
    if not paths:
        raise SourceError(f"{collection.url} holds no image; give the path of an image")
    if len(paths) > 1 and (look.levels or look.montage):
        name = "levels" if look.levels else "montage"
        raise OptionError(
            f"{name}: it is of one image, and {collection.url} holds {len(paths)}; give the path of one of its images"
        )
    images = reader.first_images(collection, paths)
    failed = tuple(each for each in images if isinstance(each, str))
    if len(paths) < len(collection.paths):
        failed = (f"it holds {len(collection.paths)} images, of which the first {len(paths)} are shown", *failed)
    if not any(isinstance(each, Image) for each in images):
        raise SourceError(f"{collection.url}: {failed[-1]}")
    chosen = {path: image.select(select) for path, image in zip(paths, images, strict=True) if isinstance(image, Image)}
    if len(paths) == 1:
        return preview_image(chosen[paths[0]], look)
    places, columns = _grid(plate, paths) if isinstance(plate, Plate) else (list[str | None](paths), 0)
    columns = columns or look.columns(len(places))
    side = look.size_px // columns
    shots = [path and chosen.get(path) and image_shot(chosen[path], side, path) for path in places]
    return preview_sheet([shot or None for shot in shots], look, columns, failed)


def _grid(plate: Plate, paths: tuple[str, ...]) -> tuple[list[str | None], int]:
    """Return the wells of a plate row by row, and the number of its columns.

    A place without a well is None. Rows and columns before the first well and after the last are left out. Where a
    place is not known, or they are more than can be shown, wells are as listed, and the number is 0.
    """
    shown = set(paths)
    at = {(well.row, well.column): well.path for well in plate.wells if well.path in shown}
    known = [(row, column) for row, column in at if row is not None and column is not None]
    if len(known) < len(paths):
        return [*paths], 0
    rows = range(min(row for row, _ in known), max(row for row, _ in known) + 1)
    columns = range(min(column for _, column in known), max(column for _, column in known) + 1)
    if len(rows) * len(columns) > MAX_SHOWN:
        return [*paths], 0
    return [at.get((row, column)) for row in rows for column in columns], len(columns)
