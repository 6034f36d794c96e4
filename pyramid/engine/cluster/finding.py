"""Find the client of the cluster that a run uses.

The options or Dask's configuration may name one; otherwise the active client is used.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyramid.engine.cluster.starting import started
from pyramid.engine.cluster.waiting import try_within, within
from pyramid.errors import OptionError
from pyramid.feedback.silence import waiting_for

if TYPE_CHECKING:
    from distributed import Client

    from pyramid.options.convert import Options

# Seconds to wait for the first answer of a scheduler: after that, the address is more likely wrong than slow.
CONNECT_S = 10
# Seconds to wait for a client to close. The work is done by then, and a scheduler that answers closes it in a fraction
# of a second. A round number that a user waits for at most where the scheduler is lost.
CLOSE_S = 5
# Values of Dask's configuration that mean the active client; Dask accepts both.
ACTIVE = ("distributed", "dask.distributed")


@contextmanager
def find_client(options: Options, configured: object = None) -> Iterator[Client | None]:
    """Provide the client of the cluster that a run uses.

    Parameters
    ----------
    options
        `scheduler` or `scheduler_file` may name a cluster; its client is closed afterwards. `cluster` describes one,
        which is started, and closed afterwards.
    configured
        The scheduler that Dask's configuration names. A client, or its ``get``, is used. With any other scheduler the
        active client is not used.

    Yields
    ------
    Client or None
        None if the run uses no cluster.

    Raises
    ------
    OptionError
        If the cluster that is named cannot be reached or started, or ``distributed`` is not installed.
    """
    if options.cluster is not None:
        with started(options.cluster) as client:
            yield client
        return
    if options.scheduler is None and options.scheduler_file is None:
        yield _checked(_configured_client(configured))
        return
    client = _connect(_address(options), options.scheduler or options.scheduler_file)
    try:
        yield client
    finally:
        try_within(CLOSE_S, client.close)


def _configured_client(configured: object) -> Client | None:
    """Return the client that Dask's configuration names.

    If it names no scheduler, the active client is returned, or None if there is none.
    """
    distributed: Any = sys.modules.get("distributed")
    if distributed is None:
        return None
    owner = getattr(configured, "__self__", configured)
    if isinstance(owner, distributed.Client):
        return owner
    if configured is None or (isinstance(configured, str) and configured.lower() in ACTIVE):
        try:
            return distributed.get_client(timeout=CONNECT_S)
        except ValueError:
            return None
    return None


def _checked(client: Client | None) -> Client | None:
    """Return a client that can be used.

    Raises
    ------
    OptionError
        If the client is closed, or answers only within its event loop.
    """
    if client is None:
        return None
    if client.asynchronous:
        raise OptionError(
            "scheduler: the Dask client is asynchronous, but a conversion waits for its blocks; "
            "give client.scheduler.address as scheduler=..., or make a Client without asynchronous=True"
        )
    if client.status not in ("running", "connecting"):
        raise OptionError(f"scheduler: the Dask client is {client.status}; make a new Client, then convert")
    return client


def _address(options: Options) -> str:
    """Return the address that the options name.

    Raises
    ------
    OptionError
        If the file is not readable or holds no address.
    """
    if options.scheduler_file is None:
        assert options.scheduler is not None
        return options.scheduler
    try:
        document = json.loads(Path(options.scheduler_file).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(
            f"scheduler_file: {options.scheduler_file} cannot be read ({error.strerror}); start the scheduler first"
        ) from error
    except (ValueError, RecursionError):
        document = None
    address = document.get("address") if isinstance(document, dict) else None
    if not isinstance(address, str) or not address:
        raise OptionError(
            f"scheduler_file: {options.scheduler_file} holds no address of a scheduler; "
            "give the file that dask scheduler --scheduler-file writes"
        )
    return address


def _check_address(address: str, named: str | None) -> None:
    """Raise OptionError if a text cannot be the address of a scheduler.

    A client would wait there for an answer.
    """
    if not re.fullmatch(r"inproc://\S+|(?!https?:)([a-z+]+://)?[^/\s]+:\d+/?", address):
        where = address if named == address else f"{named} ({address})"
        raise OptionError(
            f"scheduler: {where} is not an address of a scheduler; give the one that it prints, as tcp://HOST:8786"
        )


def _connect(address: str, named: str | None) -> Client:
    """Connect to the scheduler at an address.

    Parameters
    ----------
    address
        Address of the scheduler.
    named
        The address or file that the user gave, for errors.

    Raises
    ------
    OptionError
        If no scheduler answers, or ``distributed`` is not installed.
    """
    _check_address(address.strip(), named)
    try:
        from distributed import Client  # noqa: PLC0415  (slow to import, and an extra)
    except ModuleNotFoundError:
        raise OptionError("scheduler: distributed is not installed; pip install 'ome-pyramid[distributed]'") from None
    where = address if named == address else f"{named} ({address})"
    remedy = "give the address that the scheduler prints, as tcp://HOST:8786"
    try:
        # Another kind of server may answer, and the client would wait for it forever.
        with waiting_for(f"the scheduler {where}"):
            return within(CONNECT_S + 1, lambda: Client(address.strip(), timeout=CONNECT_S, set_as_default=False))
    except OSError as error:
        cause = " ".join(f"{error}".split()) or f"nothing came within {CONNECT_S} s"
        raise OptionError(f"scheduler: {where} does not answer: {cause}; start the scheduler, or {remedy}") from error
    except Exception as error:  # of any class: each transport parses addresses in its own way
        cause = " ".join(f"{error}".split()) or type(error).__name__
        raise OptionError(f"scheduler: {where} is not an address of a scheduler: {cause}; {remedy}") from error
