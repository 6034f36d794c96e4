"""Start the cluster that a run asks for, and close it whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from pyramid.concurrency.patience import taking_time
from pyramid.concurrency.signals import leaving_interrupts
from pyramid.engine.cluster.classes import load_class
from pyramid.engine.cluster.failures import noting_failures, start_failures
from pyramid.engine.cluster.waiting import try_within
from pyramid.errors import OptionError, explaining
from pyramid.feedback.silence import waiting_for
from pyramid.options.clusters import ClusterSpec

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

# Seconds to wait for the client to close, and for the cluster: it may have many jobs to cancel.
CLOSE_CLIENT_S, CLOSE_S = 5, 60


@contextmanager
def started(spec: ClusterSpec) -> Iterator[Client]:
    """Start a cluster, and provide its client.

    It is closed at the end, also after an error or Ctrl-C.

    Raises
    ------
    OptionError
        If it cannot be started.
    """
    make = load_class(spec)
    from distributed import Client  # noqa: PLC0415  (slow to import, and an extra)

    with noting_failures(), ExitStack() as stack:
        with _explaining(spec), waiting_for(f"the cluster {spec.class_path}"):
            with leaving_interrupts():
                cluster = make(**spec.kwargs)
            stack.callback(_close, cluster, CLOSE_S)
            _set_size(cluster, spec)
            client = Client(cluster, set_as_default=False)
            stack.callback(_close, client, CLOSE_CLIENT_S)
        logger.info("cluster: %s at %s, dashboard %s", spec, client.scheduler.address, client.dashboard_link)
        yield client


def _close(closed: Any, seconds: float) -> None:  # noqa: ANN401  (a client, or any class of clusters)
    with taking_time():
        try_within(seconds, closed.close)


@contextmanager
def _explaining(spec: ClusterSpec) -> Iterator[None]:
    """Raise OptionError, with what to look at, if a cluster cannot be started."""
    try:
        with explaining(OptionError, f"cluster: {spec.class_path} cannot be started"):
            yield
    except OptionError as error:
        failures = start_failures.get()
        more = f" ({failures.last})" if failures is not None and failures.last else ""
        raise OptionError(f"{error}{more}; check kwargs in {spec.named or 'cluster=...'}, and its service") from error


def _set_size(cluster: Any, spec: ClusterSpec) -> None:  # noqa: ANN401  (any class of clusters)
    if isinstance(spec.scale, int):
        cluster.scale(spec.scale)
    elif spec.scale is not None:
        cluster.scale(**spec.scale)
    elif spec.adapt is not None:
        cluster.adapt(**spec.adapt)
