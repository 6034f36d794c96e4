"""ND2 of Nikon, whose frames the library nd2 reads.

A frame holds all channels of one plane. Each position of the stage is an image of its own.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import warnings
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Channel, Shape
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.intervals import measure_interval
from pyramid.readers.optional import load_optional
from pyramid.readers.tiff.description import Description, positive

UM = "micrometer"
POSITION, CHANNEL, SAMPLES = "P", "C", "S"  # letters of the library that are not loops of an image
PLANE = "YX"
MAX_TIMES = 10_000  # frames whose times are looked at: that takes a second
MAX_GAPS = 1000  # frames of an experiment for each one that is stored: a run that was stopped has fewer
RGB = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"))


def find_images(file: SourceFile) -> list[Nd2Image]:
    """Return the positions of an ND2, or its only image.

    Raises
    ------
    SourceError
        If the file is damaged, or the library is not installed.
    """
    nd2 = load_optional("nd2", "vendor", f"{file} is ND2")
    # Given an open file, the library lets one thread in at a time.
    held = _hold(file)
    try:
        opened = nd2.ND2File(held)
        sizes = {str(letter): int(n) for letter, n in opened.sizes.items()}
        _check_count(opened)
        frames = _frames(opened)
        positions = sorted({position for position, _ in frames})
        images = [Nd2Image(file, opened, position, len(positions), sizes, frames) for position in positions]
        _ = [(image.name, image.shape, image.dtype) for image in images]  # raises over damage
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
    file, opened
        The file, and the object of the library that has it open.
    position, positions
        The number of the position, and how many there are.
    sizes
        Pixels by the library's letters, without those of one.
    frames
        The number of each frame, by position and index on the loops.
    """

    file: SourceFile
    opened: Any = field(repr=False)
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
        found: np.dtype[Any] = np.dtype(self.opened.dtype)
        return found

    @property
    def chunks(self) -> Shape:
        """A frame, which the library reads as a whole."""
        outer = len(self._outer)
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
        count, wanted = self.opened.attributes.sequenceCount, len(self.frames)
        if count < wanted:
            found.notices.append(
                f"the file has {count} frames of the {wanted} of its experiment, which was stopped; pixels of the "
                "others are 0"
            )
        return found

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
        file.open().close()  # raises if the file has changed
        outer = len(self._outer)
        inner = Box(box.start[outer:], box.shape[outer:])
        for index in itertools.product(
            *(range(a, b) for a, b in zip(box.start[:outer], box.stop[:outer], strict=True))
        ):
            number = self.frames[self.position, index]
            frame = np.asarray(self.opened.read_frame(number))
            shape = self.shape[outer:]
            if frame.size != np.prod(shape) or frame.squeeze().shape != tuple(n for n in shape if n > 1):
                raise SourceError(f"{self.file}: frame {number} has the shape {frame.shape}, not {shape}; {DAMAGED}")
            view = out[tuple(i - a for i, a in zip(index, box.start, strict=False))]
            view[...] = frame.reshape(shape)[inner.slices]


def _channel(channel: Any) -> Channel:  # noqa: ANN401
    meta = channel.channel
    return Channel(
        name=str(meta.name) or None,
        color=f"{meta.color.r & 255:02X}{meta.color.g & 255:02X}{meta.color.b & 255:02X}",
        emission_nm=positive(meta.emissionLambdaNm),
    )
