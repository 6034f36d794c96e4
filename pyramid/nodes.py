"""One array or group of a Zarr hierarchy, read by key: nothing is listed, and no library is asked.

Where there is no listing, as over plain HTTP, a node is what its own documents say: ``zarr.json`` in Zarr 3,
``.zarray`` or ``.zgroup`` with ``.zattrs`` in Zarr 2. They come from anyone, so they are bounded and checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pyramid.errors import SourceError, StorageError
from pyramid.ngff.values import shown as shown

if TYPE_CHECKING:
    from pyramid.stores.objects import Into

# The longest document that is parsed: parsed, JSON takes some twenty times its length.
MAX_DOCUMENT_BYTES = 16 * 2**20
MAX_PATH_CHARACTERS = 1000
# What the attributes of a group say while a conversion writes to it, and after one that did not end.
IN_PROGRESS = "in progress"
# Of a document that is something else, what its error shows.
MAX_SHOWN_BYTES = 40

# A backslash and a drive's letter are parts of a path to some systems, control characters to none.
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Node:
    """An array or a group.

    Parameters
    ----------
    path
        Where it is below the URL; empty for the root.
    zarr_format
        2 or 3.
    attributes
        Its attributes, parsed.
    array
        The document of an array, ``zarr.json`` or ``.zarray``, parsed; None for a group.
    documents
        Its documents as they are stored, by key below the URL.
    """

    path: str
    zarr_format: int
    attributes: Mapping[str, Any]
    array: Mapping[str, Any] | None
    documents: Mapping[str, bytes]

    @property
    def ome(self) -> Mapping[str, Any]:
        """What holds ``multiscales``, ``plate`` and the like: the attribute ``ome``, or all attributes without one.

        Examples
        --------
        >>> Node("", 3, {"ome": {"version": "0.5"}}, None, {}).ome
        {'version': '0.5'}
        """
        held = self.attributes.get("ome")
        return held if isinstance(held, Mapping) else self.attributes


def check_finished(node: Node) -> None:
    """Raise SourceError where a conversion writes to a group, or did not end.

    Examples
    --------
    >>> check_finished(Node("", 3, {"pyramid": {"state": "in progress"}}, None, {}))
    Traceback (most recent call last):
        ...
    pyramid.errors.SourceError: its conversion is not finished: wait for it, or convert again with --overwrite
    """
    run = node.attributes.get("pyramid")
    if isinstance(run, Mapping) and run.get("state") == IN_PROGRESS:
        raise SourceError("its conversion is not finished: wait for it, or convert again with --overwrite")


class Fetches(Protocol):
    """What documents are read from: `Objects`, or something that stands for them."""

    def fetch(self, key: str, into: Into, expected_bytes: int = 0) -> int | None:
        """Hand over an object in pieces; None where there is none."""
        ...


def read_node(
    objects: Fetches, path: str = "", zarr_format: int | None = None, kind: Literal["array", "group"] | None = None
) -> Node | None:
    """Read the array or group at a path; None where neither is there.

    Zarr 3 takes one request. Zarr 2 takes two where `kind` is known and at most three where it is not, and one more
    where `zarr_format` is None.

    Parameters
    ----------
    objects
        What lies below a URL.
    path
        Below the URL, checked by `check_path`.
    zarr_format
        2 or 3 where it is known; without it Zarr 3 is looked for first.
    kind
        Which of the two is looked for; without it whichever is there.

    Raises
    ------
    SourceError
        For a path that leads elsewhere, and a document that is too long or not the JSON of an object.
    StorageError
        Where the storage fails.
    """
    check_path(path)
    found = None
    if zarr_format in (None, 3):
        found = _read_v3(objects, path)
    if found is None and zarr_format in (None, 2):
        found = _read_v2(objects, path, kind)
    if found is not None and kind is not None and (kind == "array") != (found.array is not None):
        return None
    return found


def check_path(path: object) -> str:
    """Return a path below a URL that came from data, if it can lead nowhere else.

    Examples
    --------
    >>> check_path("labels/nuclei/0")
    'labels/nuclei/0'

    Raises
    ------
    SourceError
        For what is not text, is absolute or long, or has an empty part, ``.``, ``..``, a backslash, a drive's letter
        or a control character.
    """
    if not isinstance(path, str) or len(path) > MAX_PATH_CHARACTERS:
        raise SourceError(f"{shown(path)} is not a path of at most {MAX_PATH_CHARACTERS} characters")
    parts = path.split("/") if path else []
    if not {"", ".", ".."}.isdisjoint(parts) or any(_UNSAFE.search(part) for part in parts):
        raise SourceError(
            f"{shown(path)} is not a path below its group; it may neither be absolute nor hold '..' or a backslash"
        )
    return path


def join(*parts: str) -> str:
    """A path or key of parts, of which some may be empty.

    Examples
    --------
    >>> join("", "labels", "", "nuclei")
    'labels/nuclei'
    """
    return "/".join(part for part in parts if part)


def read_document(objects: Fetches, key: str, most_bytes: int = MAX_DOCUMENT_BYTES) -> bytes | None:
    """A document as it is stored, None where there is none: one request.

    Raises
    ------
    SourceError
        For one that is longer than `most_bytes`, of which no more is read than it takes to tell.
    StorageError
        Where the storage fails.
    """
    body = _Document(most_bytes)
    try:
        return body.held() if objects.fetch(key, body) is not None else None
    except StorageError:
        if not body.is_full:
            raise
    except _FullError:
        pass
    raise SourceError(f"{key} is longer than {most_bytes} bytes, which is no metadata of an image")


def parse_document(body: bytes, key: str) -> dict[str, Any]:
    """The JSON object of a document.

    Raises SourceError, with its key, for a document that is too deep or not the JSON of an object.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{key} is not JSON: {_why_not_json(body, error)}") from None
    if not isinstance(parsed, dict):
        raise SourceError(f"{key}: there must be a JSON object, not {shown(parsed)}")
    return parsed


def _why_not_json(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "it is empty, as after a transfer that was cut" if not body else "it holds blanks only"
    if isinstance(error, RecursionError):
        return "its brackets are too deep"
    if "sys.set_int_max_str_digits" in str(error):
        return "a number in it has thousands of digits"
    if body.lstrip()[:1] not in (b"{", b"["):
        return f"it begins with {shown(body[:MAX_SHOWN_BYTES].decode(errors='replace'))}"
    return str(error)


def _read_v3(objects: Fetches, path: str) -> Node | None:
    key = join(path, "zarr.json")
    body = read_document(objects, key)
    if body is None:
        return None
    document = parse_document(body, key)
    kind = document.get("node_type")
    if kind not in ("array", "group"):
        raise SourceError(f"{key}: node_type is {shown(kind)}, and it must be 'array' or 'group'")
    attributes = _attributes(document.get("attributes", {}), f"{key}: attributes")
    return Node(path, 3, attributes, document if kind == "array" else None, {key: body})


def _read_v2(objects: Fetches, path: str, kind: Literal["array", "group"] | None) -> Node | None:
    # Arrays outnumber groups, but at the root there is most often a group.
    names = {
        "array": (".zarray",),
        "group": (".zgroup",),
        None: (".zarray", ".zgroup") if path else (".zgroup", ".zarray"),
    }
    for name in names[kind]:
        body = read_document(objects, key := join(path, name))
        if body is None:
            continue
        document = parse_document(body, key)
        beside = read_document(objects, beside_key := join(path, ".zattrs"))
        documents = {key: body} if beside is None else {key: body, beside_key: beside}
        attributes = {} if beside is None else parse_document(beside, beside_key)
        return Node(path, 2, attributes, document if name == ".zarray" else None, documents)
    return None if kind == "array" else _read_implicit(objects, path, kind)


def _read_implicit(objects: Fetches, path: str, kind: Literal["group"] | None) -> Node | None:
    """Read a group of which only the attributes are there, as scripts leave them; no array has none else."""
    body = read_document(objects, key := join(path, ".zattrs"))
    if body is None or (kind == "group" and read_document(objects, join(path, ".zarray")) is not None):
        return None
    return Node(path, 2, parse_document(body, key), None, {key: body})


class _FullError(Exception):
    """A document is longer than it may be."""


class _Document:
    """A body in memory that stays below a bound."""

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


def _attributes(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SourceError(f"{place}: there must be a JSON object, not {shown(value)}")
    return value
