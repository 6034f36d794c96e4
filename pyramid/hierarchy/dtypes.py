"""Dtypes as documents of arrays name them.

They are read without NumPy, since to import it takes longer than to read metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# Sizes of an item in bytes, of the kinds of dtype that both formats have; text and times are not pixels.
_ITEMSIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
_NAMES = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
_TYPESTR = re.compile(r"([<>|=]?)([biufc])(\d{1,2})")


@dataclass(frozen=True, slots=True)
class StoredDtype:
    """A dtype and the order of its bytes.

    Parameters
    ----------
    kind
        NumPy's letter of the kind: one of ``biufc``.
    itemsize
        Bytes of an item.
    big_endian
        True if the first byte of an item counts most.

    Examples
    --------
    >>> str(StoredDtype("u", 2)), str(StoredDtype("u", 2, big_endian=True)), StoredDtype("u", 1).typestr
    ('uint16', '>u2', '|u1')
    """

    kind: str
    itemsize: int
    big_endian: bool = False

    def __str__(self) -> str:
        """Return NumPy's name, or the type string where bytes are swapped."""
        return self.typestr if self.big_endian else self.name

    @property
    def name(self) -> str:
        """NumPy's name, without the order of bytes."""
        return _NAMES[self.kind] + ("" if self.kind == "b" else str(8 * self.itemsize))

    @property
    def typestr(self) -> str:
        """The type string of Zarr format 2, as ``<u2``."""
        order = "|" if self.itemsize == 1 else ">" if self.big_endian else "<"
        return f"{order}{self.kind}{self.itemsize}"

    def to_numpy(self) -> np.dtype[Any]:
        """Return the NumPy dtype."""
        import numpy as np  # noqa: PLC0415  (metadata needs none of it)

        return np.dtype(self.typestr)


_BY_NAME = {
    dtype.name: dtype for kind, sizes in _ITEMSIZES.items() for dtype in (StoredDtype(kind, size) for size in sizes)
}


def dtype_of_name(name: object) -> StoredDtype | None:
    """Return the dtype of a name in Zarr format 3; None if it is not for pixels.

    Examples
    --------
    >>> dtype_of_name("uint16")
    StoredDtype(kind='u', itemsize=2, big_endian=False)
    """
    return _BY_NAME.get(name) if isinstance(name, str) else None


def dtype_of_typestr(text: object) -> StoredDtype | None:
    """Return the dtype of a Zarr 2 type string; None if it is not for pixels.

    Examples
    --------
    >>> dtype_of_typestr(">f4")
    StoredDtype(kind='f', itemsize=4, big_endian=True)
    """
    match = _TYPESTR.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[3]) not in _ITEMSIZES[match[2]]:
        return dtype_of_name(text)
    itemsize = int(match[3])
    return StoredDtype(match[2], itemsize, match[1] == ">" and itemsize > 1)
