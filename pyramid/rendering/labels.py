"""Label values as colours that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The factor that spreads neighbouring values over all hues: 2^32 over the golden ratio, as an odd number.
_SPREAD = np.uint64(2654435769)


def color_labels(plane: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a bright colour for each label value, and black for 0.

    Parameters
    ----------
    plane
        Label values (y, x), of a dtype of integers or bool.

    Returns
    -------
    numpy.ndarray
        (y, x, 3), uint8. Equal values have equal colours.

    Examples
    --------
    >>> import numpy as np
    >>> color_labels(np.array([[0, 1, 2, 1]]))[0].tolist()
    [[0, 0, 0], [0, 74, 255], [149, 255, 0], [0, 74, 255]]
    """
    values = plane.astype(np.int64).astype(np.uint64)
    sixths = (values * _SPREAD % np.uint64(2**32)).astype(np.float64) * (6 / 2**32)
    # The distance of the hue from red, green and blue, which are two sixths apart on its circle.
    away = np.abs((sixths[..., np.newaxis] - (0, 2, 4) + 3) % 6 - 3)
    colors: NDArray[np.uint8] = np.rint((2 - away).clip(0, 1) * 255).astype(np.uint8)
    colors[values == 0] = 0
    return colors
