"""Codecs by name: metadata in Zarr v3, Zarr v2 and N5, encoder."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.model import StoreFormat
from pyramid.planning import Encoding

Config: TypeAlias = dict[str, Any]
# Encodes into memory, and returns the part that was filled.
Encoder: TypeAlias = Callable[[NDArray[Any], memoryview], Sized]

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec: its metadata in each Zarr format, and its encoder.

    Parameters
    ----------
    v3, v2
        Functions that return the codec's metadata, or None for no codec. They take the encoding and the item's size in
        bytes.
    n5
        Function that returns the codec's metadata in N5.
    encoder
        Function that returns the encoder of chunks, by the encoding and the item's size in bytes.
        `pyramid.decoding.codecs` decodes them.
    decoder
        Name of the codec there, which is also that in the documents of arrays; empty for no codec.
    effort
        Name of the effort in its metadata.
    """

    v3: Callable[[Encoding, int], Config | None]
    v2: Callable[[Encoding, int], Config | None]
    n5: Callable[[Encoding], Config]
    encoder: Callable[[Encoding, int], Encoder]
    decoder: str
    effort: str = "level"


def _blosc(name: str) -> Codec:
    shuffles = {"none": "noshuffle", "byte": "shuffle", "bit": "bitshuffle"}

    def v3(encoding: Encoding, item_bytes: int) -> Config:
        settings = {"cname": name, "clevel": encoding.codec_level, "shuffle": shuffles[encoding.shuffle]}
        return {"name": "blosc", "configuration": {"typesize": item_bytes, **settings, "blocksize": 0}}

    def v2(encoding: Encoding, _item_bytes: int) -> Config:
        number = list(shuffles).index(encoding.shuffle)
        return {"id": "blosc", "cname": name, "clevel": encoding.codec_level, "shuffle": number, "blocksize": 0}

    def encoder(encoding: Encoding, item_bytes: int) -> Encoder:
        settings = {"level": encoding.codec_level, "shuffle": shuffles[encoding.shuffle], "typesize": item_bytes}
        encode = functools.partial(_imagecodecs.blosc_encode, compressor=name, numthreads=1, **settings)
        return lambda chunk, out: encode(chunk, out=out)

    def n5(encoding: Encoding) -> Config:
        number = list(shuffles).index(encoding.shuffle)
        return {"type": "blosc", "cname": name, "clevel": encoding.codec_level, "shuffle": number, "blocksize": 0}

    return Codec(v3, v2, n5, encoder, "blosc", "clevel")


def _simple(name: str, **settings: object) -> Codec:
    """Return a codec whose effort is its only choice.

    `settings` are further settings in its v3 metadata.
    """
    return Codec(
        lambda encoding, _: {"name": name, "configuration": {"level": encoding.codec_level, **settings}},
        lambda encoding, _: {"id": name, "level": encoding.codec_level},
        lambda encoding: {"type": name, "level": encoding.codec_level},
        lambda encoding, _: _leveled(name, encoding.codec_level),
        name,
    )


def _n5_only(type_: str, name: str, effort: str, decoder: str) -> Codec:
    """Return a codec that only N5 specifies.

    `type_` is its name in N5, and `name` that in imagecodecs; `effort` and `decoder` are those of `Codec`.
    """
    return Codec(
        lambda *_: None,
        lambda *_: None,
        lambda encoding: {"type": type_, effort: encoding.codec_level},
        lambda encoding, _: _leveled(name, encoding.codec_level),
        decoder,
        effort,
    )


def _leveled(name: str, level: int) -> Encoder:
    """Return an encoder of imagecodecs that is given only its effort."""
    encode = getattr(_imagecodecs, f"{name}_encode")
    return lambda chunk, out: encode(chunk, level=level, out=out)


def _copy_out(chunk: NDArray[Any], out: memoryview) -> Sized:
    out[: chunk.nbytes] = chunk.reshape(-1).view(np.uint8).data
    return out[: chunk.nbytes]


CODECS: Mapping[str, Codec] = {
    "blosc:lz4": _blosc("lz4"),
    "blosc:zstd": _blosc("zstd"),
    "zstd": _simple("zstd", checksum=False),
    "gzip": _simple("gzip"),
    "none": Codec(lambda *_: None, lambda *_: None, lambda _: {"type": "raw"}, lambda *_: _copy_out, ""),
    "bzip2": _n5_only("bzip2", "bz2", "blockSize", "bz2"),
    "xz": _n5_only("xz", "lzma", "preset", "xz"),
}


def compressors(encoding: Encoding, zarr_format: StoreFormat, item_bytes: int) -> list[Config]:
    """Return the codecs of a chunk as its array's metadata holds them.

    Parameters
    ----------
    encoding
        The encoding of the pixels.
    zarr_format
        The format of the array.
    item_bytes
        Size of a pixel's value in bytes.

    Returns
    -------
    list
        At most one codec in Zarr format 2, and exactly one in N5.

    Examples
    --------
    >>> compressors(Encoding("gzip", 5, "none", checksum=False, skip_empty=False), 3, 2)
    [{'name': 'gzip', 'configuration': {'level': 5}}]
    """
    codec = CODECS[encoding.codec]
    if zarr_format == "n5":
        return [codec.n5(encoding)]
    config = (codec.v2 if zarr_format == 2 else codec.v3)(encoding, item_bytes)
    return [*([config] if config else []), *([{"name": "crc32c"}] if encoding.checksum else [])]
