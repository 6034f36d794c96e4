"""A source whose pixels take a while, or hang at one plane on the first worker that reads it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, SourceSpec


@dataclass(frozen=True)
class SlowSource:
    """A stack whose pixels follow from their place.

    Parameters
    ----------
    planes
        Extent along z.
    folder
        Where a reading that hangs leaves a file ``hung``.
    delay_s
        Seconds that a reading takes.
    hangs_at
        The plane at which a reading hangs; -1 for none.
    hang_s
        For how long.
    always
        Whether every reading of that plane hangs, not only the first.
    """

    planes: int
    folder: str
    delay_s: float = 0.1
    hangs_at: int = -1
    hang_s: float = 600.0
    always: bool = False

    @property
    def spec(self) -> SourceSpec:
        shape = (self.planes, 128, 128)
        return SourceSpec("zyx", shape, "uint16", (1, 128, 128), (None,) * 3, (None,) * 3, location=None, name="slow")

    def read(self, box: Box, out: NDArray[Any]) -> None:
        time.sleep(self.delay_s)
        marker = Path(self.folder) / "hung"
        if box.start[0] <= self.hangs_at < box.start[0] + box.shape[0] and (self.always or not marker.exists()):
            marker.touch()
            time.sleep(self.hang_s)
        z, y, x = (np.arange(a, a + n, dtype="uint16") for a, n in zip(box.start, box.shape, strict=True))
        out[...] = z[:, None, None] * 7 + y[:, None] * 3 + x
