"""How a wave is computed by the schedulers of this process: threads, or what Dask's configuration names."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import dask
import numpy as np
from dask.callbacks import Callback

from pyramid.machine import leave_signals
from pyramid.planning import Room
from pyramid.receipt import Receipt
from pyramid.wave import Receipts

ATTEMPTS = 4


class _Watch(Callback):  # type: ignore[misc]  # dask is not typed
    """Hands over each receipt once, when its task ends; Dask calls it in the thread that computes.

    The task that joins the wave's blocks shows their receipts a second time.
    """

    def __init__(self, on_receipt: Callable[[Receipt], None]) -> None:
        super().__init__(posttask=self._after)
        self._on_receipt = on_receipt
        self._seen: set[int] = set()

    def _after(self, _key: object, result: object, *_state: Any) -> None:
        if not isinstance(result, np.ndarray) or result.dtype != object or not isinstance(result.flat[0], Receipt):
            return
        receipt = result.flat[0]
        if receipt.block not in self._seen:
            self._seen.add(receipt.block)
            self._on_receipt(receipt)


@dataclass(frozen=True)
class LocalRunner:
    """Runs waves on threads, or as ``dask.config.set(scheduler=...)`` says.

    Parameters
    ----------
    workers
        How many threads.
    """

    workers: int

    @property
    def attempts(self) -> int:
        """How often a task tries: these schedulers repeat nothing."""
        return ATTEMPTS

    @property
    def elsewhere(self) -> bool:
        """Where Dask is told to use processes."""
        return dask.config.get("scheduler", None) in ("processes", "multiprocessing")

    def fitted(self, room: Room) -> LocalRunner:
        """As many threads as blocks are under way at once."""
        return LocalRunner(room.tasks)

    def run(self, wave: Receipts, on_receipt: Callable[[Receipt], None], stop: Callable[[], None]) -> None:
        """Compute the wave. On Ctrl-C or a failure, blocks under way end at their next chunk, and no other is begun."""
        executor = ThreadPoolExecutor(self.workers, thread_name_prefix="pyramid", initializer=leave_signals)
        try:
            with _Watch(on_receipt):
                # An executor, not the name of a scheduler: for a name, Dask would import distributed.
                dask.compute(wave, scheduler=dask.config.get("scheduler", None) or executor)
        except BaseException:
            stop()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def release(self) -> None:
        """Nothing is left to do: what threads of this process keep ends with the run."""
