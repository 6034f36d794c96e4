"""A creation that has begun: its record in the target, and its claim."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.creating.declaring import Declared
from pyramid.engine.resuming import CREATED, describe, differences, is_finished
from pyramid.errors import OptionError, TargetError, list_some
from pyramid.planning import Plan
from pyramid.stores import open_objects
from pyramid.writing.claims import read_record
from pyramid.writing.errors import wrap_errors
from pyramid.writing.lease import BEAT_S
from pyramid.writing.target import Target

# The most differences that an error lists.
MAX_LISTED = 4
# Further keys of the record: the name of a creation, and the plan of its levels while they are built.
NAME, BUILT = "name", "built"


def describe_creation(plan: Plan, declared: Declared) -> dict[str, Any]:
    """Return what must be the same when a creation goes on, as values for JSON."""
    described = describe(plan, declared.source)
    described.pop("resources")  # levels are planned for those that are there when they are built
    return {**described, "axes": declared.letters, "shape": [*declared.shape]}


def new_record(plan: Plan, declared: Declared) -> dict[str, Any]:
    """Return the record of a creation that begins."""
    return {CREATED: describe_creation(plan, declared), NAME: uuid.uuid4().hex}


def find_begun(url: str, options: Mapping[str, Any] | None, plan: Plan, declared: Declared) -> dict[str, Any] | None:
    """Return the record of the creation at a target; None where nothing is there.

    Raises
    ------
    TargetError
        If something else is there.
    OptionError
        If another image was begun there; the error names what differs.
    """
    objects = open_objects(url, options)
    with wrap_errors(url, "what is there", "read"):
        record = read_record(objects)
        if record is None:
            if next(iter(objects.keys()), None) is None:
                return None
            what = "is finished" if is_finished(url, options) else "exists, and is not an unfinished creation"
            raise TargetError(f"{objects.location} {what}; give another target, or start again with overwrite=True")
    if CREATED not in record:
        raise TargetError(
            f"{objects.location} was begun by convert, which goes on with it; give another target, or start again with "
            "overwrite=True"
        )
    found = [*differences(record[CREATED], describe_creation(plan, declared), "")]
    if found:
        raise OptionError(
            f"{objects.location} was begun as another image: {list_some(found, MAX_LISTED)}; give what it was begun "
            "with, or start again with overwrite=True"
        )
    return dict(record)


@dataclass
class Claim:
    """The creation that a handle writes to, as other processes see it.

    Parameters
    ----------
    target
        The target.
    name
        The name of the creation, which outlives the process that began it.
    """

    target: Target
    name: str
    _seen_s: float | None = None

    def check(self) -> None:
        """Raise TargetError if the creation has ended, or its levels are being built.

        The target is asked now and then: one request.
        """
        if self._seen_s is not None and time.monotonic() - self._seen_s < BEAT_S:
            return
        url = self.target.url
        with wrap_errors(url, "its record", "read"):
            record = read_record(open_objects(url, self.target.storage_options))
        if record is None or record.get(NAME) != self.name:
            raise TargetError(f"{url}: the image that was being created is finished or replaced; nothing is written")
        if BUILT in record:
            raise TargetError(f"{url}: finish() is building the levels, so nothing more is written; create it anew")
        self._seen_s = time.monotonic()
