"""Run waves on a cluster of dask-distributed.

Only a process that uses a cluster imports ``distributed``, since that takes more than a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyramid.engine.cluster.crew import Crew
from pyramid.engine.cluster.finding import find_client
from pyramid.engine.cluster.probing import WorkerProbe, probe_scheduler
from pyramid.engine.cluster.reporting import logging_workers, reporting_performance
from pyramid.engine.cluster.running import ClusterRunner, TaskSlot
from pyramid.engine.cluster.workers import await_workers, cluster_resources
from pyramid.planning import Resources

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.model import Source
    from pyramid.options.convert import Options

__all__ = ["ClusterRunner", "find_client", "prepare_cluster"]


@contextmanager
def prepare_cluster(client: Client, source: Source, options: Options) -> Iterator[tuple[ClusterRunner, Resources]]:
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
    probe_scheduler(client)
    probe = WorkerProbe(source)
    machine_bytes = probe.check(probe.ask(client, workers))
    crew = Crew(client, probe, set(machine_bytes))
    with TaskSlot().held() as slot, reporting_performance(client, options.performance_report), logging_workers(client):
        runner = ClusterRunner(client, slot, crew, options.block_timeout)
        yield runner, cluster_resources(workers, machine_bytes, options.memory)
