"""Run waves on a cluster of dask-distributed.

Only a process that uses a cluster imports ``distributed``, since that takes more than a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyramid.engine.cluster.crew import Crew
from pyramid.engine.cluster.demand import Demand
from pyramid.engine.cluster.finding import find_client
from pyramid.engine.cluster.probing import WorkerProbe, probe_scheduler
from pyramid.engine.cluster.reporting import logging_workers, reporting_performance
from pyramid.engine.cluster.running import ClusterRunner, TaskSlot
from pyramid.engine.cluster.waiting import ask_workers
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
    probe_scheduler(client)
    probe = WorkerProbe(source)
    with Demand(client).running() as demand, TaskSlot().held() as slot:
        workers, machine_bytes = _check_workers(client, probe)
        crew = Crew(client, probe, demand, set(machine_bytes))
        with reporting_performance(client, options.performance_report), logging_workers(client):
            runner = ClusterRunner(client, slot, crew, options.block_timeout)
            yield runner, cluster_resources(workers, machine_bytes, options.memory)


def _check_workers(client: Client, probe: WorkerProbe) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Wait for workers, and return them with the memory of their machines, by address.

    A worker that leaves while it is checked, as under adaptive scaling, does not count.
    """
    while True:
        answers = probe.ask(client, await_workers(client))
        workers = ask_workers(client)
        here = {address: answer for address, answer in answers.items() if address in workers}
        if here:
            machine_bytes = probe.check(here)
            return {address: workers[address] for address in here}, machine_bytes
