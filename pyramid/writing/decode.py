"""Read a level back that `pyramid.writing.encode` has written."""

from __future__ import annotations

from dataclasses import replace

from pyramid.decoding import ArrayReader, StoredArray
from pyramid.hierarchy.dtypes import dtype_of_name
from pyramid.stores.objects import Objects, RangeReader
from pyramid.writing.codecs import CODECS
from pyramid.writing.encode import StoredLevel


def level_reader(objects: Objects, parts: RangeReader, stored: StoredLevel) -> ArrayReader:
    """Return the reader of a level.

    A missing object is an error to it, unless empty ones are left out.
    """
    dtype, encoding = dtype_of_name(stored.dtype), stored.encoding
    assert dtype is not None  # a plan has only dtypes of pixels
    array = StoredArray(
        shape=stored.level.shape,
        chunks=stored.level.chunks,
        shards=stored.level.shards,
        dtype=replace(dtype, big_endian=stored.is_n5 and dtype.itemsize > 1),
        prefix=stored.prefix,
        codec=CODECS[encoding.codec].decoder,
        checksums=int(encoding.checksum),
        is_n5=stored.is_n5,
    )
    return ArrayReader(objects, parts, array, may_lack=encoding.skip_empty)
