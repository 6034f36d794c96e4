"""The scheduler that Dask's configuration names, found without Dask where nothing can name one."""

from __future__ import annotations

import os
import site
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pyramid.errors import OptionError

REMEDY = "give dask.config one of 'threads', 'processes', 'sync', a callable, an executor or a client"


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of Dask that is not a cluster.

    Parameters
    ----------
    get
        Computes the keys of a graph.
    keywords
        What each call is given beside graph and keys.
    workers
        How many tasks it runs at once; None where it is not known.
    asks
        Whether it takes the number of workers, as ``num_workers``.
    calls_back
        Whether it takes Dask's callbacks, as ``callbacks``.
    elsewhere
        Whether tasks may be pickled and run in other processes.
    """

    get: Callable[..., Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    asks: bool = False
    calls_back: bool = True
    elsewhere: bool = False


def configured_value() -> object:
    """Return what ``dask.config`` holds as its scheduler, None where it holds none.

    A pool for Dask's threads counts as one.
    """
    if not _may_be_configured():
        return None
    import dask.threaded  # noqa: PLC0415  (a tenth of a second, which few runs have need of)

    value = dask.config.get("scheduler", None)
    if value is None and dask.config.get("pool", None) is not None:
        return dask.threaded.get
    return value


def configured_workers() -> int | None:
    """Return the number of workers that ``dask.config`` holds, None where it holds none."""
    if not _may_be_configured():
        return None
    import dask  # noqa: PLC0415  (as above)

    value = dask.config.get("num_workers", None)
    return value if isinstance(value, int) and value > 0 else None


def local_scheduler(value: object) -> Scheduler | None:
    """Return the scheduler that a value of ``dask.config`` names.

    None means threads of our own: where nothing is named, and where the calling thread is one of the threads that are
    named, which would wait for itself.

    Raises
    ------
    OptionError
        Where Dask knows no such scheduler.
    """
    if value is None:
        return None
    from dask.base import get_scheduler  # noqa: PLC0415  (as above)

    if isinstance(value, Executor):
        return None if _runs_this_thread(value) else _of_executor(value)
    try:
        get = get_scheduler(scheduler=value)
    except (ValueError, RuntimeError, TypeError) as error:
        raise OptionError(f"scheduler: dask.config names {value!r}, which Dask cannot use: {error}; {REMEDY}") from None
    return _of_callable(get)


def _of_executor(executor: Executor) -> Scheduler:
    from dask.local import get_async  # noqa: PLC0415  (as above)

    workers = getattr(executor, "_max_workers", None) or configured_workers() or os.cpu_count() or 1
    elsewhere = not isinstance(executor, ThreadPoolExecutor)
    return Scheduler(partial(get_async, executor.submit, workers), workers=workers, elsewhere=elsewhere)


def _of_callable(get: Callable[..., Any]) -> Scheduler | None:
    """Return what is known of a callable that computes graphs: more of Dask's own than of others."""
    import dask.config  # noqa: PLC0415  (as above)
    import dask.local  # noqa: PLC0415
    import dask.threaded  # noqa: PLC0415

    inner, given = (get.func, get.keywords) if isinstance(get, partial) else (get, {})
    if inner is dask.local.get_sync:
        return Scheduler(get, workers=1)
    processes = getattr(sys.modules.get("dask.multiprocessing"), "get", None)
    if inner is not dask.threaded.get and inner is not processes:
        return Scheduler(get, calls_back=False, elsewhere=True)
    pool = given.get("pool") or dask.config.get("pool", None)
    if pool is not None and _runs_this_thread(pool):
        return None
    workers = getattr(pool, "_max_workers", None) or given.get("num_workers")
    if inner is processes:
        # One task at a time, so that a run that is stopped waits for no other.
        return Scheduler(get, {"chunksize": 1}, workers, asks=workers is None, elsewhere=True)
    return Scheduler(get, workers=workers, asks=workers is None, elsewhere=_is_of_processes(pool))


def _is_of_processes(pool: object) -> bool:
    return pool is not None and not isinstance(pool, ThreadPoolExecutor)


def _runs_this_thread(pool: object) -> bool:
    """Return whether the calling thread is one of a pool's, which then waits for it."""
    return threading.current_thread() in getattr(pool, "_threads", ())


def _may_be_configured() -> bool:
    """Return whether anything may have configured Dask: a program that has imported it, a file, or the environment."""
    if "dask" in sys.modules or any(name.startswith("DASK_") for name in os.environ):
        return True
    folders = [Path("/etc/dask"), *(Path(prefix, "etc", "dask") for prefix in (sys.prefix, *site.PREFIXES))]
    return any(folder.exists() for folder in (*folders, Path.home() / ".config" / "dask"))
