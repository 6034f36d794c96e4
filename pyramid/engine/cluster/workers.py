"""The workers of a cluster, their threads and their memory."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyramid.engine.cluster.waiting import Vigil, ask_workers
from pyramid.errors import OptionError, list_some
from pyramid.planning import Resources
from pyramid.planning.resources import LIMIT_SHARE, show_memory

if TYPE_CHECKING:
    from distributed import Client

# Seconds between two looks for workers: a wait of this length is not noticed.
LOOK_S = 0.2
# Workers that an error names: a cluster may have hundreds.
MAX_NAMED = 3


def await_workers(client: Client) -> Mapping[str, Any]:
    """Wait for the first worker of a cluster, and return its workers by address.

    Raises
    ------
    OptionError
        If no worker can come.
    """
    vigil = Vigil(client, OptionError)
    while not vigil.look(workers := ask_workers(client)):
        time.sleep(LOOK_S)
    return workers


def check_limits(workers: Mapping[str, Any], block_bytes: int) -> None:
    """Raise OptionError if a worker may take less memory than one block needs.

    The error names the worker.
    """
    small = [address for address, worker in workers.items() if 0 < _limit_bytes(worker) < block_bytes]
    if small:
        limit = show_memory(_limit_bytes(workers[small[0]]))
        raise OptionError(
            f"scheduler: one block takes {show_memory(block_bytes)}, and the memory limit of worker "
            f"{list_some(small, MAX_NAMED)} is {limit}; start workers with more, or give smaller chunks or shards"
        )


def slots_of(worker: Mapping[str, Any], block_bytes: int) -> int:
    """Return the number of blocks that a worker does at once.

    It is the number of its threads, if its memory is enough.
    """
    fits = int(_limit_bytes(worker) * LIMIT_SHARE) // max(1, block_bytes) if _limit_bytes(worker) else math.inf
    return int(max(1, min(int(worker["nthreads"]), fits)))


def cluster_resources(
    workers: Mapping[str, Any], machine_bytes: Mapping[str, int], memory_bytes: int | None = None
) -> Resources:
    """Return the threads and the memory of a cluster.

    Parameters
    ----------
    workers
        The scheduler's record of each worker, by address.
    machine_bytes
        The memory of each worker's machine or container, by address. It is used for workers without a limit.
    memory_bytes
        Memory for all threads of one machine together; a share of each worker's memory by default.

    Examples
    --------
    >>> workers = {"tcp://a:1": {"host": "a", "nthreads": 2, "memory_limit": 0}}
    >>> cluster_resources(workers, {"tcp://a:1": 2 * 2**30}).task_bytes // 2**20
    409
    """
    able = {address: worker for address, worker in workers.items() if worker["nthreads"]}
    threads_of_host: Counter[str] = Counter()
    for worker in able.values():
        threads_of_host[worker["host"]] += worker["nthreads"]
    threads = threads_of_host.total()
    machine_workers = max(threads_of_host.values())
    if memory_bytes is not None:
        return Resources(threads, memory_bytes // machine_workers * threads, machine_workers=machine_workers)
    unlimited = Counter(worker["host"] for worker in able.values() if not _limit_bytes(worker))

    def task_bytes(address: str) -> int:
        worker = able[address]
        share = machine_bytes.get(address, 2**30) // max(1, unlimited[worker["host"]])
        return int((_limit_bytes(worker) or share) * LIMIT_SHARE) // int(worker["nthreads"])

    least = min(able, key=task_bytes)
    limited = max(int(worker["nthreads"]) for worker in able.values()) if _limit_bytes(able[least]) else None
    return Resources(threads, task_bytes(least) * threads, machine_workers=machine_workers, limited_threads=limited)


def _limit_bytes(worker: Mapping[str, Any]) -> int:
    return limit_of(worker.get("memory_limit"))


def limit_of(limit: object) -> int:
    """Return a worker's memory limit in bytes, 0 if nothing limits it.

    Examples
    --------
    >>> limit_of(2**30), limit_of(None), limit_of(float("inf"))
    (1073741824, 0, 0)
    """
    return int(limit) if isinstance(limit, int | float) and math.isfinite(limit) and limit > 0 else 0
