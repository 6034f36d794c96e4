"""The encoding of pixels, and the memory for encoded bytes that are to be written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyramid.errors import OptionError
from pyramid.ngff import Version
from pyramid.options.choices import MAX_CODEC_LEVELS, MIN_CODEC_LEVELS, N5_CODECS
from pyramid.options.convert import Options
from pyramid.planning.levels import PlannedLevel

# Alignment in bytes of writes that go past the page cache: 4096 suits all common disks.
ALIGN_BYTES = 4096
# Size of a crc32c checksum, and of a chunk's entry in the index of a shard, as Zarr specifies them.
CRC_BYTES, INDEX_ENTRY_BYTES = 4, 16
# Bounds of how much larger than its input a codec's output can be: fixed bytes, and one byte for each so many of input.
# bzip2, the worst, adds at most a hundredth and 600 bytes. A block of N5 has a header of 24 bytes at most.
_OVERHEAD_BYTES, _OVERHEAD_SHARE = 1024, 100
# Most bytes that wait to be written on local disk: four segments, one that is filled while others are written. An
# object flows into its file while it is made.
MAX_STREAM_BYTES = 16 * 2**20
# Memory for objects that wait to be sent: one object while the next is made, with a tenth for what a codec may add. Or
# as many small ones as fit into the bytes, as each waits for an answer.
QUEUED_OBJECTS, MAX_SMALL_OBJECTS, SMALL_OBJECTS_BYTES = 2.1, 16, 16 * 2**20


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of pixels into objects, the same on every level.

    Parameters
    ----------
    codec, codec_level
        Name of the codec, and its effort.
    shuffle
        ``byte``, ``bit`` or ``none``.
    checksum
        True if each chunk ends with its crc32c.
    skip_empty
        True if chunks and shards that hold only zero bytes are left out.
    """

    codec: str
    codec_level: int
    shuffle: str
    checksum: bool
    skip_empty: bool


def choose_encoding(options: Options, item_bytes: int, version: Version) -> Encoding:
    """Decide the encoding of pixels of a size.

    Parameters
    ----------
    options
        Only ``skip_empty`` and the options of the codec are used.
    item_bytes
        Size of a pixel's value in bytes.
    version
        The format that is written.

    Raises
    ------
    OptionError
        If the codec does not have the level or the shuffle, or the format not the codec or checksums.
    """
    least, most = MIN_CODEC_LEVELS.get(options.codec, 0), MAX_CODEC_LEVELS[options.codec]
    if not least <= options.codec_level <= most:
        raise OptionError(
            f"codec_level: {options.codec} has levels {least} to {most}, not {options.codec_level}; give one of those"
        )
    if options.codec in N5_CODECS and version.zarr_format != "n5":
        raise OptionError(
            f"codec: {version.title} does not specify {options.codec}, which few readers of Zarr have; give zstd, or a "
            "TARGET that ends in .n5"
        )
    if options.shuffle != "auto" and not options.codec.startswith("blosc:"):
        raise OptionError(f"shuffle: {options.codec} has no shuffle; leave the option out, or use a blosc codec")
    if options.checksum and version.zarr_format != 3:
        raise OptionError(
            f"checksum: {version.title} cannot hold checksums; leave the option out, or write OME-Zarr 0.5"
        )
    shuffle = auto_shuffle(options.codec, item_bytes) if options.shuffle == "auto" else options.shuffle
    return Encoding(options.codec, options.codec_level, shuffle, options.checksum, options.skip_empty)


def auto_shuffle(codec: str, item_bytes: int) -> str:
    """Return the shuffle that compresses pixels of a size best.

    This is byte shuffle for items of several bytes. For one byte it is the shuffle that packs 8-bit microscopy better.

    Examples
    --------
    >>> auto_shuffle("blosc:lz4", 2), auto_shuffle("blosc:lz4", 1), auto_shuffle("blosc:zstd", 1)
    ('byte', 'bit', 'none')
    """
    if item_bytes > 1 and codec.startswith("blosc:"):
        return "byte"
    return "bit" if codec == "blosc:lz4" else "none"


def max_encoded_bytes(plain_bytes: int) -> int:
    """Return the size in bytes that an encoded chunk of `plain_bytes` does not exceed."""
    return plain_bytes + plain_bytes // _OVERHEAD_SHARE + _OVERHEAD_BYTES


def max_object_bytes(level: PlannedLevel, item_bytes: int) -> tuple[int, int]:
    """Return the largest size in bytes of an object, and of a piece of it.

    A piece is added to an object at once: a chunk, or the index of a shard.
    """
    chunk_bytes = max_encoded_bytes(math.prod(level.chunks) * item_bytes)
    chunks = math.prod(n // c for n, c in zip(level.object_shape, level.chunks, strict=True))
    index_bytes = chunks * INDEX_ENTRY_BYTES + CRC_BYTES if level.shards else 0
    return chunks * chunk_bytes + index_bytes, max(chunk_bytes, index_bytes)


def write_queue_bytes(levels: Sequence[PlannedLevel], item_bytes: int, *, whole_objects: bool) -> int:
    """Return the memory for encoded bytes of one block that wait to be written.

    Parameters
    ----------
    levels
        The levels that the block writes.
    item_bytes
        Size of a pixel's value in bytes.
    whole_objects
        Whether an object is held until it is whole, as object storage wants it. Otherwise it flows into a file.
    """
    object_bytes = max(math.prod(level.object_shape) for level in levels) * item_bytes
    small_bytes = min(MAX_SMALL_OBJECTS * object_bytes, SMALL_OBJECTS_BYTES)
    wanted = max(math.ceil(QUEUED_OBJECTS * object_bytes), small_bytes)
    most = [max_object_bytes(level, item_bytes) for level in levels]
    if whole_objects:
        return max(wanted, *(whole for whole, _ in most))
    piece = max(piece for _, piece in most)
    return max(min(wanted, MAX_STREAM_BYTES), 2 * (piece + 2 * ALIGN_BYTES))
