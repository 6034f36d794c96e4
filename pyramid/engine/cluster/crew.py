"""The workers that a run may use: checked before, coming later, or refused."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cloudpickle

from pyramid.engine.cluster.demand import Demand
from pyramid.engine.cluster.probing import WorkerProbe, ask_each, count_under_way, target_probe
from pyramid.engine.cluster.waiting import begin_call
from pyramid.engine.resuming import digest_of
from pyramid.errors import PyramidError, TargetError
from pyramid.feedback.notices import give_notices
from pyramid.stores import open_objects
from pyramid.writing.claims import read_record
from pyramid.writing.journal import FOLDER
from pyramid.writing.target import Target

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

# Objects that show that a worker can write.
PROBE_KEY = f"{FOLDER}/worker"
SHARED = "give a target that all workers share, or a URL whose credentials they have"
# Seconds between two questions to a worker at which a block took too long.
ASK_SUSPECT_S = 5.0


@dataclass
class Crew:
    """The workers of a run.

    Parameters
    ----------
    client
        Client of the cluster.
    probe
        The check of a worker.
    demand
        Keeps an adaptive cluster from ending workers that are not checked yet.
    checked
        Workers that can do blocks.
    refused
        Workers that cannot, and why.
    suspects
        Workers at which a block took too long in an earlier wave.
    """

    client: Client
    probe: WorkerProbe
    demand: Demand
    checked: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    suspects: set[str] = field(default_factory=set)
    _writing: dict[str, set[str]] = field(default_factory=dict)
    _asked: dict[str, Future[dict[str, Any]]] = field(default_factory=dict)
    _freed: dict[str, Future[int]] = field(default_factory=dict)
    _next_ask_s: float = 0.0

    def allow(self, target: Target) -> None:
        """Check that the workers so far see a target.

        Raises
        ------
        TargetError
            If one of them does not. The error names it.
        """
        new = self.checked - self._seen(target)
        faults = self._look(target, list(new)) if new else {}
        if faults:
            address, fault = next(iter(faults.items()))
            raise TargetError(f"scheduler: the worker {address} {fault}; {SHARED}")
        self._seen(target).update(new)

    def admit(self, workers: Mapping[str, Any], target: Target) -> set[str]:
        """Return those of some workers that can do blocks, and begin to check the others.

        A worker that cannot is named in a notice, and gets no block.
        """
        self.checked &= workers.keys()
        self._seen(target).intersection_update(workers)
        for address in [address for address in self._asked if address not in workers]:
            del self._asked[address]
        for address in list(self._asked):
            if self._asked[address].done():
                self._take(address, self._asked.pop(address), target)
        for address in workers.keys() - self.checked - self.refused.keys() - self._asked.keys():
            self._asked[address] = begin_call(functools.partial(self._check, address, target))
        return self._seen(target) & workers.keys()

    def clear_suspects(self, workers: Mapping[str, Any]) -> None:
        """Trust suspects again that answer that they do nothing.

        The others are asked from time to time.
        """
        for address in list(self.suspects):
            asked = self._freed.get(address)
            if address not in workers or (asked and asked.done() and not asked.exception() and not asked.result()):
                self.suspects.discard(address)
                self._freed.pop(address, None)
            elif asked is None or (asked.done() and time.monotonic() > self._next_ask_s):
                self._freed[address] = begin_call(functools.partial(count_under_way, self.client, address))
                self._next_ask_s = time.monotonic() + ASK_SUSPECT_S

    def _seen(self, target: Target) -> set[str]:
        return self._writing.setdefault(target.url, set())

    def _check(self, address: str, target: Target) -> dict[str, Any]:
        answer = self.probe.ask(self.client, [address]).get(address)
        if isinstance(answer, OSError) and not isinstance(answer, TimeoutError):
            raise answer  # its connection ended: it may be gone, or is asked again
        fault = self.probe.fault(answer)
        return {"fault": fault or self._look(target, [address]).get(address)}

    def _take(self, address: str, asked: Future[dict[str, Any]], target: Target) -> None:
        if asked.exception() is not None:
            logger.info("worker %s cannot be asked: %r", address, asked.exception())
            return
        fault = asked.result()["fault"]
        if fault is None:
            self.checked.add(address)
            self._seen(target).add(address)
            logger.info("worker %s joins", address)
            return
        self.refused[address] = fault
        give_notices([f"the worker {address} gets no blocks: it {fault}"])

    def _look(self, target: Target, addresses: list[str]) -> dict[str, str]:
        """Return what is wrong with the target as some workers see it, by worker."""
        objects = open_objects(target.url, target.storage_options)
        record = read_record(objects)
        if record is None:  # a sample for an estimate, in a folder of its own
            return {}
        answers = ask_each(self.client, target_probe(cloudpickle.dumps(target), PROBE_KEY), addresses)
        for key in [key for key in objects.keys(f"{FOLDER}/") if key.startswith(f"{PROBE_KEY}-")]:
            objects.delete(key)
        return {address: fault for address in addresses if (fault := _fault(target, answers.get(address), record))}


def _fault(target: Target, answer: object, record: Mapping[str, Any]) -> str | None:
    if isinstance(answer, BaseException):
        text = str(answer) if isinstance(answer, PyramidError) else f"{type(answer).__name__}: {answer}"
        return f"cannot write to the target {target.url}: {' '.join(text.split())}"
    if not isinstance(answer, Mapping) or digest_of(answer) != digest_of(record):
        return f"does not see the target {target.url}"
    return None
