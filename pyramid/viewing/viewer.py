"""`view`: check what is given, begin a server, and say where it is."""

from __future__ import annotations

import html
import ipaddress
import os
import re
import secrets
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from pyramid.errors import OptionError, SourceError, ending_with_remedy, short_repr
from pyramid.image import Image
from pyramid.image.opening import check_shown
from pyramid.options import parsing
from pyramid.stores import path_or_url
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.difference import difference
from pyramid.viewing.routes import Routes
from pyramid.viewing.server import Access, ViewServer
from pyramid.viewing.sources import Source, Sources, source_of

# The address of this machine that no other machine reaches.
LOOPBACK = "127.0.0.1"
# Memory for chunks by default: some hundred of ours on four levels, and little for any machine.
MEMORY = "512MiB"
MAX_PORT = 65_535
# Bytes of chance in a token.
_TOKEN_BYTES = 18
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+|\*")


class Viewer:
    """A server that shows images; it ends with `close`, or with the process.

    In a notebook it shows itself as a frame. It is also a context manager. While the browser starts, codecs of tiles
    are imported.

    Parameters
    ----------
    server
        The server, which is begun.
    """

    def __init__(self, server: ViewServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="pyramid-view", daemon=True)
        self._thread.start()
        threading.Thread(target=import_module, args=("pyramid.viewing.tiles",), daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the page."""
        host, port = self._server.server_address[:2]
        token = self._server.access.token
        name = f"[{host!s}]" if ":" in str(host) else str(host)
        if name in ("0.0.0.0", "[::]"):
            name = socket.gethostname()
        return f"http://{name}:{port}/{f'{token}/' if token else ''}"

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Wait until the server ends."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Viewer:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self.close()

    def __repr__(self) -> str:
        """Return the address of the page."""
        return f"<Viewer at {self.url}>"

    def _repr_html_(self) -> str:
        """Return the page in a frame, and a link to it."""
        url = html.escape(self.url)
        return (
            f'<iframe src="{url}" title="the image, to zoom and pan" width="100%" height="600" '
            f'style="border:0"></iframe><p><a href="{url}" target="_blank" rel="noopener">{url}</a></p>'
        )


@ending_with_remedy()
def view(  # noqa: PLR0913  (each is an option of the command)
    *urls: str | os.PathLike[str] | Image,
    port: int = 0,
    host: str = LOOPBACK,
    token: bool = False,
    cors: str | Sequence[str] = (),
    diff: bool = False,
    memory: int | str = MEMORY,
    storage_options: Mapping[str, Any] | None = None,
) -> Viewer:
    """Serve OME-Zarr on this machine, to be seen in a browser.

    Parameters
    ----------
    *urls
        Paths or URLs of images or collections of OME-Zarr 0.1 to 0.6 or N5, or images that are open. Several are shown
        side by side.
    port
        The port; 0 for one that is free.
    host
        The address that is listened on. One that other machines reach gets a token in its URL.
    token
        Whether the URL has a token on this machine too, as other users of the machine can ask the server.
    cors
        Web origins whose pages may read the stores, as ``"https://host"``.
    diff
        Whether the absolute difference of two images of one size is shown next to them.
    memory
        Memory for decoded chunks, as ``"512MiB"``.
    storage_options
        Options with which the stores of URLs are opened.

    Returns
    -------
    Viewer
        A notebook shows it as a frame. It has a `url`, and ends with `close`.

    Raises
    ------
    SourceError
        If nothing that can be shown is at a URL.
    OptionError
        If an option is wrong, or the port is taken.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr")
    >>> with view(f"{folder}/zeros.ome.zarr") as viewer:
    ...     viewer.url.startswith("http://127.0.0.1:")
    True
    """
    if not urls:
        raise OptionError("no URL is given; give the path or URL of an OME-Zarr")
    cache = ChunkCache(_named("memory", parsing.byte_count, memory))
    given = [_source(url, storage_options) for url in urls]
    if diff:
        given.append(_difference(given))
    needs_token = token or not _is_loopback(host)
    access = Access(secrets.token_urlsafe(_TOKEN_BYTES) if needs_token else None, _origins(cors))
    return Viewer(_serve((host, _port(port)), Routes(Sources(given), cache), access))


def _source(url: str | os.PathLike[str] | Image, options: Mapping[str, Any] | None) -> Source:
    """Return the source of a URL that can be shown, or of an open image."""
    if isinstance(url, Image):
        return source_of(url, options)
    text = path_or_url(url, "url")
    check_shown(text, options)
    return source_of(text, options)


def _difference(given: Sequence[Source]) -> Source:
    """Return the difference of two sources as a third."""
    if len(given) != 2:
        raise OptionError(f"diff: there are {len(given)} images; give two")
    one, other = given
    found = difference(one.read(""), other.read(""))

    def anew() -> Image:
        try:
            return difference(one.read(""), other.read(""))
        except OptionError as error:  # the images have changed since
            raise SourceError(str(error)) from None

    return replace(one, shown_name=found.name, make=anew)


def _serve(address: tuple[str, int], routes: Routes, access: Access) -> ViewServer:
    try:
        return ViewServer(address, routes, access)
    except (OSError, OverflowError, UnicodeError) as error:
        host, port = address
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"port: the server cannot listen on {host}, port {port}: {reason}; give another, or port=0 for a free one"
        ) from None


def _named(name: str, parse: Any, value: object) -> Any:  # noqa: ANN401  (as the parser)
    """Return a parsed value; its error begins with the option."""
    try:
        return parse(value)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None


def _port(value: object) -> int:
    """Parse a port."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > MAX_PORT:
        raise OptionError(f"port: {short_repr(value)} is not a port; give one up to {MAX_PORT}, or 0 for a free one")
    return int(text)


def _origins(value: str | Sequence[str]) -> tuple[str, ...]:
    """Parse the origins of other pages."""
    origins = (value,) if isinstance(value, str) else tuple(value)
    for origin in origins:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
            raise OptionError(
                f"cors: {short_repr(origin)} is not an origin; give scheme, host and port, as https://host:8080"
            )
    return origins


def _is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
