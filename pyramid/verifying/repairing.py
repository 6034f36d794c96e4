"""Objects written anew, from the level below or from the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import FILL_VALUE
from pyramid.concurrency.buffers import Buffers
from pyramid.hierarchy.documents import ArrayForm, array_documents
from pyramid.hierarchy.n5 import read_dataset
from pyramid.hierarchy.nodes import parse_document
from pyramid.model import Box, Shape
from pyramid.options.choices import MAX_CODEC_LEVELS
from pyramid.planning import Encoding, PlannedLevel
from pyramid.planning.encoding import max_object_bytes, write_queue_bytes
from pyramid.verifying.arrays import Level, chunk_codecs
from pyramid.verifying.judging import BadObject, Judge
from pyramid.writing.codecs import CODECS, compressors
from pyramid.writing.encode import ObjectEncoder, StoredLevel
from pyramid.writing.errors import wrap_errors
from pyramid.writing.objects import ObjectWriter
from pyramid.writing.write_queue import WriteQueue

# Shuffles by their names in documents of format 3 and by their numbers in format 2.
_SHUFFLES = {"noshuffle": "none", "shuffle": "byte", "bitshuffle": "bit", 0: "none", 1: "byte", 2: "bit"}
# Codecs but Blosc, which has several, by their names in documents.
_NAMES = {codec.decoder: name for name, codec in CODECS.items() if not name.startswith("blosc:")}


@dataclass(frozen=True)
class Repairer:
    """Writes the bad objects of an image.

    Parameters
    ----------
    url
        URL of the store, for errors.
    writer
        Writes objects whole or not at all.
    skip_empty
        Whether the writer of the store leaves out chunks that hold only zeros.
    """

    url: str
    writer: ObjectWriter
    skip_empty: bool

    def repair(self, judge: Judge) -> Iterator[str]:
        """Write the bad objects that can be rebuilt, and yield their keys.

        What cannot be rebuilt stays as it is, and its findings say why.
        """
        for number, level in sorted(judge.levels.items()):
            encoding = encoding_of(level, skip_empty=self.skip_empty)
            done = []
            for bad in list(judge.bad.get(number, {}).values()):
                if encoding is None:
                    self._explain(judge, bad, "its codecs cannot be written exactly here")
                    continue
                pixels = judge.right(level, level.object_box(bad.index))
                if pixels is None:
                    self._explain(judge, bad, _missing_basis(level))
                    continue
                self._write(level, bad.index, pixels, encoding)
                done.append(bad.index)
                yield level.key(bad.index)
            for index in done:
                del judge.bad[number][index]

    def _explain(self, judge: Judge, bad: BadObject, why: str) -> None:
        key = bad.level.key(bad.index)
        judge.findings[:] = [
            replace(one, message=f"{one.message}; it cannot be repaired: {why}") if one.key == key else one
            for one in judge.findings
        ]

    def _write(self, level: Level, index: Shape, pixels: NDArray[Any], encoding: Encoding) -> None:
        """Encode an object and put it in the place of the bad one."""
        planned = _planned(level)
        stored = StoredLevel(planned, level.dtype.name, "", encoding, is_n5=level.node.zarr_format == "n5")
        key, item_bytes = level.key(index), level.dtype.itemsize
        max_bytes, _ = max_object_bytes(planned, item_bytes)
        queue_bytes = write_queue_bytes([planned], item_bytes, whole_objects=self.writer.max_concurrent_writes > 1)
        buffers = Buffers(1)
        with wrap_errors(self.url, f"object {key}"):
            if encoding.skip_empty and not pixels.reshape(-1).view(np.uint8).any():
                level.objects.inner.delete(key)
                return
            with WriteQueue(self.url, buffers, queue_bytes, self.writer.max_concurrent_writes) as queue:
                encoder = ObjectEncoder(stored, stored.start(index), self.writer.begin(key, max_bytes, queue))
                for number, part in _chunks(Box((0,) * pixels.ndim, pixels.shape), planned.chunks):
                    chunk = np.full(planned.chunks, FILL_VALUE, pixels.dtype)
                    chunk[tuple(map(slice, part.shape))] = pixels[part.slices]
                    encoder.add(number, chunk, buffers)
                encoder.finish_part()


def _missing_basis(level: Level) -> str:
    if level.number == 0:
        return "level 0 can only be rebuilt from its source; give it"
    return "the level below is damaged there too, or it is not known how the level is made of it"


def _planned(level: Level) -> PlannedLevel:
    ones = (1,) * len(level.shape)
    size = (1.0,) * len(level.shape)
    return PlannedLevel(level.shape, ones, ones, size, size, level.facts.chunks, level.facts.shards)


def _chunks(box: Box, chunks: Shape) -> Iterator[tuple[Shape, Box]]:
    """Yield index and region of each chunk of an object in C order, within its object."""
    for index in box.grid_positions(chunks):
        start = tuple(i * c for i, c in zip(index, chunks, strict=True))
        yield index, Box(start, chunks).intersection(box)


def encoding_of(level: Level, *, skip_empty: bool) -> Encoding | None:
    """Return the encoding of a level; None if its document needs another encoder.

    The document that we would write for that encoding must have the very same codecs, grid and fill value.
    """
    document = level.node.array or {}
    codecs = [codec for codec in chunk_codecs(level) if codec.get("name") != "bytes"]
    checksum = bool(codecs) and codecs[-1].get("name") == "crc32c"
    codecs = codecs[:-1] if checksum else codecs
    if len(codecs) > 1 or level.facts.dtype.kind == "c":
        return None
    encoding = _encoding(codecs[0], checksum, skip_empty) if codecs else _plain(checksum, skip_empty)
    if encoding is None:
        return None
    form = ArrayForm(
        shape=level.shape,
        chunks=level.facts.chunks,
        shards=level.facts.shards,
        dtype=level.facts.dtype.name,
        fill_value=FILL_VALUE,
        codecs=compressors(encoding, level.node.zarr_format, level.facts.dtype.itemsize),
    )
    (body, *_) = array_documents(level.node.zarr_format, form).values()
    wanted = parse_document(body, "")
    if level.node.zarr_format == "n5":
        wanted = read_dataset(wanted)
    keys = ("codecs", "data_type") if level.node.zarr_format == 3 else ("compressor", "filters", "order", "dtype")
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
