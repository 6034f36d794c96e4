"""The images that a viewer shows, opened when they are asked for."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyramid.errors import OptionError, PyramidError
from pyramid.hierarchy.nodes import join_path
from pyramid.image import Collection, Image
from pyramid.image.reader import open_reader
from pyramid.rendering.palette import Palette
from pyramid.stores import Location, Readable, locate, open_objects
from pyramid.stores.objects import check_key
from pyramid.viewing.answers import RequestError

# The palette of an image that is not a label.
NO_COLORS = Palette({})
# Images that stay open: those of a plate's thumbnails, and few enough for memory.
MAX_OPEN = 512


@dataclass(frozen=True)
class Source:
    """A store, or an open image, that a user gave to be shown.

    Parameters
    ----------
    url, options
        Its path or URL, and the options of its store; both may hold secrets.
    base
        The path of the image below `url`.
    image
        The image, where it was given open.
    shown_name
        Its name; empty for the last part of its address.
    make
        Makes the image anew, where it is not stored but made of others.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] | None = field(repr=False)
    base: str = ""
    image: Image | None = None
    shown_name: str = ""
    make: Callable[[], Image] | None = field(default=None, repr=False)

    @property
    def location(self) -> Location:
        """The location of its store, without secrets."""
        return locate(self.url)

    @functools.cached_property
    def objects(self) -> Readable:
        """The objects of its store."""
        return Readable(open_objects(self.url, self.options))

    @property
    def name(self) -> str:
        """The name that is shown of it."""
        return self.shown_name or join_path(str(self.location), self.base).rstrip("/").rpartition("/")[2]

    def read(self, path: str) -> Image | Collection:
        """Read the metadata of what is at a path below it."""
        if not path and self.make is not None:
            return self.make()
        if not path and self.image is not None:
            return self.image
        return open_reader(self.url, self.options).read(join_path(self.base, path))


def source_of(given: str | Image, options: Mapping[str, Any] | None) -> Source:
    """Return the source of a URL, or of an image that is open."""
    if not isinstance(given, Image):
        return Source(given, options)
    address = given.levels[0].address
    base = given.url.removeprefix(str(address.location)).strip("/")
    return Source(address.url, address.options, base, given)


def _palette_of(shown: Image | Collection) -> Palette:
    """Return the colours of the values of a label image."""
    label = shown.metadata.label if isinstance(shown, Image) else None
    return NO_COLORS if label is None else Palette(label.rgba)


@dataclass(frozen=True)
class Opened:
    """An image or a collection at a path of a source.

    Parameters
    ----------
    shown
        The image or collection.
    owner
        Names it, and counts the times that something was opened.
    palette
        The colours of its label values.
    kept
        What was found out about it, by the functions that did.
    """

    shown: Image | Collection
    owner: tuple[int, str, int]
    palette: Palette = NO_COLORS
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def image(self) -> Image:
        """The image; raises RequestError where there is a collection."""
        if not isinstance(self.shown, Image):
            raise RequestError(404, "there is a collection, not an image")
        return self.shown


class Sources:
    """The sources of a viewer, and what was opened of them.

    Parameters
    ----------
    given
        The sources, in the order of their numbers.
    """

    def __init__(self, given: Sequence[Source]) -> None:
        self.given = tuple(given)
        self._opened: OrderedDict[tuple[int, str], Opened] = OrderedDict()
        self._count = 0
        self._changing = threading.Lock()

    def source(self, number: int) -> Source:
        """Return a source by its number; raise RequestError if it is missing."""
        if number >= len(self.given):
            raise RequestError(404, f"this server has no source {number}")
        return self.given[number]

    def open(self, number: int, path: str) -> Opened:
        """Return what is at a path of a source.

        Parameters
        ----------
        number, path
            The source, and the path below it.

        Raises
        ------
        RequestError
            If there is nothing, or nothing that can be shown.
        """
        source = self.source(number)
        known = self.known(number, path)
        if known is not None:
            return known
        try:
            shown = source.read(check_key(path))
        except OptionError:
            raise RequestError(404, "the source has no such image") from None
        except PyramidError as error:
            raise RequestError(404, str(error)) from None
        with self._changing:
            self._count += 1
            opened = self._opened[number, path] = Opened(shown, (number, path, self._count), _palette_of(shown))
            self._opened.move_to_end((number, path))
            while len(self._opened) > MAX_OPEN:
                self._opened.popitem(last=False)
        return opened

    def forget(self, number: int, path: str) -> list[Opened]:
        """Forget what was opened at a path and below it, and return that."""
        below = f"{path}/" if path else ""
        with self._changing:
            keys = [key for key in self._opened if key[0] == number and (key[1] == path or key[1].startswith(below))]
            return [self._opened.pop(key) for key in keys]

    def known(self, number: int, path: str) -> Opened | None:
        """Return what was opened at a path before; None if nothing was."""
        with self._changing:
            return self._opened.get((number, path))
