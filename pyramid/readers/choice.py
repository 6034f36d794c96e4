"""The choice of one image of a file that holds several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pyramid.errors import OptionError, SeveralImagesError, SourceError, short_repr
from pyramid.options.nearest import nearest
from pyramid.options.series import ALL
from pyramid.tables import format_list

MAX_LISTED = 20  # images that a message names, so that it stays readable


class ListedImage(Protocol):
    """An image as a list of images shows it.

    `axes` are letters in the file's order; `shape` has the pixels on each.
    """

    @property
    def name(self) -> str:
        """Name of the image; empty if it has none."""
        ...

    @property
    def axes(self) -> str:
        """A letter for each dimension."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels on each dimension."""
        ...

    @property
    def dtype(self) -> Any:  # noqa: ANN401  (a dtype, or its name)
        """Dtype of the pixels."""
        ...


def list_images(images: Sequence[ListedImage], *, without: int | None = None) -> str:
    """Return number, name, axes, shape and dtype of images, as messages have them.

    The image of the number `without` is left out.
    """
    listed = [
        f"{i}: {image.name or 'no name'}, {image.axes} {'x'.join(map(str, image.shape))} {image.dtype}"
        for i, image in enumerate(images[: MAX_LISTED + 1])
        if i != without
    ][:MAX_LISTED]
    more = len(images) - (without is not None) - len(listed)
    return "; ".join(listed) + (f"; and {more} more" if more else "")


def choose_one(images: Sequence[ListedImage], wanted: int | str | None, file: object) -> int:
    """Return the number of the image that is wanted, or of the only one.

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
        If there is not any image.
    SeveralImagesError
        If the user has to choose one, or wants all of several.
    """
    if not images:
        raise SourceError(f"{file} holds no image; if it is still being written, wait until that has ended")
    if wanted is not None and wanted != ALL:
        return wanted_image(images, wanted, str(file))
    if len(images) > 1:
        raise several_images(images, file, range(len(images)))
    return 0


def several_images(images: Sequence[ListedImage], file: object, whole: Sequence[int]) -> SeveralImagesError:
    """Return the error that one of several images has to be chosen.

    Parameters
    ----------
    images
        All images of a file.
    file
        The file, as the error names it.
    whole
        The numbers of those that make up a collection.
    """
    return SeveralImagesError(
        f'{file} holds {len(images)} images; choose one with series=N, or series="all" for a collection '
        f"({list_images(images)})",
        [(number, images[number].name or "") for number in whole],
    )


def wanted_image(images: Sequence[ListedImage], wanted: int | str, file: str) -> int:
    """Return the number of the image that the user wants, by number or name.

    Raises
    ------
    OptionError
        If there is not one image of that number or name.
    """
    listing = f"it has {len(images)} ({list_images(images)})"
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
