"""Decoders of whole strips and tiles, straight into the memory of a block.

tifffile's decoders return new memory for each segment. That is copied once more, and costs more than the decoding where
segments are small, as strips of one row are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

# Fills pixels of shape (rows, width, samples) from segments of so many rows, one after the other; the last may have
# fewer. Returns False, with pixels that are not to be used, if tifffile has to decode the segments, or to say what is
# wrong with one.
DirectDecoder: TypeAlias = Callable[["Iterable[bytes | memoryview]", int, NDArray[Any]], bool]

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views
# TIFF's numbers of the compressions that yield plain bytes.
_DECODERS: dict[int, Callable[..., Any]] = {
    5: _imagecodecs.lzw_decode,
    8: _imagecodecs.deflate_decode,
    32946: _imagecodecs.deflate_decode,
    34926: _imagecodecs.zstd_decode,
    50000: _imagecodecs.zstd_decode,
}
# TIFF's numbers of the predictors: none, and horizontal differences.
_NONE, _HORIZONTAL = 1, 2


def direct_decoder(page: tifffile.TiffPage, dtype: np.dtype[Any]) -> DirectDecoder | None:
    """Return the decoder of a page's segments; None if only tifffile has one."""
    decode = _DECODERS.get(page.compression)
    known = page.fillorder == 1 and page.predictor in (_NONE, _HORIZONTAL) and not page.is_subsampled
    if decode is None or not known or page.bitspersample != dtype.itemsize * 8 or not dtype.isnative:
        return None
    if dtype.kind not in "iuf" or (page.predictor == _HORIZONTAL and dtype.kind == "f"):
        return None
    has_differences = page.predictor == _HORIZONTAL

    def fill(segments: Iterable[bytes | memoryview], rows: int, out: NDArray[Any]) -> bool:
        if not (out.flags.c_contiguous or (rows == 1 and out[0].flags.c_contiguous)):
            return False
        lines = out.reshape(len(out), -1).view(np.uint8)
        parts = lines if rows == 1 else (lines[i : i + rows].reshape(-1) for i in range(0, len(out), rows))
        try:
            for encoded, part in zip(segments, parts, strict=True):
                if len(decode(encoded, out=part)) != len(part):
                    return False
        except Exception:  # tifffile repairs some, and names what is wrong with others
            return False
        if has_differences:
            _imagecodecs.delta_decode(out, axis=-2, out=out)
        return True

    return fill
