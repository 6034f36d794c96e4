"""The time of each block of a run, and its worker: a bounded number of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyramid.engine.receipt import Receipt

# The most blocks that are kept. A chart of more would show no more, and a report would be megabytes.
MAX_BLOCKS = 1000


class Span(NamedTuple):
    """The time in which a worker did a block.

    Parameters
    ----------
    worker
        Process and thread, unique on one machine.
    began_s, ended_s
        Seconds since 1970. Clocks of several machines may differ.
    """

    worker: str
    began_s: float
    ended_s: float


def measure_span(began_s: float) -> Span:
    """Return the span of a block that this thread has just done."""
    node = os.uname().nodename if hasattr(os, "uname") else ""
    return Span(f"{node}:{os.getpid()}:{threading.current_thread().name}", began_s, time.time())


@dataclass
class Timeline:
    """Blocks of a run in the order in which they ended.

    Of more than `MAX_BLOCKS` each second one is kept, then each fourth, and so on.

    Parameters
    ----------
    started_s
        Begin of the run, in seconds since 1970.
    """

    started_s: float = field(default_factory=time.time)
    every: int = 1
    _seen: int = 0
    _blocks: list[tuple[int, Receipt]] = field(default_factory=list)

    def add(self, pass_number: int, receipt: Receipt) -> None:
        """Note a block that is done."""
        if receipt.span is not None and self._seen % self.every == 0:
            # Without its entries and extremes, of which a block may have thousands.
            self._blocks.append((pass_number, replace(receipt, entries=(), extremes=(), stored=())))
            if len(self._blocks) > MAX_BLOCKS:
                self._blocks, self.every = self._blocks[::2], self.every * 2
        self._seen += 1

    def to_dict(self) -> dict[str, Any]:
        """Return the blocks for JSON, their workers numbered as they first ended one."""
        return {"every": self.every, "blocks": list(self._rows())}

    def _rows(self) -> Iterator[dict[str, Any]]:
        workers: dict[str, int] = {}
        for pass_number, receipt in self._blocks:
            span = receipt.span
            assert span is not None  # only such receipts are kept
            times = receipt.times._asdict() if receipt.times is not None else {}
            yield {
                "pass": pass_number,
                "block": receipt.block,
                "worker": workers.setdefault(span.worker, len(workers)),
                "start": round(max(0.0, span.began_s - self.started_s), 4),
                "end": round(max(0.0, span.ended_s - self.started_s), 4),
                "source_bytes": receipt.source_bytes,
                **{name.removesuffix("_s"): round(seconds, 4) for name, seconds in times.items()},
            }
