"""Codecs by name, as the two Zarr formats write them."""

from __future__ import annotations

from typing import Any, Literal

import numcodecs
import numpy as np
import pytest

from pyramid.errors import OptionError
from pyramid.ngff import FORMATS
from pyramid.options.choices import N5_CODECS
from pyramid.options.convert import Options, option_specs
from pyramid.planning.encoding import Encoding, auto_shuffle, choose_encoding, max_encoded_bytes
from pyramid.writing.codecs import CODECS, compressors

# Those that Zarr has.
ZARR_CODECS = [name for name in CODECS if name not in N5_CODECS]
BLOSC = {"cname": "lz4", "clevel": 5, "blocksize": 0}


def encoded_with(options: Options, zarr_format: Literal[2, 3], item_bytes: int) -> list[dict[str, Any]]:
    encoding = choose_encoding(options, item_bytes, FORMATS["0.5" if zarr_format == 3 else "0.4"])
    return compressors(encoding, zarr_format, item_bytes)


def test_the_options_know_the_same_codecs() -> None:
    for name in CODECS:
        assert option_specs()["codec"].parse(name) == name
        assert name in option_specs()["codec"].help


@pytest.mark.parametrize(
    ("options", "v3", "v2"),
    [
        (
            Options(),
            [{"name": "blosc", "configuration": {**BLOSC, "shuffle": "shuffle", "typesize": 2}}],
            {"id": "blosc", **BLOSC, "shuffle": 1},
        ),
        (
            Options(codec="blosc:zstd", codec_level=1, shuffle="bit"),
            [
                {
                    "name": "blosc",
                    "configuration": {
                        "cname": "zstd",
                        "clevel": 1,
                        "blocksize": 0,
                        "shuffle": "bitshuffle",
                        "typesize": 2,
                    },
                }
            ],
            {"id": "blosc", "cname": "zstd", "clevel": 1, "blocksize": 0, "shuffle": 2},
        ),
        (
            Options(codec="zstd", codec_level=22),
            [{"name": "zstd", "configuration": {"level": 22, "checksum": False}}],
            {"id": "zstd", "level": 22},
        ),
        (
            Options(codec="gzip", codec_level=0),
            [{"name": "gzip", "configuration": {"level": 0}}],
            {"id": "gzip", "level": 0},
        ),
        (Options(codec="none"), [], None),
    ],
)
def test_metadata(options: Options, v3: list[dict[str, Any]], v2: dict[str, Any] | None) -> None:
    assert encoded_with(options, 3, 2) == v3
    assert encoded_with(options, 2, 2) == ([] if v2 is None else [v2])


@pytest.mark.parametrize("codec", ZARR_CODECS)
def test_a_checksum_comes_last(codec: str) -> None:
    plain = encoded_with(Options(codec=codec), 3, 2)
    assert encoded_with(Options(codec=codec, checksum=True), 3, 2) == [*plain, {"name": "crc32c"}]


@pytest.mark.parametrize(
    ("codec", "item_bytes", "shuffle"),
    [("blosc:lz4", 1, "bit"), ("blosc:zstd", 1, "none"), ("blosc:lz4", 2, "byte"), ("blosc:zstd", 8, "byte")],
)
def test_the_automatic_shuffle(codec: str, item_bytes: int, shuffle: str) -> None:
    assert auto_shuffle(codec, item_bytes) == shuffle
    assert encoded_with(Options(codec=codec), 2, item_bytes) == encoded_with(
        Options(codec=codec, shuffle=shuffle), 2, item_bytes
    )


@pytest.mark.parametrize(
    ("options", "zarr_format", "told"),
    [
        (Options(codec_level=10), 3, "codec_level: blosc:lz4 has levels 0 to 9, not 10"),
        (Options(codec="zstd", codec_level=23), 3, "codec_level: zstd has levels 0 to 22, not 23"),
        (Options(codec="gzip", shuffle="bit"), 3, "shuffle: gzip has no shuffle"),
        (Options(codec="bzip2"), 3, "codec: OME-Zarr 0.5 does not specify bzip2"),
        (Options(codec="xz"), 2, "codec: OME-Zarr 0.4 does not specify xz"),
        (Options(codec="bzip2", codec_level=0), 3, "codec_level: bzip2 has levels 1 to 9, not 0"),
        (Options(checksum=True), 2, "checksum: OME-Zarr 0.4 cannot hold checksums"),
    ],
)
def test_what_does_not_fit_is_refused(options: Options, zarr_format: Literal[2, 3], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        encoded_with(options, zarr_format, 2)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("level", [1, 5, 9])
def test_noise_fits_into_the_memory_that_is_reserved(codec: str, level: int) -> None:
    encoding = Encoding(codec, level, "none", checksum=False, skip_empty=False)
    for size in (1, 1000, 2**20):
        chunk = np.frombuffer(np.random.default_rng(size).bytes(size), "uint8")
        out = memoryview(bytearray(max_encoded_bytes(size)))
        assert len(CODECS[codec].encoder(encoding, chunk.itemsize)(chunk, out)) <= len(out)


@pytest.mark.parametrize("codec", ZARR_CODECS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shuffle", ["auto", "none", "byte", "bit"])
def test_numcodecs_decodes_what_is_encoded(codec: str, dtype: str, shuffle: str) -> None:
    chunk = np.random.default_rng(0).integers(0, 200, (8, 30, 40)).astype(dtype)
    if shuffle != "auto" and not codec.startswith("blosc"):
        codec = f"blosc:{codec}" if codec == "zstd" else "blosc:lz4"  # only Blosc shuffles
    encoding = choose_encoding(Options(codec=codec, shuffle=shuffle), chunk.itemsize, FORMATS["0.5"])
    out = memoryview(bytearray(2 * chunk.nbytes + 1024))
    packed = bytes(out[: len(CODECS[codec].encoder(encoding, chunk.itemsize)(chunk, out))])
    config = compressors(encoding, 2, chunk.itemsize)
    decoded = numcodecs.get_codec(config[0]).decode(packed) if config else packed
    np.testing.assert_array_equal(np.frombuffer(decoded, dtype).reshape(chunk.shape), chunk)
