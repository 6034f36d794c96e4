"""The encoding of a stored array, read from its document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.block import FILL_VALUE
from pyramid.hierarchy.arrays import ArrayFacts, chunk_codecs
from pyramid.hierarchy.documents import ArrayForm, array_documents
from pyramid.hierarchy.n5 import read_dataset
from pyramid.hierarchy.nodes import Node, parse_document
from pyramid.options.choices import MAX_CODEC_LEVELS
from pyramid.planning import Encoding
from pyramid.writing.codecs import CODECS, compressors

# Shuffles by their names in documents of format 3 and by their numbers in format 2.
_SHUFFLES = {"noshuffle": "none", "shuffle": "byte", "bitshuffle": "bit", 0: "none", 1: "byte", 2: "bit"}
# Codecs but Blosc, which has several, by their names in documents.
_NAMES = {codec.decoder: name for name, codec in CODECS.items() if not name.startswith("blosc:")}


def stored_encoding(facts: ArrayFacts, *, skip_empty: bool = False) -> Encoding | None:
    """Return the encoding of chunks; None if a codec is only decoded here.

    Byte order, order of axes and fill value may differ from those that are written.

    Examples
    --------
    >>> from pyramid.hierarchy.dtypes import StoredDtype
    >>> facts = ArrayFacts((9, 9), (4, 4), None, StoredDtype("u", 2), ({"id": "gzip", "level": 6},))
    >>> stored_encoding(facts)
    Encoding(codec='gzip', codec_level=6, shuffle='none', checksum=False, skip_empty=False)
    """
    codecs = [codec for codec in chunk_codecs(facts) if codec.get("name") not in ("bytes", "transpose")]
    checksum = bool(codecs) and codecs[-1].get("name") == "crc32c"
    codecs = codecs[:-1] if checksum else codecs
    if len(codecs) > 1 or facts.dtype.kind == "c":
        return None
    return _encoding(codecs[0], checksum, skip_empty) if codecs else _plain(checksum, skip_empty)


def exact_encoding(node: Node, facts: ArrayFacts, *, skip_empty: bool) -> Encoding | None:
    """Return the encoding of an array; None if its document needs another encoder.

    The document that we would write for that encoding must have the very same codecs, grid and fill value.
    """
    encoding = stored_encoding(facts, skip_empty=skip_empty)
    if encoding is None:
        return None
    document = node.array or {}
    form = ArrayForm(
        shape=facts.shape,
        chunks=facts.chunks,
        shards=facts.shards,
        dtype=facts.dtype.name,
        fill_value=FILL_VALUE,
        codecs=compressors(encoding, node.zarr_format, facts.dtype.itemsize),
    )
    (body, *_) = array_documents(node.zarr_format, form).values()
    wanted = parse_document(body, "")
    if node.zarr_format == "n5":
        wanted = read_dataset(wanted)
    keys = ("codecs", "data_type") if node.zarr_format == 3 else ("compressor", "filters", "order", "dtype")
    same = all(_without_defaults(document.get(key)) == _without_defaults(wanted[key]) for key in keys)
    fills = document.get("fill_value") in (0, None)
    return encoding if same and fills else None


def _plain(checksum: bool, skip_empty: bool) -> Encoding:
    return Encoding("none", 0, "none", checksum, skip_empty)


def _encoding(codec: Mapping[str, Any], checksum: bool, skip_empty: bool) -> Encoding | None:
    """Return the encoding of one compressor; None if it is not one of ours."""
    settings = codec.get("configuration", codec)
    stored = str(codec.get("name", codec.get("id")))
    is_blosc = stored == "blosc"
    name = f"blosc:{settings.get('cname')}" if is_blosc else _NAMES.get(stored, stored)
    if name not in CODECS:
        return None
    level = settings.get(CODECS[name].effort)
    shuffle = _SHUFFLES.get(settings.get("shuffle")) if is_blosc else "none"
    if type(level) is not int or not 0 <= level <= MAX_CODEC_LEVELS[name]:
        return None
    return None if shuffle is None else Encoding(name, level, shuffle, checksum, skip_empty)


def _without_defaults(value: object) -> object:
    """Return a part of a document without empty settings."""
    if isinstance(value, Mapping):
        return {key: _without_defaults(item) for key, item in value.items() if item not in ({}, [], None)}
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value
