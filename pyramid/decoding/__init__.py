"""Pixels out of stored chunks: one reader for levels, sources and images.

`stored_array` reads how an array is stored from its document, and `ArrayReader` reads regions of it. Neither needs the
zarr library. Arrays that need a codec that is not here are left to that library.
"""

from pyramid.decoding.codecs import DecodeError, crc32c
from pyramid.decoding.reader import ArrayReader
from pyramid.decoding.rows import copy_rows
from pyramid.decoding.stored import StoredArray, stored_array

__all__ = ["ArrayReader", "DecodeError", "StoredArray", "copy_rows", "crc32c", "stored_array"]
