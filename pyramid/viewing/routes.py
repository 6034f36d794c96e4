"""Which function answers which request."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from pyramid.hierarchy.nodes import join_path
from pyramid.image import Collection, Image
from pyramid.viewing.answers import POLICY, Answer, GoneError, Request, RequestError, json_answer
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.client import client_answer, parse_view, state_stream
from pyramid.viewing.documents import (
    histogram_document,
    shown_document,
    sources_document,
    values_document,
)
from pyramid.viewing.sources import Opened, Sources
from pyramid.viewing.stored_objects import object_answer

# Media types of the page's files, by their ending.
_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
# Seconds between two looks whether a request that waits was given up.
_LOOK_S = 0.05
# Paths of a plate's or a collection's first image that are followed.
_DEPTH = 3


class Routes:
    """The answers of a viewer.

    Parameters
    ----------
    sources
        What is shown.
    cache
        Keeps chunks for all of it.
    """

    def __init__(self, sources: Sources, cache: ChunkCache) -> None:
        self._sources, self._cache = sources, cache
        self._work = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
        folder = files("pyramid") / "viewing" / "page"
        self._files = {file.name: file for file in folder.iterdir() if file.name.rpartition(".")[2] in _KINDS}
        self._first: dict[str, Callable[[Request], Answer]] = {
            "": self._index,
            "page": self._page,
            "api": self._api,
            "tile": self._tile,
            "label": self._tile,
            "thumbnail": self._thumbnail,
            "data": self._data,
            "3d": self._space,
            "favicon.ico": lambda _: self._file("icon.svg"),
            "volume": self._volume,
        }

    def answer(self, request: Request) -> Answer:
        """Answer a request; raise RequestError if that cannot be done."""
        route = self._first.get(request.parts[0])
        if route is None:
            raise RequestError(404, "this server has no such page")
        return route(request)

    def _index(self, request: Request) -> Answer:
        return self._file("index.html")

    def _page(self, request: Request) -> Answer:
        return self._file(request.parts[1] if len(request.parts) == 2 else "")

    def _file(self, name: str) -> Answer:
        """Return a file of the page, by its name."""
        file = self._files.get(name)
        if file is None:
            raise RequestError(404, "this server has no such page")
        kind = _KINDS[name.rpartition(".")[2]]
        return Answer(file.read_bytes(), kind, headers={"Cache-Control": "no-cache"}, policy=POLICY)

    def _api(self, request: Request) -> Answer:
        """Answer with facts, as JSON."""
        name = request.parts[1] if len(request.parts) == 2 else ""
        if name == "sources":
            return json_answer(sources_document(self._sources))
        number, path = _place(request)
        if name == "image":
            opened = self._open_again(number, path)
            with self._working(request):
                return json_answer(shown_document(opened, self._cache))
        if name == "metadata":
            return json_answer(self._sources.open(number, path).shown.to_dict())
        opened = self._sources.open(number, path)
        make = {"values": values_document, "histogram": histogram_document, "state": _state}.get(name)
        if make is None:
            raise RequestError(404, "this server has no such page")
        with self._working(request):
            return json_answer(make(opened, self._cache, request))

    def _open_again(self, number: int, path: str) -> Opened:
        """Read the metadata of a source anew, and forget what was read there before."""
        for before in self._sources.forget(number, path):
            self._cache.forget(before.owner)
        return self._sources.open(number, path)

    def _tile(self, request: Request) -> Answer:
        """Answer with a tile of an image, or of a label image."""
        from pyramid.viewing.tiles import image_tile, label_tile  # noqa: PLC0415  (codecs: not before tiles are asked for)

        opened = self._sources.open(*_place(request))
        render = image_tile if request.parts[0] == "tile" else label_tile
        with self._working(request):
            return render(opened, self._cache, request)

    def _thumbnail(self, request: Request) -> Answer:
        """Answer with a small picture of an image, or of the first in a collection."""
        from pyramid.image.picture import as_png  # noqa: PLC0415  (codecs: not before tiles are asked for)

        number, path = _place(request)
        shown = self._sources.open(number, path).shown
        for _ in range(_DEPTH):
            if isinstance(shown, Collection) and shown.paths:
                path = join_path(path, shown.paths[0])
                shown = self._sources.open(number, path).shown
        if not isinstance(shown, Image):
            raise RequestError(404, "it has no image")
        with self._working(request):
            try:
                return Answer(as_png(shown), "image/png", headers={"Cache-Control": "private, max-age=60"})
            except Exception as error:  # a library may say anything of a damaged chunk or document
                raise RequestError(404, str(error) or type(error).__name__) from None

    def _space(self, request: Request) -> Answer:
        """Answer with a file of neuroglancer, its state, or the page that opens it."""
        match request.parts[1:]:
            case ():
                return self._file("space.html")
            case ("v", name, file):
                parse_view(name)
                return client_answer(file)
            case ("events", name):
                view = parse_view(name)
                opened = self._sources.open(view.source, view.path)
                with self._working(request):
                    state = _state(opened, self._cache, request)
                return state_stream(view, state, request.query)
        raise RequestError(404, "this server has no such page")

    def _volume(self, request: Request) -> Answer:
        """Answer with an image as neuroglancer reads it: ``/volume/SOURCE/PATH/KEY``."""
        from pyramid.viewing.volumes import volume_answer  # noqa: PLC0415  (NumPy: not before pixels are asked for)

        number, *rest = request.parts[1:] or ("",)
        if not (number.isascii() and number.isdigit() and len(number) < 6) or not rest:
            raise RequestError(404, "this server has no such source")
        opened, key = self._volume_at(int(number), tuple(rest))
        with self._working(request):
            return volume_answer(opened, self._cache, key)

    def _volume_at(self, number: int, names: tuple[str, ...]) -> tuple[Opened, tuple[str, ...]]:
        """Return the image that a path leads to, and the key in it.

        The last two names are a level and its key, or else the last one is a key of the image.
        """
        for length in (2, 1):
            try:
                opened = self._sources.open(number, "/".join(names[:-length]))
            except RequestError:
                continue
            if isinstance(opened.shown, Image) and len(names) >= length:
                return opened, names[-length:]
        raise RequestError(404, "the source has no such image")

    def _data(self, request: Request) -> Answer:
        """Answer with an object of a store."""
        number = request.parts[1] if len(request.parts) > 1 else ""
        if not (number.isascii() and number.isdigit() and len(number) < 6):
            raise RequestError(404, "this server has no such source")
        return object_answer(self._sources.source(int(number)), "/".join(request.parts[2:]), request)

    @contextmanager
    def _working(self, request: Request) -> Iterator[None]:
        """Wait for a turn to read and compute; raise GoneError if nobody waits for it."""
        while not self._work.acquire(timeout=_LOOK_S):
            if request.is_gone():
                raise GoneError
        try:
            if request.is_gone():
                raise GoneError
            yield
        finally:
            self._work.release()


def _state(opened: Opened, cache: ChunkCache, _: Request) -> dict[str, Any]:
    """Return the state of neuroglancer that shows an image."""
    from pyramid.viewing.volumes import state_document  # noqa: PLC0415  (NumPy: not before pixels are asked for)

    return state_document(opened, cache)


def _place(request: Request) -> tuple[int, str]:
    """Return the number of a source and a path below it, as a request gives them."""
    return request.number("source"), request.query.get("path", "")
