"""One array or group of a Zarr or an N5, read by key, without listing anything.

Plain HTTP has no listing, so a node is known by its own documents. They are ``zarr.json`` in Zarr 3, ``.zarray`` or
``.zgroup`` with ``.zattrs`` in Zarr 2, and ``attributes.json`` in N5. They come from anyone, so they are bounded and
checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pyramid.errors import SourceError, StorageError, short_repr
from pyramid.hierarchy.n5 import N5_KEY, is_dataset, read_dataset
from pyramid.model import StoreFormat
from pyramid.ngff import n5
from pyramid.ngff.metadata import ome_content
from pyramid.ngff.values import check_path, mapping
from pyramid.ngff.version import MAX_LEVELS

if TYPE_CHECKING:
    from pyramid.stores.objects import ByteSink

# The longest document that is parsed: in memory, parsed JSON takes some twenty times its length.
MAX_DOCUMENT_BYTES = 16 * 2**20
# The first bytes of a document that is not JSON, shown in its error.
MAX_SHOWN_BYTES = 40


@dataclass(frozen=True, slots=True)
class Node:
    """An array or a group.

    Parameters
    ----------
    path
        Where it is below the URL; empty for the root.
    zarr_format
        2 or 3, or ``"n5"``.
    attributes
        Its attributes, parsed.
    array
        The document of an array, ``zarr.json`` or ``.zarray``, parsed; that of N5 as ``.zarray`` would have it. None
        for a group.
    documents
        Its documents as they are stored, by key below the URL.
    """

    path: str
    zarr_format: StoreFormat
    attributes: Mapping[str, Any]
    array: Mapping[str, Any] | None
    documents: Mapping[str, bytes]

    @property
    def place(self) -> str:
        """Its path as messages give it."""
        return self.path or "the root"

    @property
    def ome(self) -> Mapping[str, Any]:
        """The attributes of OME-Zarr: those under ``ome``, or all where there is none.

        Examples
        --------
        >>> Node("", 3, {"ome": {"version": "0.5"}}, None, {}).ome
        {'version': '0.5'}
        """
        return ome_content(self.attributes)[0]


class Fetches(Protocol):
    """A store from which documents are read: `Objects`, or anything with its `fetch`."""

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Write an object to `into` in pieces, and return its bytes; None if missing."""
        ...


def read_node(
    objects: Fetches,
    path: str = "",
    zarr_format: StoreFormat | None = None,
    kind: Literal["array", "group"] | None = None,
) -> Node | None:
    """Read the array or group at a path.

    Zarr 3 takes one request. Zarr 2 takes two where `kind` is known and at most three where it is not. Zarr 2 takes one
    more where `zarr_format` is None.

    Parameters
    ----------
    objects
        The objects below a URL.
    path
        Path below the URL, checked by `check_path`.
    zarr_format
        The format where it is known; without it Zarr 3 is looked for first, and N5 last.
    kind
        Which of the two is looked for; None for either.

    Returns
    -------
    Node or None
        None where there is neither an array nor a group, or not the `kind` that is looked for.

    Raises
    ------
    SourceError
        If the path leads elsewhere, or a document is too long or not a JSON object.
    StorageError
        If the storage fails.
    """
    check_path(path)
    found = None
    if zarr_format in (None, 3):
        found = _read_v3(objects, path)
    if found is None and zarr_format in (None, 2):
        found = _read_v2(objects, path, kind)
    if found is None and zarr_format in (None, "n5"):
        found = _read_n5(objects, path, kind)
    if found is not None and kind is not None and (kind == "array") != (found.array is not None):
        return None
    return found


def join_path(*parts: str) -> str:
    """Join parts to a path or key, leaving out empty ones.

    Examples
    --------
    >>> join_path("", "labels", "", "nuclei")
    'labels/nuclei'
    """
    return "/".join(part for part in parts if part)


def numbered_groups(objects: Fetches, path: str, zarr_format: StoreFormat, most: int) -> Iterator[str]:
    """Yield the names of the groups 0, 1, … up to the first that is missing."""
    for name in map(str, range(most)):
        if read_node(objects, join_path(path, name), zarr_format, "group") is None:
            return
        yield name


def read_document(objects: Fetches, key: str, most_bytes: int = MAX_DOCUMENT_BYTES) -> bytes | None:
    """Read a document as it is stored, with one request.

    Returns
    -------
    bytes or None
        None where the document does not exist.

    Raises
    ------
    SourceError
        If the document is longer than `most_bytes`; little more than that is read.
    StorageError
        If the storage fails.
    """
    body = _Document(most_bytes)
    try:
        return body.held() if objects.fetch(key, body) is not None else None
    except StorageError:
        if not body.is_full:
            raise
    except _FullError:
        pass
    raise SourceError(f"{key} is longer than {most_bytes} bytes, too long for the metadata of an image")


def parse_document(body: bytes, key: str) -> Mapping[str, Any]:
    """Parse a document that must be a JSON object.

    Raises
    ------
    SourceError
        If the document is nested too deeply or is not a JSON object; the error names its key.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{key} is not JSON: {_why_not_json(body, error)}") from None
    return mapping(parsed, key)


def _why_not_json(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "it is empty, as after a transfer that was cut" if not body else "it holds blanks only"
    if isinstance(error, RecursionError):
        return "its brackets are too deep"
    if "sys.set_int_max_str_digits" in str(error):
        return "a number in it has thousands of digits"
    if body.lstrip()[:1] not in (b"{", b"["):
        return f"it begins with {short_repr(body[:MAX_SHOWN_BYTES].decode(errors='replace'))}"
    return str(error)


def _read_v3(objects: Fetches, path: str) -> Node | None:
    key = join_path(path, "zarr.json")
    body = read_document(objects, key)
    if body is None:
        return None
    document = parse_document(body, key)
    kind = document.get("node_type")
    if kind not in ("array", "group"):
        raise SourceError(f"{key}: node_type is {short_repr(kind)}, and it must be 'array' or 'group'")
    attributes = mapping(document.get("attributes", {}), f"{key}: attributes")
    return Node(path, 3, attributes, document if kind == "array" else None, {key: body})


def _read_v2(objects: Fetches, path: str, kind: Literal["array", "group"] | None) -> Node | None:
    # Arrays outnumber groups, but at the root there is most often a group.
    names = {
        "array": (".zarray",),
        "group": (".zgroup",),
        None: (".zarray", ".zgroup") if path else (".zgroup", ".zarray"),
    }
    for name in names[kind]:
        body = read_document(objects, key := join_path(path, name))
        if body is None:
            continue
        document = parse_document(body, key)
        zattrs = read_document(objects, zattrs_key := join_path(path, ".zattrs"))
        documents = {key: body} if zattrs is None else {key: body, zattrs_key: zattrs}
        attributes = {} if zattrs is None else parse_document(zattrs, zattrs_key)
        return Node(path, 2, attributes, document if name == ".zarray" else None, documents)
    return None if kind == "array" else _read_implicit(objects, path, kind)


def _read_implicit(objects: Fetches, path: str, kind: Literal["group"] | None) -> Node | None:
    """Read a group that has only its attributes, as some scripts leave them.

    Returns None where there is a ``.zarray`` too: then the attributes are an array's.
    """
    body = read_document(objects, key := join_path(path, ".zattrs"))
    if body is None or (kind == "group" and read_document(objects, join_path(path, ".zarray")) is not None):
        return None
    return Node(path, 2, parse_document(body, key), None, {key: body})


def _read_n5(objects: Fetches, path: str, kind: Literal["array", "group"] | None) -> Node | None:
    body = read_document(objects, key := join_path(path, N5_KEY))
    if body is None:  # a group need not have a document
        levels = () if kind == "array" else tuple(_n5_levels(objects, path))
        return Node(path, "n5", n5.read_attributes({}, levels), None, {}) if levels else None
    attributes = parse_document(body, key)
    if kind != "group" and is_dataset(attributes):
        others = {name: value for name, value in attributes.items() if name not in n5.STORAGE_KEYS}
        try:
            return Node(path, "n5", others, read_dataset(attributes), {key: body})
        except SourceError as error:
            raise SourceError(f"{key}: {error}") from None
    levels = () if "multiscales" in attributes else tuple(_n5_levels(objects, path))
    return Node(path, "n5", n5.read_attributes(attributes, levels), None, {key: body})


def _n5_levels(objects: Fetches, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and attributes of the datasets s0, s1, … up to the first missing."""
    for number in range(MAX_LEVELS):
        name = f"s{number}"
        body = read_document(objects, key := join_path(path, name, N5_KEY))
        attributes = {} if body is None else parse_document(body, key)
        if not is_dataset(attributes):
            return
        yield name, attributes


class _FullError(Exception):
    """A document is longer than it may be."""


class _Document:
    """A document in memory, of at most a given number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self.is_full = False

    def write(self, piece: bytes) -> None:
        if sum(map(len, self._pieces)) + len(piece) > self._most_bytes:
            self.is_full = True
            raise _FullError
        self._pieces.append(piece)

    def restart(self) -> None:
        self._pieces.clear()

    def held(self) -> bytes:
        return b"".join(self._pieces)
