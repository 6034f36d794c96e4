"""The images of an ND2, of which the library nd2 reads the metadata.

A frame holds all channels of one plane. Each position of the stage is an image of its own.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import warnings
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Channel, Shape
from pyramid.readers.files.file import CUT_OFF, SourceFile
from pyramid.readers.intervals import measure_interval
from pyramid.readers.optional import load_optional
from pyramid.readers.tiff.description import Description, positive
from pyramid.readers.vendors.nd2.frames import MAX_FRAME_BYTES, FrameReader, Layout, find_frames, is_jpeg_2000
from pyramid.readers.vendors.nd2.old_frames import OldFrameReader, old_reader

UM = "micrometer"
POSITION, CHANNEL, SAMPLES = "P", "C", "S"  # letters of the library that are not loops of an image
PLANE = "YX"
MAX_TIMES = 10_000  # frames whose times are looked at: that takes a second
MAX_GAPS = 1000  # frames of an experiment for each one that is stored: a run that was stopped has fewer
Reader: TypeAlias = FrameReader | OldFrameReader
Wanted: TypeAlias = tuple[int, NDArray[Any]]  # the number of a frame, and its memory
RGB = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"))


def find_images(files: Sequence[SourceFile]) -> list[Nd2Image]:
    """Return the positions of an ND2, or its only image.

    Raises
    ------
    SourceError
        If the file is damaged, or the library is not installed.
    """
    (file,) = files
    nd2 = load_optional("nd2", "vendor", f"{file} is ND2")
    # Given an open file, the library lets one thread in at a time.
    held = _hold(file)
    try:
        opened, reader = _open(nd2, file, held)
        sizes = {str(letter): int(n) for letter, n in opened.sizes.items()}
        _check_count(opened)
        frames = _frames(opened)
        positions = sorted({position for position, _ in frames})
        images = [Nd2Image(file, opened, reader, position, len(positions), sizes, frames) for position in positions]
        _ = [(image.name, image.shape, image.dtype) for image in images]  # raises over damage
    except SourceError:
        raise
    except Exception as error:  # the library fails in many ways over damage
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise SourceError(f"{file} cannot be read as ND2: {reason}; {CUT_OFF}") from error
    return images


def _hold(file: SourceFile) -> io.BufferedReader[Any]:
    """Open a file that closes with the last image that reads it."""
    raw = file.open()
    if not isinstance(raw, io.FileIO):
        return io.BufferedReader(raw)
    # The object does not own the descriptor: as it is closed by nobody, Python would warn of it.
    with raw:
        descriptor = os.dup(raw.fileno())
    held = io.BufferedReader(io.FileIO(descriptor, closefd=False))
    weakref.finalize(held, os.close, descriptor)
    return held


def _open(nd2: Any, file: SourceFile, held: io.BufferedReader[Any]) -> tuple[Any, Reader]:  # noqa: ANN401
    """Return the library's object of a file and a reader of its frames."""
    if is_jpeg_2000(file):
        opened = nd2.ND2File(held)
        return opened, old_reader(file, opened)
    places = find_frames(file)  # which looks at metadata before the library unpacks it
    opened = nd2.ND2File(held)
    return opened, FrameReader(str(file), places, _layout(opened))


def _layout(opened: Any) -> Layout:  # noqa: ANN401
    """Return the form of the frames, or raise ValueError if it is not a possible one."""
    found = opened.attributes
    dtype = np.dtype(opened.dtype).newbyteorder("<")
    columns, components = int(found.widthPx or 1), int(found.componentCount)
    least = columns * components * dtype.itemsize
    row_bytes = int(found.widthBytes or least)
    if row_bytes < least or row_bytes % dtype.itemsize or not 0 < row_bytes * int(found.heightPx) <= MAX_FRAME_BYTES:
        raise ValueError(f"its frames have {found.heightPx} rows of {row_bytes} bytes, for {columns} pixels")
    is_packed = found.compressionType == "lossless"
    return Layout(int(found.heightPx), columns, components, row_bytes, dtype, is_packed)


def _check_count(opened: Any) -> None:  # noqa: ANN401
    """Raise ValueError if the loops have many more frames than the file."""
    wanted, count = math.prod(loop.count for loop in opened.experiment), opened.attributes.sequenceCount
    if wanted > MAX_GAPS * max(count, 1):
        raise ValueError(f"its loops have {wanted} frames, and the file {count}")


def _frames(opened: Any) -> dict[tuple[int, Shape], int]:  # noqa: ANN401  (nd2 is not typed here)
    """Return the number of each frame, by its position and its index on loops."""
    frames = {}
    for number, index in enumerate(opened.loop_indices or ({},)):
        loops = tuple(int(index[letter]) for letter in _loops(opened.sizes) if letter in index)
        frames[int(index.get(POSITION, 0)), loops] = number
    return frames


def _loops(sizes: Any) -> list[str]:  # noqa: ANN401
    return [letter for letter in sizes if letter not in (POSITION, CHANNEL, SAMPLES, *PLANE)]


@dataclass(eq=False)
class Nd2Image:
    """A position of an ND2.

    Parameters
    ----------
    file, opened, reader
        The file, the object of the library that has it open, and the reader of its frames.
    position, positions
        The number of the position, and how many there are.
    sizes
        Pixels by the library's letters, without those of one.
    frames
        The number of each frame, by position and index on the loops.
    """

    file: SourceFile
    opened: Any = field(repr=False)
    reader: Reader = field(repr=False)
    position: int
    positions: int
    sizes: dict[str, int]
    frames: dict[tuple[int, Shape], int] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the position; empty if the file has one image."""
        if self.positions == 1:
            return ""
        return self._point_name() or f"position {self.position}"

    def _point_name(self) -> str:
        for loop in self.opened.experiment:
            points = getattr(loop.parameters, "points", None)
            if points is not None and self.position < len(points):
                return str(points[self.position].name or "")
        return ""

    @property
    def _outer(self) -> list[str]:
        return _loops(self.sizes)

    @property
    def axes(self) -> str:
        """A letter for each dimension, in the order of a frame."""
        inner = [letter for letter in (CHANNEL, *PLANE, SAMPLES) if letter in self.sizes or letter in PLANE]
        return "".join(letter if len(letter) == 1 else "Q" for letter in (*self._outer, *inner))

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        inner = [letter for letter in (CHANNEL, *PLANE, SAMPLES) if letter in self.sizes or letter in PLANE]
        return tuple(self.sizes.get(letter, 1) for letter in (*self._outer, *inner))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the pixels."""
        return self.reader.dtype

    @property
    def chunks(self) -> Shape:
        """A frame, which is decoded as a whole, or all values of a pixel."""
        outer = len(self._outer)
        if not self.reader.is_whole:
            return tuple(1 if letter in PLANE or i < outer else self.shape[i] for i, letter in enumerate(self.axes))
        return (*(1 for _ in range(outer)), *self.shape[outer:])

    def describe(self) -> Description:
        """Return sizes, channels, place and interval of the position."""
        found = Description()
        try:
            self._describe(found)
        except Exception as error:  # the library fails in many ways over metadata that it does not know
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            found.notices.append(f"some of its metadata cannot be read, and is not taken: {reason}")
        with warnings.catch_warnings(), suppress(Exception):  # so it does over a file without times of its frames
            warnings.simplefilter("ignore")
            self._describe_frames(found)
        count, wanted = self._stored_count(), len(self.frames)
        if count < wanted:
            found.notices.append(
                f"the file has {count} frames of the {wanted} of its experiment, which was stopped; pixels of the "
                "others are 0"
            )
        return found

    def _stored_count(self) -> int:
        """Return how many of the experiment's frames are in the file."""
        return sum(number in self.reader.places for number in self.frames.values())

    def _describe(self, found: Description) -> None:
        found.measure("t", self._interval_s(), "second", "the period of the ND2")
        found.tell("acquired", (self.opened.text_info or {}).get("date"))
        channels = list(self.opened.metadata.channels or ())
        if channels:
            self._measure(found, channels[0].volume)
            found.channels = RGB if self.sizes.get(SAMPLES) == len(RGB) else tuple(map(_channel, channels))
            found.tell("objective", channels[0].microscope.objectiveName)

    def _describe_frames(self, found: Description) -> None:
        """Note the place of the first frame, and the time between frames."""
        (first,) = self._facts((0,) * len(self._outer))
        for axis, value in zip("xyz", first.position.stagePositionUm, strict=True):
            found.place(axis, value, UM)
        count = self.sizes.get("T", 1)
        if 1 < count <= MAX_TIMES:
            indices = [tuple(t if letter == "T" else 0 for letter in self._outer) for t in range(count)]
            times = [fact.time.relativeTimeMs / 1000 for index in indices for fact in self._facts(index)]
            measure_interval(found, times, "the ND2")

    def _facts(self, index: Shape) -> list[Any]:
        """Return what the library says of the first channel of a frame."""
        return list(self.opened.frame_metadata(self.frames[self.position, index]).channels[:1])

    def _measure(self, found: Description, volume: Any) -> None:  # noqa: ANN401
        size = self.opened.voxel_size()
        for axis, value, known in zip("xyz", (size.x, size.y, size.z), volume.axesCalibrated, strict=True):
            if axis in "xy" and not known:
                continue
            if axis != "z" or "Z" in self.sizes:
                found.measure(axis, positive(value), UM, "the calibration of the ND2")

    def _interval_s(self) -> float | None:
        """Return the seconds between time points; None if they are not even or not known."""
        for loop in self.opened.experiment:
            periods = getattr(loop.parameters, "periods", None) or [loop.parameters]
            if not loop.type.endswith("TimeLoop") or len(periods) > 1:
                continue
            period = positive(getattr(periods[0], "periodMs", None))
            mean = positive(getattr(getattr(periods[0], "periodDiff", None), "avg", None))
            if period or mean:
                return (period or mean or 0.0) / 1000
        return None

    def read(self, file: SourceFile, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the region `box`."""
        outer = len(self._outer)
        wanted = []
        ranges = (range(a, b) for a, b in zip(box.start[:outer], box.stop[:outer], strict=True))
        for index in itertools.product(*ranges):
            place = tuple(i - a for i, a in zip(index, box.start, strict=False))
            wanted.append((self.frames[self.position, index], out[place]))
        inner = Box(box.start[outer:], box.shape[outer:])
        self._read_frames(file, inner, wanted)

    def _read_frames(self, file: SourceFile, inner: Box, wanted: list[Wanted]) -> None:
        """Fill memory with channels, rows, columns and samples, without those of one."""
        has_channels, has_samples = CHANNEL in self.sizes, SAMPLES in self.sizes
        plane = slice(int(has_channels), int(has_channels) + len(PLANE))
        region = Box(inner.start[plane], inner.shape[plane])
        channels = inner.slices[0] if has_channels else slice(0, 1)
        samples = inner.slices[-1] if has_samples else slice(0, 1)
        pixel = (self.sizes.get(CHANNEL, 1), self.sizes.get(SAMPLES, 1))
        read = [(number, np.empty((*region.shape, math.prod(pixel)), view.dtype)) for number, view in wanted]
        self.reader.read(file, region, read)
        for (_, values), (_, view) in zip(read, wanted, strict=True):
            chosen = values.reshape(*region.shape, *pixel)[:, :, channels, samples]
            view[...] = chosen.transpose(2, 0, 1, 3).reshape(view.shape)


def _channel(channel: Any) -> Channel:  # noqa: ANN401
    meta = channel.channel
    return Channel(
        name=str(meta.name) or None,
        color=f"{meta.color.r & 255:02X}{meta.color.g & 255:02X}{meta.color.b & 255:02X}",
        emission_nm=positive(meta.emissionLambdaNm),
    )
