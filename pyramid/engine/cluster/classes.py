"""The class of a cluster by its import path, and the workers that it asks for."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyramid.concurrency.signals import keeping_handlers
from pyramid.engine.machine import available_cores, free_bytes
from pyramid.errors import OptionError
from pyramid.options.clusters import ClusterSpec
from pyramid.options.nearest import nearest, unknown
from pyramid.planning import Resources
from pyramid.planning.resources import LIMIT_SHARE

# The packages of modules that are not called like them.
PACKAGES = {"distributed": "ome-pyramid[distributed]", "dask": "ome-pyramid[distributed]"}
# Names that classes have for the threads and the memory of a worker, or of a job of several workers.
THREADS, MEMORY = ("threads_per_worker", "nthreads", "cores"), ("memory_limit", "memory")
COUNTS = ("n_workers", "n", "jobs", "maximum", "maximum_jobs")


def load_class(spec: ClusterSpec) -> Callable[..., Any]:
    """Import the class of a cluster, and check its arguments.

    It may be a function that makes one.

    Raises
    ------
    OptionError
        If it cannot be imported, is not a cluster, or has no such arguments.
    """
    where = f"cluster: {spec.named + ': ' if spec.named else ''}"
    module, _, name = spec.class_path.rpartition(".")
    imported = _import(module, where)
    if not hasattr(imported, name):
        known = [each for each, value in vars(imported).items() if _makes_clusters(each, value)]
        raise OptionError(f"{where}{unknown(f'class of {module}', name, known)}")
    found = getattr(imported, name)
    if not _makes_clusters(name, found):
        raise OptionError(
            f"{where}{spec.class_path} is not a class of Dask clusters, which have scale() and close(); "
            "give one, as distributed.LocalCluster"
        )
    _check_arguments(found, spec, where)
    return found  # type: ignore[no-any-return]  # a class or a function


def _import(module: str, where: str) -> Any:  # noqa: ANN401  (a module)
    try:
        with keeping_handlers():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        if missing == module.partition(".")[0] and module != missing and _exists(missing):
            raise OptionError(f"{where}{missing} has no module {module}; check the import path") from None
        package = PACKAGES.get(missing, missing.replace("_", "-"))
        raise OptionError(f"{where}{missing} is not installed; pip install '{package}'") from None
    except Exception as error:  # whatever the module does when it is imported
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise OptionError(f"{where}{module} cannot be imported: {cause}; install it again") from error


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _makes_clusters(name: str, value: object) -> bool:
    if inspect.isclass(value):
        return all(callable(getattr(value, method, None)) for method in ("scale", "close"))
    return inspect.isfunction(value) and name.endswith("Cluster")  # as distributed.SSHCluster


def _check_arguments(made: Callable[..., Any], spec: ClusterSpec, where: str) -> None:
    parameters: Mapping[str, inspect.Parameter] = inspect.signature(made).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        parameters = {**parameters, **_inherited(made)}
        wrong = [name for name in spec.kwargs if name not in parameters and _is_typo(name, parameters)]
    else:
        wrong = [name for name in spec.kwargs if name not in parameters]
    if wrong:
        raise OptionError(f"{where}kwargs: {spec.class_path} has an {unknown('argument', wrong[0], parameters)}")


def _inherited(made: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of the base classes, for ``**kwargs``."""
    bases = made.__mro__[1:] if inspect.isclass(made) else ()
    found: dict[str, inspect.Parameter] = {}
    for base in bases:
        if base is not object:
            found.update(inspect.signature(base).parameters)
    return found


def _is_typo(name: str, parameters: Mapping[str, Any]) -> bool:
    """Return whether a name is so like a parameter that it is meant for it."""
    near = nearest(name, parameters, strict=True)
    return near is not None and abs(len(near) - len(name)) <= 1 and near[:3] == name[:3]


def presumed_resources(spec: ClusterSpec, memory_bytes: int | None) -> Resources:
    """Return the threads and memory that a cluster is likely to have.

    Examples
    --------
    >>> spec = ClusterSpec("a.SLURMCluster", {"cores": 8, "processes": 2, "memory": "20GB"}, {"jobs": 3})
    >>> presumed_resources(spec, None)
    Resources(workers=24, memory_bytes=24000000000, ..., machine_workers=8, limited_threads=4)
    """
    kwargs = spec.kwargs
    processes = _number(kwargs.get("processes")) or 1
    cores = next((found for name in THREADS if (found := _number(kwargs.get(name)))), None)
    counts = spec.scale if isinstance(spec.scale, int) else next(_counts(spec), None)
    if cores is None:
        cores = available_cores() if counts is None else 1
    workers = counts or _number(kwargs.get("n_workers")) or 1
    by_job = any("jobs" in each for each in (spec.scale, spec.adapt) if isinstance(each, Mapping))
    jobs = workers if by_job or processes == 1 else math.ceil(workers / processes)
    limit = next((found for name in MEMORY if (found := _bytes(kwargs.get(name)))), None)
    if memory_bytes is not None:
        on_machine = cores if "cores" in kwargs else jobs * cores  # a job is mostly on a machine of its own
        return Resources(jobs * cores, memory_bytes // on_machine * jobs * cores, machine_workers=on_machine)
    if limit is None:
        return Resources(jobs * cores, free_bytes() * jobs, machine_workers=cores)
    threads = max(1, cores // processes)
    return Resources(jobs * cores, int(limit * LIMIT_SHARE) * jobs, machine_workers=cores, limited_threads=threads)


def _counts(spec: ClusterSpec) -> Iterator[int]:
    for given in (spec.scale, spec.adapt, spec.kwargs):
        if isinstance(given, Mapping):
            yield from (found for name in COUNTS if (found := _number(given.get(name))))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _bytes(value: object) -> int | None:
    """Return a number of bytes as Dask reads it, or None."""
    from dask.utils import parse_bytes  # noqa: PLC0415  (a tenth of a second, and only for clusters)

    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    try:
        return int(parse_bytes(value)) or None
    except ValueError:
        return None
