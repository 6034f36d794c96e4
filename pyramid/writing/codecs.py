"""Codecs by name, with their metadata in Zarr v3 and Zarr v2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pyramid.errors import OptionError

if TYPE_CHECKING:
    from pyramid.options.convert import Options

Config: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec: its highest level, and its name and settings in each Zarr format.

    Parameters
    ----------
    max_level
        The highest ``codec_level``.
    v3, v2
        Functions that return the codec's metadata, or None for no codec. They take ``codec_level``, the shuffle
        (``byte``, ``bit`` or ``none``) and the item's size in bytes.
    """

    max_level: int
    v3: Callable[[int, str, int], Config | None]
    v2: Callable[[int, str, int], Config | None]


def _blosc(name: str) -> Codec:
    names = {"none": "noshuffle", "byte": "shuffle", "bit": "bitshuffle"}
    numbers = {"none": 0, "byte": 1, "bit": 2}

    def v3(level: int, shuffle: str, item_bytes: int) -> Config:
        configuration = {
            "typesize": item_bytes,
            "cname": name,
            "clevel": level,
            "shuffle": names[shuffle],
            "blocksize": 0,
        }
        return {"name": "blosc", "configuration": configuration}

    def v2(level: int, shuffle: str, _item_bytes: int) -> Config:
        return {"id": "blosc", "cname": name, "clevel": level, "shuffle": numbers[shuffle], "blocksize": 0}

    return Codec(9, v3, v2)


CODECS: Mapping[str, Codec] = {
    "blosc:lz4": _blosc("lz4"),
    "blosc:zstd": _blosc("zstd"),
    "zstd": Codec(
        22,
        lambda level, _shuffle, _bytes: {"name": "zstd", "configuration": {"level": level, "checksum": False}},
        lambda level, _shuffle, _bytes: {"id": "zstd", "level": level},
    ),
    "gzip": Codec(
        9,
        lambda level, _shuffle, _bytes: {"name": "gzip", "configuration": {"level": level}},
        lambda level, _shuffle, _bytes: {"id": "gzip", "level": level},
    ),
    "none": Codec(22, lambda *_: None, lambda *_: None),
}


def compressors(options: Options, zarr_format: int, item_bytes: int) -> list[Config]:
    """Return the codecs of a chunk as its array's metadata holds them.

    Parameters
    ----------
    options
        Only ``codec``, ``codec_level``, ``shuffle`` and ``checksum`` are used.
    zarr_format
        2 or 3.
    item_bytes
        Size of a pixel's value in bytes.

    Returns
    -------
    list
        At most one codec in Zarr format 2.

    Raises
    ------
    OptionError
        If the codec does not have the level or the shuffle, or for a checksum in Zarr v2, which cannot hold one.

    Examples
    --------
    >>> from pyramid.options.convert import Options
    >>> compressors(Options(codec="gzip"), 3, 2)
    [{'name': 'gzip', 'configuration': {'level': 5}}]
    """
    check_codec(options, zarr_format)
    codec, shuffle = CODECS[options.codec], chosen_shuffle(options, item_bytes)
    make = codec.v2 if zarr_format == 2 else codec.v3
    config = make(options.codec_level, shuffle, item_bytes)
    return [*([config] if config else []), *([{"name": "crc32c"}] if options.checksum else [])]


def check_codec(options: Options, zarr_format: int) -> None:
    """Raise OptionError if the options of the codec do not fit it, or the format."""
    codec = CODECS[options.codec]
    if options.codec_level > codec.max_level:
        raise OptionError(f"codec_level: {options.codec} has levels 0 to {codec.max_level}, not {options.codec_level}")
    if options.shuffle != "auto" and not options.codec.startswith("blosc:"):
        raise OptionError(f"shuffle: {options.codec} has no shuffle; leave the option out, or use a blosc codec")
    if options.checksum and zarr_format == 2:
        raise OptionError("checksum: OME-Zarr 0.4 cannot hold checksums; leave the option out, or write 0.5")


def chosen_shuffle(options: Options, item_bytes: int) -> str:
    """Return the shuffle that the options ask for, with ``auto`` decided."""
    return auto_shuffle(options.codec, item_bytes) if options.shuffle == "auto" else options.shuffle


def auto_shuffle(codec: str, item_bytes: int) -> str:
    """Return the shuffle that compresses pixels of a size best.

    This is byte shuffle for items of several bytes. For one byte it is the shuffle that packs 8-bit microscopy better.

    Examples
    --------
    >>> auto_shuffle("blosc:lz4", 2), auto_shuffle("blosc:lz4", 1), auto_shuffle("blosc:zstd", 1)
    ('byte', 'bit', 'none')
    """
    if item_bytes > 1:
        return "byte"
    return "bit" if codec == "blosc:lz4" else "none"
