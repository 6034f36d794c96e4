"""Prevent two runs from writing to one target at once.

The document that says that a conversion is in progress also names its run, the process of the run, and a beat. The beat
is a number that grows while the run is alive. So a claim needs no object of its own, and disappears when the metadata
is committed. A run whose process has ended, or whose beat no longer grows, does not block others.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil

from pyramid.errors import StoppedError, StorageError, TargetError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, group_documents
from pyramid.hierarchy.unfinished import IN_PROGRESS
from pyramid.stores import Location, Objects, open_objects

# Seconds between two beats. A beat reads and writes one small object: 900 requests of each kind in an hour. A round
# number under half of `WATCH_S`, so that two beats fall into the time that a run is watched.
BEAT_S = 4.0
# Seconds after which a beat that does not grow has ended: over twice the pause, so that one late beat does not matter.
# A user who replaces the target of a killed run waits that long.
WATCH_S = 10.0
# Seconds between two looks at a beat. A round number: looks are requests, and a live run is found half a pause late at
# most.
_LOOK_S = 0.5
# Largest document that is parsed, in bytes: a claim has some 200, and a larger document is not one of ours.
_MAX_BYTES = 2**20
# Runs of this process that are alive. Needed because a full disk can prevent a run from releasing its target.
_alive_here: set[str] = set()


class Lease:
    """The claim of one run on its target, renewed until the run ends.

    Parameters
    ----------
    objects
        The target.
    zarr_format
        Zarr format of its group.
    record
        What the run does, as values for JSON, so that another can go on with it.
    """

    def __init__(self, objects: Objects, zarr_format: Literal[2, 3], record: Mapping[str, Any] | None = None) -> None:
        self._objects = objects
        self._zarr_format: Literal[2, 3] = zarr_format
        self._state = {"state": IN_PROGRESS, **({"record": record} if record else {})}
        self._run = uuid.uuid4().hex
        self._beat = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="pyramid-lease")

    def documents(self) -> dict[str, bytes]:
        """Return the documents of the target's group by key, with the claim."""
        host, process = _this_process()
        claim = {"run": self._run, "host": host, "process": process, "beat": self._beat}
        return group_documents(self._zarr_format, {"pyramid": {**self._state, **claim}})

    def take(self) -> None:
        """Write the claim, and renew it until `end`."""
        _alive_here.add(self._run)
        for key, body in self.documents().items():
            self._objects.put(key, body)
        self._thread.start()

    def check(self) -> None:
        """Raise TargetError if another run has taken the target.

        Nothing is raised if the claim cannot be read: a store may permit writing but not reading.
        """
        try:
            found = _read_claim(self._objects, self._zarr_format)
        except StorageError:
            return
        if found is None or found.get("run") != self._run:
            raise TargetError(
                f"{self._objects.location} was taken by another conversion, or removed, while this one was running; "
                "convert again, to another target"
            )

    def end(self) -> None:
        """Stop renewing the claim."""
        self._ended.set()
        _alive_here.discard(self._run)
        if self._thread.ident is not None:
            self._thread.join(BEAT_S)

    def give_back(self, objects: Objects) -> bool:
        """Release the target, and return whether it is unfinished.

        Parameters
        ----------
        objects
            The target, opened for a single attempt: the run may have failed because the store does not answer.

        Returns
        -------
        bool
            False also if that cannot be found out.
        """
        self.end()
        found = None
        with suppress(StorageError, StoppedError):
            found = _read_claim(objects, self._zarr_format)
            if found is not None and found.get("run") == self._run and objects.location.is_local:
                key = ATTRIBUTE_KEYS[self._zarr_format]  # other runs see that the beat of a remote target has ended
                objects.put(key, group_documents(self._zarr_format, {"pyramid": self._state})[key])
        return found is not None

    def _keep(self) -> None:
        key = ATTRIBUTE_KEYS[self._zarr_format]
        while not self._ended.wait(BEAT_S):
            with suppress(StorageError):  # a store that is down now may be back at the next beat
                found = _read_claim(self._objects, self._zarr_format)
                if found is None or found.get("run") != self._run or self._ended.is_set():
                    return
                self._beat += 1
                self._objects.put(key, self.documents()[key])


def check_no_run(objects: Objects) -> None:
    """Raise TargetError if a run that is alive writes to the target.

    A run on another machine, or to object storage, is watched for up to `WATCH_S` seconds.
    """
    for zarr_format in ATTRIBUTE_KEYS:
        claim = _read_claim(objects, zarr_format)
        if claim is not None and "run" in claim and _is_alive(objects, zarr_format, claim):
            raise TargetError(
                f"{objects.location} is being written by another conversion; wait until it ends, or give another target"
            )


def check_no_run_around(location: Location) -> None:
    """Raise TargetError if a live run writes to a folder or to one around it.

    Only folders on local disk are checked: on object storage each folder above would cost requests.
    """
    if not location.is_local:
        return
    for folder in (location.path, *map(str, Path(location.path).parents)):
        if any(os.path.isfile(os.path.join(folder, key)) for key in ATTRIBUTE_KEYS.values()):
            with suppress(StorageError):  # of another user, for example: then it is not a target
                check_no_run(open_objects(folder))


def read_record(objects: Objects) -> Mapping[str, Any] | None:
    """Return what an unfinished run at a target does.

    Returns
    -------
    mapping or None
        None where no run is unfinished; empty for one that keeps no record.
    """
    for zarr_format in ATTRIBUTE_KEYS:
        claim = _read_claim(objects, zarr_format)
        if claim is not None:
            record = claim.get("record")
            return record if isinstance(record, dict) else {}
    return None


def _is_alive(objects: Objects, zarr_format: Literal[2, 3], claim: Mapping[str, Any]) -> bool:
    host, process = _this_process()
    if (claim.get("host"), claim.get("process")) == (host, process):
        return claim.get("run") in _alive_here
    if claim.get("host") == host:
        alive = _is_running(str(claim.get("process")))
        if not alive or objects.location.is_local:
            return alive
    until_s = time.monotonic() + WATCH_S
    while time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        if _read_claim(objects, zarr_format) != claim:
            return True
    return False


def _read_claim(objects: Objects, zarr_format: Literal[2, 3]) -> Mapping[str, Any] | None:
    """Return the claim of a conversion in progress on the target, or None."""
    body = objects.get(ATTRIBUTE_KEYS[zarr_format])
    if body is None or len(body) > _MAX_BYTES:
        return None
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
        attributes = document.get("attributes") if zarr_format == 3 and isinstance(document, dict) else document
        claim = attributes.get("pyramid") if isinstance(attributes, dict) else None
        return claim if isinstance(claim, dict) and claim.get("state") == IN_PROGRESS else None
    return None


def _this_process() -> tuple[str, str]:
    """Return a digest of this machine, and the name of this process.

    Containers that count processes separately have different digests.
    """
    return _machine(), _name_process(os.getpid())


@functools.cache
def _machine() -> str:
    known = [platform.node(), str(uuid.getnode())]
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        known += [file.read(), str(os.stat("/proc/self/ns/pid").st_ino)]  # each container numbers its own processes
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:16]


def _name_process(pid: int) -> str:
    """Return the number and start time of a process, since numbers are reused."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def _is_running(process: str) -> bool:
    try:
        pid = int(process.partition(" ")[0])
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and _name_process(pid) == process
    except (ValueError, OverflowError, psutil.Error):
        return False
