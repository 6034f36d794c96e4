"""NumPy arrays as a `Source`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.options.series import check_one_image
from pyramid.readers.axes import FILL_REMEDY
from pyramid.readers.fingerprint import END_BYTES, digest
from pyramid.readers.labelled import Labelled, describe_array, plain_notices, unlabel
from pyramid.readers.recognition import recognized_by, recognizes_nothing

if TYPE_CHECKING:
    from pyramid.options.convert import Options


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """An array in memory, with axes in canonical order. Pickling it pickles the array."""

    spec: SourceSpec
    array: NDArray[Any]

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Copy the pixels of `box`, in native byte order."""
        out[...] = self.array[box.slices]

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of the first and the last pixels."""
        count = END_BYTES // self.array.itemsize
        return {
            "pixels": digest(np.asarray(part).tobytes() for part in (self.array.flat[:count], self.array.flat[-count:]))
        }


@recognized_by(recognizes_nothing)
def open_array(source: object, options: Options) -> ArraySource | None:
    """Open a NumPy array.

    Returns
    -------
    ArraySource | None
        None for anything else.

    Raises
    ------
    SourceError
        For an array that is not an image.
    """
    labelled = unlabel(source)
    if not isinstance(labelled.array, np.ndarray):
        return None
    check_one_image(options.series, "an array")
    return _open_ndarray(labelled, options)


def _open_ndarray(labelled: Labelled, options: Options) -> ArraySource:
    array: NDArray[Any] = labelled.array
    if isinstance(array, np.ma.MaskedArray):
        raise SourceError(f"a masked array would lose its mask; {FILL_REMEDY}")
    spec, order = describe_array(labelled, array.shape, array.dtype, options.axes, options.scale or ())
    canonical = np.asarray(array).transpose([order.letters.index(axis) for axis in order.axes])
    return ArraySource(replace(spec, notices=(*spec.notices, *plain_notices(array))), canonical)
