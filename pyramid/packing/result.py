"""The result of `pack` and of `unpack`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pyramid.tables import format_count


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive or a folder that was written.

    Parameters
    ----------
    source, target
        The paths or URLs, free of secrets.
    objects
        The number of objects.
    bytes
        The size of the archive that was written, or of the files.
    seconds
        The duration.
    """

    source: str
    target: str
    objects: int
    bytes: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Describe the result in one line.

        Examples
        --------
        >>> print(Packed("a.ome.zarr", "a.ozx", 12, 3_000_000, 0.5))
        a.ozx: 12 objects, 3.0 MB in 0.5 s
        """
        return (
            f"{self.target}: {format_count(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"
        )
