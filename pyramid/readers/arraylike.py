"""Any other object with ``shape``, ``dtype`` and ``[...]``.

They are arrays of tensorstore, h5py, Zarr 2, imageio and other libraries. They are read by region.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import PyramidError, SourceError, short_repr
from pyramid.model import Box, Shape, SourceSpec
from pyramid.options.series import check_one_image
from pyramid.readers.axes import FILL_REMEDY, AxisOrder
from pyramid.readers.labelled import describe_array, unlabel
from pyramid.readers.recognition import recognized_by, recognizes_nothing

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# Packages whose arrays any thread may read at the same time as others.
THREAD_SAFE = frozenset({"tensorstore", "zarr", "h5py"})
MAX_REASON_CHARACTERS = 300  # of another library's error


@dataclass(frozen=True, slots=True, eq=False)
class ArrayLikeSource:
    """An object that is read as an array is.

    It pickles if the object does.

    Parameters
    ----------
    spec, order
        What is known before a pixel is read, and the axis of each of its dimensions.
    array
        The object.
    """

    spec: SourceSpec
    order: AxisOrder
    array: Any
    _reading: Any = field(default_factory=threading.Lock, repr=False)

    def __reduce__(self) -> tuple[type[ArrayLikeSource], tuple[SourceSpec, AxisOrder, Any]]:
        if _is_private(self.array):
            raise SourceError(
                f"{describe_kind(self.array)} is in the memory of this process, where other processes cannot read it; "
                "give numpy.asarray of it, or store it"
            )
        return ArrayLikeSource, (self.spec, self.order, self.array)

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Reads wait for each other, unless the object is known to allow several.

        Raises
        ------
        SourceError
            If the object raises an error, or returns pixels of another shape or type.
        """
        for part, view in self.order.pieces(box, out):
            if package_of(self.array) in THREAD_SAFE:
                self._read(part, view)
            else:
                with self._reading:
                    self._read(part, view)

    def _read(self, part: Box, view: NDArray[Any]) -> None:
        where = f"{describe_kind(self.array)}: the region from {part.start} to {part.stop}"
        try:
            pixels: Any = np.asanyarray(self.array[part.slices])
        except PyramidError:
            raise
        except Exception as error:  # another library's, of any kind
            reason = " ".join(str(error).split())[:MAX_REASON_CHARACTERS] or type(error).__name__
            raise SourceError(f"{where} cannot be read: {reason}; check the object") from error
        if pixels.shape != part.shape:
            raise SourceError(
                f"{where} has the shape {pixels.shape}, not {part.shape}; give numpy.asarray of the object"
            )
        if np.dtype(pixels.dtype).newbyteorder("=") != np.dtype(self.spec.dtype):
            raise SourceError(f"{where} has the dtype {pixels.dtype}, and the object says {self.spec.dtype}; check it")
        if isinstance(pixels, np.ma.MaskedArray) and np.ma.is_masked(pixels):
            raise SourceError(f"{where} is masked, and would lose its mask; {FILL_REMEDY}")
        view[...] = pixels


@recognized_by(recognizes_nothing)
def open_arraylike(source: object, options: Options) -> ArrayLikeSource | None:
    """Open an object that has a shape, a dtype and ``[...]``.

    Returns
    -------
    ArrayLikeSource | None
        None for anything else, and for classes.

    Raises
    ------
    SourceError
        If it is not an image.
    """
    labelled = unlabel(source)
    array = labelled.array
    if isinstance(array, type | str | bytes) or not all(
        hasattr(array, name) for name in ("shape", "dtype", "__getitem__")
    ):
        return None
    found = _shape_and_dtype(array)
    if found is None:
        return None
    check_one_image(options.series, "an array")
    shape, dtype = found
    if not labelled.dimensions:
        labelled = replace(labelled, dimensions=_names(array, len(shape)))
    spec, order = describe_array(labelled, shape, dtype, options.axes, options.scale or ())
    at_once = order.by_axis(_chunks(array, shape))
    chunks = tuple(max(1, min(n, c)) for n, c in zip(spec.shape, at_once, strict=True))
    return ArrayLikeSource(replace(spec, chunks=chunks), order, array)


open_arraylike.priority = -10  # type: ignore[attr-defined]  # after all that know their kind


def package_of(array: object) -> str:
    """Return the name of the package that an object's class is of."""
    return type(array).__module__.partition(".")[0]


def describe_kind(array: object) -> str:
    """Return how messages name an object."""
    return f"the {type(array).__module__}.{type(array).__qualname__}"


def _is_private(array: Any) -> bool:  # noqa: ANN401
    """Return whether an object pickles without its pixels, as in-memory tensorstores."""
    with suppress(Exception):
        store = array.spec().to_json().get("kvstore") if package_of(array) == "tensorstore" else None
        return store is not None and (store if isinstance(store, str) else store.get("driver", "")).startswith("memory")
    return False


def _shape_and_dtype(array: Any) -> tuple[Shape, np.dtype[Any]] | None:  # noqa: ANN401
    """Return shape and dtype of an object; None where they are not those of an array."""
    try:
        shape = tuple(int(n) for n in array.shape)
    except (TypeError, ValueError):
        return None
    dtype = getattr(array.dtype, "numpy_dtype", array.dtype)
    try:
        return shape, np.dtype(dtype)
    except TypeError as error:
        raise SourceError(
            f"{describe_kind(array)} has the dtype {short_repr(array.dtype)}, unknown to NumPy; convert it first"
        ) from error


def _names(array: Any, dimensions: int) -> tuple[object, ...]:  # noqa: ANN401
    """Return the names that an object gives all its dimensions, or none."""
    names: Any = ()
    with suppress(Exception):
        names = array.domain.labels if package_of(array) == "tensorstore" else getattr(array, "dims", ())
        names = tuple(getattr(name, "label", name) for name in names)
    usable = isinstance(names, tuple) and len(names) == dimensions and all(isinstance(n, str) and n for n in names)
    return names if usable else ()


def _chunks(array: Any, shape: Shape) -> Shape:  # noqa: ANN401
    """Return the pixels that an object decodes at once; 1 where it does not say."""
    with suppress(Exception):
        chunks: Any = getattr(array, "chunks", None)
        if chunks is None and package_of(array) == "tensorstore":
            chunks = array.chunk_layout.read_chunk.shape
        found = tuple(int(max(c)) if isinstance(c, tuple | list) else int(c) for c in chunks)
        if len(found) == len(shape) and min(found) > 0:
            return found
    return (1,) * len(shape)
