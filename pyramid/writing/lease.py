"""Prevent two runs from writing to one target at once.

The document that says that a conversion is in progress also names its run, the process of the run, and a beat. The beat
is a number that grows while the run is alive. So a claim needs no object of its own, and disappears when the metadata
is committed. A run whose process has ended, or whose beat no longer grows, does not block others.

Of two runs that begin at once one gets the target: on local disk by a lock on its folder, on object storage since the
claim is put under the condition that nobody else has put one. A service may ignore the condition. So the claim is put
once more in a way that must be refused; where it is not, the claim is read back after a while.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pyramid.errors import StoppedError, StorageError, TakenError
from pyramid.feedback.notices import give_notices
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, group_documents
from pyramid.hierarchy.unfinished import IN_PROGRESS
from pyramid.model import StoreFormat
from pyramid.stores import Objects
from pyramid.stores.objects import Version
from pyramid.writing.claims import alive_here, being_written, check_no_run, read_claim
from pyramid.writing.processes import this_process

# Seconds between two beats. A beat writes one small object: 900 requests in an hour. A round number under half of
# `WATCH_S`, so that two beats fall into the time that a run is watched.
BEAT_S = 4.0
# Seconds after which a claim that was put without a condition is read back: longer than two runs that begin at once
# take for their claims, over any network.
SETTLE_S = 2.0
# Times that a beat is put: one whose answer was lost is put again, since it has changed the version.
_TRIES = 3
# A version that no object has.
_NO_VERSION: Version = {"e_tag": f'"{"0" * 32}"', "version": "1"}
# The statuses of services that do not know a condition.
_UNKNOWN_CONDITION = (400, 405, 501)


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
    shown
        Attributes of the group that viewers need while the run goes on; empty where nothing is to be seen before its
        end.
    """

    def __init__(
        self,
        objects: Objects,
        zarr_format: StoreFormat,
        record: Mapping[str, Any] | None = None,
        shown: Mapping[str, Any] | None = None,
    ) -> None:
        self._objects = objects
        self._zarr_format: StoreFormat = zarr_format
        self._shown = dict(shown or {})
        self._state = {"state": IN_PROGRESS, **({"record": record} if record else {})}
        self._recorded = True
        self._run = uuid.uuid4().hex
        self._beat = 0
        self._has_conditions = False
        self._version: Version | None = None
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="pyramid-lease")

    def documents(self) -> dict[str, bytes]:
        """Return the documents of the target's group by key, with the claim."""
        host, process = this_process()
        claim = {"run": self._run, "host": host, "process": process, "beat": self._beat}
        state = self._state if self._recorded else {"state": IN_PROGRESS}
        return group_documents(self._zarr_format, {**self._shown, "pyramid": {**state, **claim}})

    @property
    def run(self) -> str:
        """The name of the run, as its claim has it."""
        return self._run

    @property
    def key(self) -> str:
        """Key of the document with the claim."""
        return ATTRIBUTE_KEYS[self._zarr_format]

    @property
    def keys(self) -> Collection[str]:
        """Keys of all documents of the group."""
        return self.documents().keys()

    def take(self, *, replaces: bool = False, recorded: bool = True) -> None:
        """Write the claim, and renew it until `end`.

        Parameters
        ----------
        replaces
            Whether something may be there: an ended run, or an image that is to be removed.
        recorded
            Whether another run may go on from now on, or only after `record`.

        Raises
        ------
        TargetError
            If another run has claimed the target.
        """
        self._recorded = recorded
        alive_here.add(self._run)
        documents = self.documents()
        if self._objects.location.is_local:
            self._objects.put(self.key, documents[self.key])
        else:
            self._claim(documents[self.key], replaces=replaces)
        for key in documents.keys() - {self.key}:
            self._objects.put(key, documents[key])
        self._thread.start()

    def record(self, changed: Mapping[str, Any] | None = None) -> None:
        """Let other runs go on with this one if it stops.

        `changed` replaces its record.
        """
        if changed is not None:
            self._state = {**self._state, "record": changed}
        self._recorded = True
        if not self._renew():
            raise self._taken()

    def check_held(self) -> None:
        """Raise TakenError if a beat has found the claim of another run: no request."""
        if self._lost.is_set():
            raise self._taken()

    def _taken(self) -> TakenError:
        return TakenError(
            f"{self._objects.location} was taken by another conversion, or removed, while this one was running; "
            "convert again, to another target"
        )

    def _claim(self, body: bytes, *, replaces: bool) -> None:
        """Put the claim if no other run does so at the same time.

        Raises TargetError if another run has.
        """
        objects = self._objects
        try:
            before = objects.version(self.key) if replaces else None
            if before is not None:
                check_no_run(objects)
            self._version = objects.put_if(self.key, body, before)
            if self._version is None and self._is_ours() is not True:  # it is ours if only the answer was lost
                raise being_written(objects.location)
            if objects.checks_whole and self._is_ours() is False:  # it was damaged on its way
                objects.put(self.key, body)
                self._version = None
            if objects.put_if(self.key, body, None if before is None else _NO_VERSION) is None:
                self._has_conditions = True
                return
            why = "ignores the condition of a request"
        except StorageError as error:
            if error.status not in _UNKNOWN_CONDITION:
                raise
            objects.put(self.key, body)
            why = "knows no requests with a condition"
        self._version = None
        time.sleep(SETTLE_S)
        if self._is_ours() is False:
            raise being_written(objects.location)
        give_notices(
            (f"its store {why}: do not begin two conversions to it at the same moment",), str(objects.location)
        )

    def _is_ours(self) -> bool | None:
        """Return whether the claim that is there is that of this run.

        Returns None if it cannot be read: a store may permit writing but not reading.
        """
        try:
            found = read_claim(self._objects, self._zarr_format)
        except StorageError:
            return None
        return found is not None and found.get("run") == self._run

    def check(self) -> None:
        """Raise TakenError if another run has taken the target.

        Nothing is raised if the claim cannot be read.
        """
        if self._is_ours() is False:
            raise self._taken()

    def end(self) -> None:
        """Stop renewing the claim."""
        self._ended.set()
        alive_here.discard(self._run)
        if self._thread.ident is not None:
            self._thread.join(BEAT_S)

    def give_back(self, objects: Objects) -> bool:
        """Release the target, and return whether it is unfinished and was this run's.

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
        is_ours = False
        with suppress(StorageError, StoppedError):
            found = read_claim(objects, self._zarr_format)
            is_ours = found is not None and found.get("run") == self._run
            if is_ours and objects.location.is_local:  # other runs see that the beat of a remote target has ended
                released = group_documents(self._zarr_format, {**self._shown, "pyramid": self._state})
                objects.put(self.key, released[self.key])
        return is_ours

    def _keep(self) -> None:
        while not self._ended.wait(BEAT_S):
            with suppress(StorageError):  # a store that is down now may be back at the next beat
                if not self._renew():
                    self._lost.set()
                    return

    def _renew(self) -> bool:
        """Write the claim with the next beat, and return whether it is still this run's.

        Where the store has conditions it is one request, which changes no other run's claim.
        """
        with self._writing:
            self._beat += 1
            body = self.documents()[self.key]
            for _ in range(_TRIES):
                if self._version is None and not self._look():
                    return False
                if self._ended.is_set():
                    return True
                if not self._has_conditions:
                    self._objects.put(self.key, body)
                    return True
                self._version = self._objects.put_if(self.key, body, self._version)
                if self._version is not None:
                    return True
        raise StorageError(
            f"{self._objects.location}: {self.key} changes all the time; convert again, to another target"
        )

    def _look(self) -> bool:
        """Return whether the claim is this run's, and note its version."""
        version = self._objects.version(self.key) if self._has_conditions else None
        found = read_claim(self._objects, self._zarr_format)
        self._version = version
        return found is not None and found.get("run") == self._run
