"""A source as of a plug-in whose read raises what no library of ours would."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, SourceSpec


class OddError(Exception):
    """Does not pickle: its constructor needs a keyword, and it holds a lock."""

    def __init__(self, code: int, *, strip: int) -> None:
        super().__init__(f"code {code} in strip {strip}")
        self.lock = threading.Lock()


class PanicError(BaseException):
    """As of a library in Rust."""


@dataclass(frozen=True)
class OddSource:
    """Planes of sevens, the last of which cannot be read in the way that `kind` names."""

    kind: str = "fine"
    planes: int = 3
    delay_s: float = 0.0

    @property
    def spec(self) -> SourceSpec:
        nothing = (None,) * 3
        return SourceSpec("zyx", (self.planes, 300, 400), "uint8", (1, 300, 400), nothing, nothing)

    def read(self, box: Box, out: NDArray[Any]) -> None:
        time.sleep(self.delay_s)
        out[...] = np.uint8(7)
        if box.stop[0] == self.planes:
            _fail(self.kind)


def _fail(kind: str) -> None:
    if kind == "odd":
        raise OddError(3, strip=4)
    if kind == "cause":
        try:
            raise OddError(3, strip=4)
        except OddError as error:
            raise ValueError("it is damaged") from error
    if kind == "panic":
        raise PanicError("called `Option::unwrap()` on a `None` value")
    if kind == "deep":
        _fail(kind)
    if kind == "memory":
        raise MemoryError
    if kind == "system":
        raise OSError(5, "Input/output error")
