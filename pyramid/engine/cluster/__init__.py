"""Run waves on a cluster of dask-distributed.

Only a process that uses a cluster imports ``distributed``, since that takes more than a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyramid.engine.cluster.finding import find_client
from pyramid.engine.cluster.probing import probe_workers
from pyramid.engine.cluster.running import ClusterRunner, TaskSlot
from pyramid.engine.cluster.workers import await_workers, cluster_resources
from pyramid.planning import Resources

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.model import Source

__all__ = ["ClusterRunner", "find_client", "prepare_cluster"]


@contextmanager
def prepare_cluster(
    client: Client, source: Source, memory_bytes: int | None
) -> Iterator[tuple[ClusterRunner, Resources]]:
    """Wait for the workers of a cluster, check them, and provide their runner.

    Yields
    ------
    tuple
        The runner of waves, and the threads and the memory of the workers.

    Raises
    ------
    OptionError
        If no worker can come, or a worker cannot do a block of `source`.
    """
    workers = await_workers(client)
    machine_bytes = probe_workers(client, source)
    with TaskSlot().held() as slot:
        yield ClusterRunner(client, slot), cluster_resources(workers, machine_bytes, memory_bytes)
