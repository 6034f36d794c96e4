"""A plate that a file describes: which of its images is in which well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class WellImage:
    """An image of a well.

    Parameters
    ----------
    number
        The number of the image in its file, from 0.
    row, column
        Names of the row and the column of the well.
    name
        Its name in the well, of letters and digits.
    acquisition
        The number of the pass over the plate; None if there are not any.
    form
        Extents and dtype of its pixels, as the file says them.
    """

    number: int
    row: str
    column: str
    name: str
    acquisition: int | None = None
    form: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FilePlate:
    """A plate in a file.

    Parameters
    ----------
    name
        Its name; empty where it has none.
    rows, columns
        Names of all rows and columns, in order.
    images
        Those that are in a well.
    acquisitions
        Names by number.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    images: tuple[WellImage, ...]
    acquisitions: Mapping[int, str] = field(default_factory=dict)


@runtime_checkable
class HasPlate(Protocol):
    """A source whose file may describe a plate."""

    def plate(self) -> FilePlate | None:
        """Return the plate; None if the file describes none."""
        ...
