"""The frames of an old ND2, whose channels are pictures of JPEG 2000.

A file is boxes, as those of JPEG 2000, and a map of them at its end. A picture must have the size that the file gives
its frames, which is compared before it is decoded.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.decoding.pictures import check_size, jpeg_2000_size, most_encoded_bytes
from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.files.raw_array import ByteFile, read_exactly
from pyramid.readers.vendors.nd2.frames import MAX_FRAME_BYTES, MAX_MAP_BYTES

_END = struct.Struct("<32sQ")  # of the file: a name, and the bytes from the map on
_END_NAME = b"LABORATORY IMAGING ND BOX MAP 00"
_COUNT = struct.Struct(">I")  # of the boxes in the map
_ITEM = struct.Struct("<4s4sI4x")  # of the map: two names of a box, and its place
_BOX = struct.Struct(">I4s")
_PICTURE = b"LUNK"  # the name of boxes that hold pictures
_imagecodecs: Any = imagecodecs  # its annotations do not accept memory views


@dataclass(eq=False)
class OldFrameReader:
    """A reader of frames, which remembers where their pictures are.

    Any thread may use it.

    Parameters
    ----------
    name
        The file for errors.
    places
        The first bytes of the boxes of each frame, one a channel.
    shape
        Rows, columns, channels, and samples of each.
    dtype
        Dtype of a value.
    """

    name: str
    places: Mapping[int, Sequence[int]] = field(repr=False)
    shape: Shape
    dtype: np.dtype[Any]
    _spans: dict[int, Span] = field(default_factory=dict, repr=False)

    @property
    def is_whole(self) -> bool:
        """True if a frame is decoded as a whole."""
        return True

    def read(self, file: SourceFile, region: Box, wanted: Sequence[tuple[int, NDArray[Any]]]) -> None:
        """Fill memory with a region of some frames, as `FrameReader.read` does."""
        for number, view in wanted:
            if number not in self.places:
                view[...] = 0
        there = [(number, view) for number, view in wanted if number in self.places]
        places = [place for number, _ in there for place in self.places[number]]
        self._find(file, places)
        rows, columns = region.slices
        with file.reading(self._spans[place] for place in places) as files:
            for number, view in there:
                values = view.reshape(*view.shape[:2], *self.shape[2:])
                for channel, place in enumerate(self.places[number]):
                    picture = self._decode(files[str(file)], number, self._spans[place])
                    values[:, :, channel] = picture[rows, columns]

    def _find(self, file: SourceFile, places: Sequence[int]) -> None:
        """Find pictures by the heads of their boxes."""
        unknown = [place for place in places if place not in self._spans]
        if not unknown:
            return
        head = np.empty(_BOX.size, np.uint8)
        most_bytes = most_encoded_bytes(math.prod(self._plane) * self.dtype.itemsize)
        with file.reading([Span(place, place + _BOX.size) for place in unknown]) as files:
            for place in unknown:
                read_exactly(files[str(file)], place, head)
                size_bytes, _ = _BOX.unpack(head.tobytes())
                if not _BOX.size <= size_bytes <= most_bytes:
                    raise SourceError(
                        f"{self.name}: the picture at byte {place} has {size_bytes} bytes, as no frame has; {DAMAGED}"
                    )
                self._spans[place] = Span(place + _BOX.size, place + size_bytes)

    @property
    def _plane(self) -> Shape:
        """Rows, columns and samples of a picture."""
        return (*self.shape[:2], self.shape[3])

    def _decode(self, file: ByteFile, number: int, span: Span) -> NDArray[Any]:
        data = np.empty(span.stop - span.start, np.uint8)
        read_exactly(file, span.start, data)
        try:
            check_size(jpeg_2000_size(data.data), math.prod(self._plane))
            pixels: NDArray[Any] = _imagecodecs.jpeg2k_decode(data)
            if (
                pixels.size != math.prod(self._plane)
                or pixels.shape[:2] != self.shape[:2]
                or pixels.dtype != self.dtype
            ):
                raise DecodeError(f"it has the shape {pixels.shape} and the dtype {pixels.dtype}")
        except Exception as error:  # the decoder raises errors of its own
            raise SourceError(
                f"{self.name}: frame {number} is not of {self._plane} values (rows, columns, samples) of {self.dtype}: "
                f"{error}; {DAMAGED}"
            ) from error
        return pixels.reshape(self._plane)


def old_reader(file: SourceFile, opened: Any) -> OldFrameReader:  # noqa: ANN401
    """Return the reader of the frames of a file that the library has opened.

    Raises
    ------
    SourceError, ValueError
        If the map of boxes is damaged, or frames have no possible form.
    """
    found = opened.attributes
    channels, samples = int(found.channelCount or 1), int(opened.components_per_channel)
    dtype = np.min_scalar_type((1 << max(1, min(int(found.bitsPerComponentInMemory), 64))) - 1)
    shape = (int(found.heightPx), int(found.widthPx or 1), channels, samples)
    if min(shape) < 1 or math.prod(shape) * dtype.itemsize > MAX_FRAME_BYTES:
        raise ValueError(f"its frames have {shape} rows, columns, channels and samples")
    pictures = _find_pictures(file)
    places = {n: pictures[n * channels : (n + 1) * channels] for n in range(len(pictures) // channels)}
    return OldFrameReader(str(file), places, shape, dtype)


def _find_pictures(file: SourceFile) -> list[int]:
    """Return the first byte of each picture, in the order of frames and channels."""
    with file.open() as raw:
        size_bytes = raw.seek(0, io.SEEK_END)
        stream = io.BufferedReader(raw)
        stream.seek(max(0, size_bytes - _END.size))
        end = stream.read(_END.size)
        name, map_bytes = _END.unpack(end) if len(end) == _END.size else (b"", 0)
        data = b""
        if name == _END_NAME and _COUNT.size <= map_bytes <= min(size_bytes, MAX_MAP_BYTES):
            stream.seek(size_bytes - map_bytes)
            data = stream.read(map_bytes)
    (count,) = _COUNT.unpack(data[: _COUNT.size]) if data else (0,)
    if not 0 < count <= (len(data) - _COUNT.size) // _ITEM.size:
        raise SourceError(f"{file} cannot be read as ND2: it has no map of its boxes at its end; {CUT_OFF}")
    items = (_ITEM.unpack_from(data, _COUNT.size + i * _ITEM.size) for i in range(count))
    return [place for _, name, place in items if name == _PICTURE]
