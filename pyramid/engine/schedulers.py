"""The scheduler that Dask's configuration names.

Dask is imported only if something may have configured it.
"""

from __future__ import annotations

import os
import site
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pyramid.errors import OptionError

# The values of Dask's configuration that are read here.
CONFIGURED = ("scheduler", "pool", "num_workers")
REMEDY = "give dask.config one of 'threads', 'processes', 'sync', a callable, an executor or a client"


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of Dask that is not a cluster.

    Parameters
    ----------
    get
        Computes the keys of a graph.
    keywords
        Arguments of each call, in addition to graph and keys.
    workers
        Number of tasks that it runs at once; None if unknown.
    asks
        True if it accepts the number of workers as ``num_workers``.
    calls_back
        True if it accepts Dask's callbacks as ``callbacks``.
    elsewhere
        True if tasks may be pickled and run in other processes.
    """

    get: Callable[..., Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    asks: bool = False
    calls_back: bool = True
    elsewhere: bool = False


def configured_value() -> object:
    """Return the scheduler that ``dask.config`` holds.

    A pool for Dask's threads counts as a scheduler.

    Returns
    -------
    object
        None if none is configured.
    """
    if not _may_be_configured():
        return None
    import dask.threaded  # noqa: PLC0415  (takes a tenth of a second, and few runs need it)

    value = dask.config.get("scheduler", None)
    if value is None and dask.config.get("pool", None) is not None:
        return dask.threaded.get
    return value


def configured_workers() -> int | None:
    """Return the number of workers that ``dask.config`` holds, or None."""
    if not _may_be_configured():
        return None
    import dask  # noqa: PLC0415  (as above)

    value = dask.config.get("num_workers", None)
    return value if isinstance(value, int) and value > 0 else None


def local_scheduler(value: object) -> Scheduler | None:
    """Return the scheduler that a value of ``dask.config`` names.

    Returns
    -------
    Scheduler or None
        None means threads that belong to the run. It is returned if no scheduler is named. It is also returned if the
        calling thread belongs to the pool that is named, since a task would then wait for itself.

    Raises
    ------
    OptionError
        If Dask does not know the scheduler.
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
    """Return the scheduler for a callable that computes graphs.

    Dask's own schedulers are recognised. Of any other callable only the call itself is known.

    Returns
    -------
    Scheduler or None
        None if the calling thread belongs to the pool.
    """
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
        # One task in each message, so that a stopped run does not wait for further tasks.
        return Scheduler(get, {"chunksize": 1}, workers, asks=workers is None, elsewhere=True)
    elsewhere = pool is not None and not isinstance(pool, ThreadPoolExecutor)
    return Scheduler(get, workers=workers, asks=workers is None, elsewhere=elsewhere)


def _runs_this_thread(pool: object) -> bool:
    """Return whether the calling thread belongs to a pool.

    It must not wait for a task of that pool, which might never get a thread.
    """
    with getattr(pool, "_shutdown_lock", nullcontext()):  # a new thread may run before its pool has listed it
        return threading.current_thread() in getattr(pool, "_threads", ())


def _may_be_configured() -> bool:
    """Return whether anything may have configured Dask.

    A program that has imported it, a file or the environment may have done so.
    """
    if "dask" in sys.modules or any(name.startswith("DASK_") for name in os.environ):
        return True
    folders = [Path("/etc/dask"), *(Path(prefix, "etc", "dask") for prefix in (sys.prefix, *site.PREFIXES))]
    return any(_says_something(folder) for folder in (*folders, Path.home() / ".config" / "dask"))


def _says_something(folder: Path) -> bool:
    """Return whether a file of a folder may set one of the values that are read here.

    Extensions of Dask put files there of which every line is a comment.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json")]
        lines = [line for path in paths for line in path.read_text("utf-8", "replace").splitlines()]
    except FileNotFoundError:
        return False
    except OSError:  # Dask says what is wrong with them
        return True
    return any(key in line for line in lines if not line.lstrip().startswith("#") for key in CONFIGURED)
