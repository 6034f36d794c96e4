"""The files of neuroglancer's client, as its Python package has them."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from pyramid.viewing.answers import Answer, RequestError

# What a browser lets the client do: it runs WebAssembly in workers, and asks nobody but this server.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
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
