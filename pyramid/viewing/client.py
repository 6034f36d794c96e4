"""neuroglancer's client, from its Python package, and the state that it asks for.

That client takes the names of a view from its path, ``/v/NAME/``, and the state from a stream of events. Here the name
is the source and the path of an image, and the address of this server as the browser knows it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import importlib.util
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyramid.viewing.answers import Answer, RequestError

# What a browser lets the client do: it runs WebAssembly in workers, and asks nobody but this server.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
# Seconds between two signs that a stream goes on, which show whether the browser has left.
ALIVE_S = 10.0
# The generation of each state that is sent, which is sent once.
_GENERATION = "1"
_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
}


@functools.cache
def client_files() -> Mapping[str, Path]:
    """Return the files of the client by name; none where it is not installed."""
    spec = importlib.util.find_spec("neuroglancer")
    folders = [Path(place, "static/client") for place in (spec.submodule_search_locations or ())] if spec else []
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()] if folders else []
    return {path.name: path for path in files if path.suffix[1:] in _KINDS}


def client_answer(name: str) -> Answer:
    """Return a file of the client.

    Raises
    ------
    RequestError
        If it is missing, or the client is not installed.
    """
    files = client_files()
    if not files:
        raise RequestError(404, "3D needs neuroglancer; install it with pip install 'ome-pyramid[view]'")
    file = files.get(name or "index.html")
    if file is None:
        raise RequestError(404, "the client has no such file")
    kind = _KINDS[file.suffix[1:]]
    return Answer(file.read_bytes(), kind, headers={"Cache-Control": "private, max-age=3600"}, policy=POLICY)


@dataclass(frozen=True)
class View:
    """The view that a path of the client names.

    Parameters
    ----------
    source, path
        The number of a source, and the path of an image below it.
    base
        The address of this server, as the browser has it.
    """

    source: int
    path: str
    base: str


def parse_view(name: str) -> View:
    """Parse the name of a view: JSON in URL-safe base64, without padding.

    Raises
    ------
    RequestError
        If it is none.

    Examples
    --------
    >>> parse_view("eyJzb3VyY2UiOjAsInBhdGgiOiIiLCJiYXNlIjoiaHR0cDovL2EvIn0").base
    'http://a/'
    """
    try:
        given = json.loads(base64.b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True))
        source, path, base = given["source"], given["path"], given["base"]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise RequestError(404, "the address names no view") from None
    if type(source) is not int or source < 0 or not isinstance(path, str) or not isinstance(base, str):
        raise RequestError(404, "the address names no view")
    return View(source, path, base)


def state_stream(view: View, state: Mapping[str, Any], last: Mapping[str, str]) -> Answer:
    """Return the stream of events that gives the client its state.

    Parameters
    ----------
    view
        The view.
    state
        The state, with sources relative to the server.
    last
        The generations that the client has, as ``gs`` and ``gc``.
    """
    layers = [{**layer, "source": f"zarr2://{view.base}{layer['source']}"} for layer in state["layers"]]
    states = {"c": {}, "s": {**state, "layers": layers}}
    messages = [
        {"k": key, "s": content, "g": _GENERATION}
        for key, content in states.items()
        if last.get(f"g{key}") != _GENERATION
    ]
    return Answer(_events(messages), "text/event-stream", headers={"Cache-Control": "no-cache"})


def _events(messages: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield messages, and then signs that the stream goes on."""
    for message in messages:
        yield f"data: {json.dumps(message)}\n\n".encode()
    while True:
        yield b":\n\n"
        time.sleep(ALIVE_S)
