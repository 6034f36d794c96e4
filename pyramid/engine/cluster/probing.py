"""Check each worker before its first block: packages, source and target."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cloudpickle

from pyramid._version import __version__
from pyramid.engine.cluster.versions import difference
from pyramid.engine.cluster.workers import MAX_NAMED
from pyramid.errors import OptionError, SourceError, explaining, list_some
from pyramid.model import dask_array_of
from pyramid.readers.fingerprint import fingerprint

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.model import Source

# Seconds for a worker to answer: importing the package takes long on a slow disk.
PROBE_S = 60
# Seconds for each worker to answer where one of them did not, to find out which: the package is imported by then.
AGAIN_S = 5
# Workers that are asked at once to find out which does not answer.
ASKED_AT_ONCE = 32
INSTALL = f"install ome-pyramid {__version__}, with what it needs, where the scheduler and each worker run"


def probe_scheduler(client: Client) -> None:
    """Check that the scheduler can take part in a run.

    Raises
    ------
    OptionError
        If it lacks the package, has other versions, or does not answer.
    """
    with explaining(OptionError, f"scheduler: {client.scheduler.address} does not answer within {PROBE_S} s"):
        answer = client.run_on_scheduler(_make_probe(None), callback_timeout=PROBE_S)
    _refuse({f"scheduler {client.scheduler.address}": fault_of(answer, None, encodes=False)})


class WorkerProbe:
    """The check of a worker for one run.

    Parameters
    ----------
    source
        The image that the blocks read.

    Raises
    ------
    SourceError
        If the source cannot be sent to another process.
    """

    def __init__(self, source: Source) -> None:
        self._expected = None
        pickled = None
        if source.spec.location is not None and dask_array_of(source) is None:  # else it may be too large to send
            with explaining(SourceError, f"{source.spec.location} cannot be sent to the workers of a cluster"):
                pickled = cloudpickle.dumps(source)
            self._expected = fingerprint(source)
        self._location = source.spec.location
        self._probe = _make_probe(pickled)

    def ask(self, client: Client, addresses: Iterable[str]) -> dict[str, Any]:
        """Return the answer of each worker, by address."""
        return ask_each(client, self._probe, list(addresses))

    def check(self, answers: Mapping[str, Any]) -> dict[str, int]:
        """Return the memory in bytes of each worker's machine or container.

        Raises
        ------
        OptionError
            If a worker lacks a package, has other versions, cannot see the source, or does not answer. The error names
            it.
        """
        _refuse({f"worker {address}": self.fault(answer) for address, answer in answers.items()})
        return {address: answer["machine_bytes"] for address, answer in answers.items()}

    def fault(self, answer: object) -> str | None:
        """Return why a worker cannot do blocks, by its answer; None if it can."""
        return fault_of(answer, None if self._expected is None else (str(self._location), self._expected), encodes=True)


def ask_each(client: Client, probe: Callable[..., Any], addresses: list[str]) -> dict[str, Any]:
    """Run a function on some workers, and return the result or error of each.

    A worker that does not answer has TimeoutError as its error.
    """
    try:
        answers: dict[str, Any] = client.run(probe, workers=addresses, on_error="return", callback_timeout=PROBE_S)
    except Exception:  # of one of them, which is to be found out

        def ask(address: str) -> object:
            try:
                return client.run(probe, workers=[address], on_error="return", callback_timeout=AGAIN_S)[address]
            except Exception as error:
                return error

        with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
            answers = dict(zip(addresses, threads.map(ask, addresses), strict=True))
    return answers


def count_under_way(client: Client, address: str) -> int:
    """Return the number of tasks that a worker does at this moment."""

    def count(dask_worker: Any) -> int:  # noqa: ANN401  (distributed is not imported here)
        return len(dask_worker.state.executing)

    return int(client.run(count, workers=[address], callback_timeout=AGAIN_S)[address])


def _make_probe(pickled: bytes | None) -> Callable[[], dict[str, Any]]:
    """Return the function with which a process describes itself.

    It is pickled by value, since the process may lack this package.
    """
    unpickle = pickle.loads

    def probe() -> dict[str, Any]:
        try:
            import pyramid.engine.task  # noqa: F401, PLC0415  (in the worker's process)
            from pyramid.engine.cluster.versions import own_versions  # noqa: PLC0415
            from pyramid.engine.machine import total_bytes  # noqa: PLC0415

            answer: dict[str, Any] = {"versions": own_versions(), "machine_bytes": total_bytes()}
            source: Any = None if pickled is None else unpickle(pickled)
        except BaseException as error:
            return {"lacks": f"{type(error).__name__}: {error}"}
        try:
            from pyramid.readers.fingerprint import fingerprint  # noqa: PLC0415

            if hasattr(source, "fingerprint"):
                source.fingerprint()
            return {**answer, "source": None if source is None else fingerprint(source)}
        except BaseException as error:
            return {**answer, "blind": f"{error}" or type(error).__name__}

    return probe


def fault_of(answer: object, source: tuple[str, Mapping[str, Any]] | None, *, encodes: bool) -> str | None:
    """Return what is wrong with an answer, with the remedy; None if nothing is.

    Parameters
    ----------
    answer
        The answer of a process, or an error in its place.
    source
        Location and fingerprint of the source; None if they are not compared.
    encodes
        Whether the process does blocks.
    """
    if isinstance(answer, TimeoutError):
        return "does not answer; end it, or see what it does, then convert"
    if not isinstance(answer, dict):
        return f"cannot be asked for its packages: {type(answer).__name__}: {answer}; {INSTALL}"
    if "lacks" in answer:
        return f"cannot import the package, or what the source needs: {answer['lacks']}; {INSTALL}"
    # A version of the package before versions were compared answers without them.
    if differing := difference(answer.get("versions", {}), encodes=encodes):
        return f"{differing}; {INSTALL}"
    if source is None:
        return None
    location, expected = source
    shared = "give a path that all workers share, or a URL whose credentials they have"
    if "blind" in answer:
        return f"cannot see the source {location}: {' '.join(answer['blind'].split())}; {shared}"
    if answer["source"] != expected:
        return f"sees another source at {location} than this process; {shared}"
    return None


def _refuse(faults: Mapping[str, str | None]) -> None:
    """Raise OptionError if a process has a fault, and name it and others."""
    found = {who: fault for who, fault in faults.items() if fault}
    if not found:
        return
    who, fault = next(iter(found.items()))
    others = [other for other in found if other != who]
    also = f" (so do {list_some(others, MAX_NAMED - 1)})" if others else ""
    what, _, remedy = fault.rpartition("; ")
    raise OptionError(f"scheduler: the {who} {what}{also}; {remedy}")


def target_probe(pickled: bytes, key: str) -> Callable[[], object]:
    """Return the function that tries whether a worker can write to a target.

    That returns the record of the run at the target.
    """
    unpickle, name = pickle.loads, f"{key}-{uuid.uuid4().hex}"

    def probe() -> object:
        from pyramid.stores import open_objects  # noqa: PLC0415  (in the worker's process)
        from pyramid.writing.claims import read_record  # noqa: PLC0415

        target = unpickle(pickled)
        objects = open_objects(target.url, target.storage_options)
        record = read_record(objects)
        if record is not None:  # a worker must not make a folder that nobody looks for
            objects.put(name, b"")
        return record

    return probe
