"""The workers of runs: a cluster, a scheduler of Dask, or threads of this process.

They are found once. Several runs may then share them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.concurrency.slots import Slots
from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.schedulers import Scheduler, configured_value, configured_workers, local_scheduler
from pyramid.errors import OptionError
from pyramid.model import Source
from pyramid.options.clusters import ClusterSpec
from pyramid.options.convert import Options
from pyramid.planning import Plan, Resources

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from distributed import Client

    from pyramid.engine.cluster import ClusterRunner
    from pyramid.engine.local import LocalRunner

# Share of the free memory that a run takes by default: enough for speed, and other programs keep most of it.
MEMORY_SHARE = 0.25


@dataclass(frozen=True)
class Workers:
    """The workers of one run or of several.

    Parameters
    ----------
    memory_bytes
        Memory for all workers of a machine; None for what each machine of a cluster has.
    slots
        Blocks that may be under way at once in all runs.
    client
        The client of a cluster; None for this process.
    scheduler
        The scheduler that Dask is configured to use; None for threads that belong to the run.
    presumed
        The likely resources of a cluster that is not started; None for workers that are there.
    """

    memory_bytes: int | None
    slots: Slots
    client: Client | None = None
    scheduler: Scheduler | None = None
    presumed: Resources | None = None

    @property
    def runs_at_once(self) -> int:
        """Number of runs that may share the workers at once.

        It is 1 where a cluster or a scheduler of Dask decides what is done next.
        """
        return 1 if self.client is not None or self.scheduler is not None else self.slots.total

    @contextmanager
    def runner(self, source: Source, options: Options) -> Iterator[tuple[LocalRunner | ClusterRunner, Resources]]:
        """Provide the runner of a run's tasks, and its resources."""
        if self.client is not None:
            from pyramid.engine.cluster import prepare_cluster  # noqa: PLC0415  (slow to import, and an extra)

            with prepare_cluster(self.client, source, options) as prepared:
                yield prepared
            return
        from pyramid.engine.local import LocalRunner  # noqa: PLC0415  (zarr: not at the import of the package)

        if self.presumed is not None:
            yield LocalRunner(available_cores()), self.presumed
            return
        assert self.memory_bytes is not None  # that of this machine is known
        yield LocalRunner(self.slots.total, self.scheduler), Resources(self.slots.total, self.memory_bytes)

    def held(self, plan: Plan) -> AbstractContextManager[None]:
        """Hold as many workers as a run uses, as long as its blocks are done."""
        return self.slots.held(plan.resources.tasks if self.runs_at_once > 1 else self.slots.total)


@contextmanager
def find_workers(options: Options, *, starting: bool = False) -> Iterator[Workers]:
    """Provide the workers that options name.

    A cluster runs the tasks if one is named or active, otherwise this process does. One that is to be started is only
    started with `starting`; without, its workers are presumed.
    """
    if options.cluster is not None and not starting:
        yield _presumed_workers(options.cluster, options)
        return
    named = options.scheduler or options.scheduler_file or options.cluster
    configured = None if named else configured_value()
    if named or "distributed" in sys.modules:
        from pyramid.engine.cluster import find_client  # noqa: PLC0415  (slow to import, and an extra)

        with find_client(options, configured) as client:
            if client is not None:
                yield Workers(options.memory, Slots(1), client)
                return
    if options.performance_report is not None:
        raise OptionError(
            "performance_report: Dask makes it on a cluster, and this run has none; give scheduler=... or cluster=..., "
            "or report=... for the timings of a run on threads"
        )
    scheduler = local_scheduler(configured)
    of_scheduler = None if scheduler is None else scheduler.workers
    count = of_scheduler or options.workers or configured_workers() or available_cores()
    memory_bytes = options.memory or int(free_bytes() * MEMORY_SHARE)
    yield Workers(memory_bytes, Slots(count), scheduler=scheduler)


def _presumed_workers(cluster: ClusterSpec, options: Options) -> Workers:
    """Return the likely workers of a cluster that is not started."""
    from pyramid.engine.cluster.classes import load_class, presumed_resources  # noqa: PLC0415  (as `find_workers`)

    load_class(cluster)
    return Workers(options.memory, Slots(1), presumed=presumed_resources(cluster, options.memory))
