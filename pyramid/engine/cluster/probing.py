"""Check each worker before the first block: its packages and its memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cloudpickle

from pyramid._version import __version__
from pyramid.errors import OptionError, SourceError, explaining
from pyramid.model import dask_array_of

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.model import Source

# Seconds for a worker to answer: importing the package takes long on a slow disk.
PROBE_S = 60
# Workers that an error names: a cluster may have hundreds.
MAX_NAMED = 3


def probe_workers(client: Client, source: Source) -> Mapping[str, int]:
    """Check that the scheduler and every worker can do blocks of a source.

    Returns
    -------
    Mapping
        The memory of each worker's machine or container in bytes, by address.

    Raises
    ------
    OptionError
        If one of them lacks a package, has another version of this package, or does not answer. The error names it.
    """
    probe = _make_probe(_pickled(source))
    with explaining(OptionError, f"scheduler: the workers do not answer within {PROBE_S} s"):
        answers = client.run(probe, on_error="return", callback_timeout=PROBE_S)
        of_scheduler = client.run_on_scheduler(_make_probe(None), callback_timeout=PROBE_S)
    _check({f"worker {address}": answer for address, answer in answers.items()})
    _check({f"scheduler {client.scheduler.address}": of_scheduler})
    return {address: answer["machine_bytes"] for address, answer in answers.items()}


def _pickled(source: Source) -> bytes | None:
    """Pickle a source, so that a probe can check whether a worker can open it.

    Returns
    -------
    bytes or None
        None for pixels in memory: there may be too many to send.

    Raises
    ------
    SourceError
        If the source cannot be pickled.
    """
    if source.spec.location is None or dask_array_of(source) is not None:
        return None
    with explaining(SourceError, f"{source.spec.location} cannot be sent to the workers of a cluster"):
        pickled: bytes = cloudpickle.dumps(source)
        return pickled


def _make_probe(pickled: bytes | None) -> Callable[[], dict[str, Any]]:
    """Return the function that a worker runs to describe itself.

    It is pickled by value, since the worker may lack this package.
    """
    unpickle = pickle.loads

    def probe() -> dict[str, Any]:
        try:
            import pyramid.engine.task  # noqa: F401, PLC0415  (in the worker's process)
            from pyramid._version import __version__  # noqa: PLC0415
            from pyramid.engine.machine import total_bytes  # noqa: PLC0415

            if pickled is not None:
                unpickle(pickled)
            return {"version": __version__, "machine_bytes": total_bytes()}
        except BaseException as error:
            return {"lacks": f"{type(error).__name__}: {error}"}

    return probe


def _check(answers: Mapping[str, Any]) -> None:
    """Raise OptionError if an answer differs from the answer of this process."""
    lacking = {who: _reason(answer) for who, answer in answers.items()}
    lacking = {who: reason for who, reason in lacking.items() if reason}
    if not lacking:
        return
    who, reason = next(iter(lacking.items()))
    others = [other for other in lacking if other != who][: MAX_NAMED - 1]
    more = len(lacking) - 1 - len(others)
    also = f" (so do {', '.join(others)}{f' and {more} more' if more else ''})" if others else ""
    raise OptionError(
        f"scheduler: the {who} {reason}{also}; install ome-pyramid {__version__}, with what it needs, "
        "where the scheduler and each worker run"
    )


def _reason(answer: object) -> str | None:
    """Return what is wrong with an answer, or None."""
    if not isinstance(answer, dict):
        return f"cannot be asked for its packages: {type(answer).__name__}: {answer}"
    if "lacks" in answer:
        return f"cannot import the package, or what the source needs: {answer['lacks']}"
    if answer["version"] != __version__:
        return f"has ome-pyramid {answer['version']}, and this process has {__version__}"
    return None
