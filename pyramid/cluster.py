"""Clusters of dask-distributed: found, reached, measured, and given waves.

Only a process that uses a cluster imports ``distributed``: it costs more than a second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.block import process_buffers
from pyramid.errors import OptionError, StoppedError
from pyramid.planning import Room
from pyramid.receipt import Receipt
from pyramid.wave import Receipts

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.options import Options

RETRIES = 3
CONNECT_S = 30
# The share of a worker's memory that its tasks may hold: from 60 % on a worker of distributed begins to spill.
MEMORY_SHARE = 0.4


@contextmanager
def find_client(options: Options) -> Iterator[Client | None]:
    """The client of the cluster that a run is to use, None for none.

    It is the one that the options name, closed afterwards, or the one that is active in this process.

    Raises
    ------
    OptionError
        Where the cluster that is named cannot be reached, or ``distributed`` is not installed.
    """
    if options.scheduler is None and options.scheduler_file is None:
        yield _active_client()
        return
    if options.scheduler is not None and options.scheduler_file is not None:
        raise OptionError("scheduler: give an address or a scheduler_file, not both")
    if options.scheduler_file is not None and not os.access(options.scheduler_file, os.R_OK):
        # The client would wait for the file for ever.
        raise OptionError(f"scheduler_file: {options.scheduler_file} cannot be read; start the scheduler first")
    try:
        from distributed import Client  # noqa: PLC0415  (dear, and an extra)
    except ModuleNotFoundError:
        raise OptionError("scheduler: distributed is not installed; pip install 'ome-pyramid[distributed]'") from None
    where = {"address": options.scheduler} if options.scheduler else {"scheduler_file": options.scheduler_file}
    try:
        client = Client(**where, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OptionError(f"scheduler: {', '.join(filter(None, where.values()))} does not answer: {error}") from error
    with client:
        yield client


def _active_client() -> Client | None:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def cluster_room(client: Client, memory_bytes: int | None) -> Room:
    """Workers and memory of a cluster; `memory_bytes` is for all threads of one machine together.

    Raises
    ------
    OptionError
        Where the cluster has no worker.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if not workers:
        raise OptionError("scheduler: the cluster has no worker; start some, then convert")
    threads_of_host: dict[str, int] = {}
    for worker in workers:
        threads_of_host[worker["host"]] = threads_of_host.get(worker["host"], 0) + worker["nthreads"]
    if memory_bytes is not None:
        task_bytes = memory_bytes // max(threads_of_host.values())
    else:
        task_bytes = min(int(worker["memory_limit"] * MEMORY_SHARE) // worker["nthreads"] for worker in workers)
    threads = sum(threads_of_host.values())
    return Room(threads, task_bytes * threads)


def _release() -> None:
    process_buffers().release()


@dataclass(frozen=True)
class ClusterRunner:
    """Runs waves on a cluster; a block that fails is done again by the scheduler."""

    client: Client

    @property
    def attempts(self) -> int:
        """Once: the scheduler repeats what fails, on another worker where there is one."""
        return 1

    @property
    def elsewhere(self) -> bool:
        """Always: what workers are given is pickled."""
        return True

    def fitted(self, room: Room) -> ClusterRunner:
        """As it is: a cluster's threads are what they are."""
        del room
        return self

    def run(self, wave: Receipts, on_receipt: Callable[[Receipt], None], stop: Callable[[], None]) -> None:
        """Compute the wave. On Ctrl-C or a failure, what has not begun is taken back; workers end what they do."""
        del stop  # it reaches this process alone
        from distributed import as_completed, futures_of  # noqa: PLC0415  (imported with the client)
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        futures = futures_of(self.client.persist(wave, retries=RETRIES))
        try:
            for _, result in as_completed(futures, loop=self.client.loop, with_results=True):
                on_receipt(result.flat[0])
        except KilledWorker as error:
            raise StoppedError(f"a block ended the workers it ran on, which points at their memory: {error}") from error
        finally:
            unfinished = [future for future in futures if not future.done()]
            self.client.cancel(unfinished)

    def release(self) -> None:
        """Give back the memory that the workers have kept."""
        self.client.run(_release)
