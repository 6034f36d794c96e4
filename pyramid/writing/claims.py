"""Read the claim of a run on its target, and find whether that run is alive."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyramid.errors import StorageError, TargetError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS
from pyramid.hierarchy.unfinished import IN_PROGRESS
from pyramid.model import StoreFormat
from pyramid.stores import Location, Objects, open_objects
from pyramid.writing.processes import is_running, this_process

# Seconds after which a beat that does not grow has ended: over twice the pause between two beats, so that one late beat
# does not matter. A user who replaces the target of a killed run waits that long.
WATCH_S = 10.0
# Seconds between two looks at a beat. A round number: looks are requests, and a live run is found half a pause late at
# most.
_LOOK_S = 0.5
# Largest document that is parsed, in bytes: a claim has some 200, and a larger document is not one of ours.
_MAX_BYTES = 2**20
# Folder of a group with the claim and the journal of a run that adds levels to it.
ADDING = ".pyramid-levels"
# Runs of this process that are alive. Needed because a full disk can prevent a run from releasing its target.
alive_here: set[str] = set()
# Runs of this process around others: those of collections, whose images are written within them.
_around_here: set[str] = set()


def check_no_run(objects: Objects) -> None:
    """Raise TargetError if a run that is alive writes to the target.

    A run on another machine, or to object storage, is watched for up to `WATCH_S` seconds.
    """
    places: list[tuple[StoreFormat, str]] = [*((form, "") for form in ATTRIBUTE_KEYS), (3, f"{ADDING}/")]
    for zarr_format, folder in places:
        claim = read_claim(objects, zarr_format, folder)
        is_other = claim is not None and "run" in claim and claim["run"] not in _around_here
        if claim is not None and is_other and _is_alive(objects, zarr_format, claim, folder):
            raise being_written(objects.location)


@contextmanager
def enclosing(run: str) -> Iterator[None]:
    """Let other runs of this process write within the target of a run."""
    _around_here.add(run)
    try:
        yield
    finally:
        _around_here.discard(run)


def being_written(location: Location) -> TargetError:
    """Return the error of a target that a live run writes to."""
    return TargetError(f"{location} is being written by another conversion; wait until it ends, or give another target")


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
        claim = read_claim(objects, zarr_format)
        if claim is not None:
            record = claim.get("record")
            return record if isinstance(record, dict) else {}
    return None


def _is_alive(objects: Objects, zarr_format: StoreFormat, claim: Mapping[str, Any], folder: str) -> bool:
    host, process = this_process()
    if (claim.get("host"), claim.get("process")) == (host, process):
        return claim.get("run") in alive_here
    if claim.get("host") == host:
        alive = is_running(str(claim.get("process")))
        if not alive or objects.location.is_local:
            return alive
    until_s = time.monotonic() + WATCH_S
    while time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        if read_claim(objects, zarr_format, folder) != claim:
            return True
    return False


def read_claim(objects: Objects, zarr_format: StoreFormat, folder: str = "") -> Mapping[str, Any] | None:
    """Return the claim of a conversion in progress on the target, or None.

    `folder` is that of a run that adds levels, with a slash at its end.
    """
    body = objects.get(f"{folder}{ATTRIBUTE_KEYS[zarr_format]}")
    if body is None or len(body) > _MAX_BYTES:
        return None
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
        attributes = document.get("attributes") if zarr_format == 3 and isinstance(document, dict) else document
        claim = attributes.get("pyramid") if isinstance(attributes, dict) else None
        return claim if isinstance(claim, dict) and claim.get("state") == IN_PROGRESS else None
    return None
