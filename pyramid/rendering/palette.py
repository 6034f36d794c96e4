"""The colours of label values: those of the metadata, else one for each value."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyramid.ngff.metadata import Rgba

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The odd factor that spreads label values over all hues: the golden ratio of 2^32.
_GOLDEN = 2654435769
_WORD = 2**64


@dataclass(frozen=True)
class Palette:
    """Colours by label value.

    Parameters
    ----------
    colors
        Red, green, blue and opacity of the values that have a colour.
    """

    colors: Mapping[int, Rgba]

    def paint(self, plane: NDArray[Any]) -> NDArray[np.uint8]:
        """Return a colour for each label value.

        Parameters
        ----------
        plane
            Label values (y, x).

        Returns
        -------
        numpy.ndarray
            (y, x, 4), uint8: red, green, blue and opacity. Equal values have equal colours; 0 is transparent, unless
            it has a colour.
        """
        import numpy as np  # noqa: PLC0415  (not before tiles are asked for)

        with np.errstate(invalid="ignore"):  # floats that no label can be have some colour
            values = plane.astype(np.int64).astype(np.uint64) if plane.dtype.kind != "u" else plane.astype(np.uint64)
        hue = ((values * np.uint64(_GOLDEN)) & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32 * 6
        rising = np.stack([np.abs(hue - 3) - 1, 2 - np.abs(hue - 2), 2 - np.abs(hue - 4)], -1).clip(0, 1)
        opaque = np.where(values == 0, 0, 255)[..., np.newaxis]
        painted = np.concatenate([np.rint(rising * 255), opaque], -1).astype(np.uint8)
        if self.colors:
            known, colors = self._table
            at = np.searchsorted(known, values).clip(max=len(known) - 1)
            given = known[at] == values
            painted[given] = colors[at[given]]
        return painted

    def paint_opaque(self, plane: NDArray[Any]) -> NDArray[np.uint8]:
        """Return a colour (y, x, 3) for each label value, on black."""
        import numpy as np  # noqa: PLC0415  (as above)

        painted = self.paint(plane)
        shown: NDArray[np.uint8] = np.rint(painted[..., :3] * (painted[..., 3:] / 255)).astype(np.uint8)
        return shown

    @functools.cached_property
    def _table(self) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Values in order, as they are in 64 bits, and their colours."""
        import numpy as np  # noqa: PLC0415  (as above)

        rows = sorted((value % _WORD, color) for value, color in self.colors.items())
        return np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows], np.uint8)
