"""The outcome of each image of a batch."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pyramid.batch.items import BatchItem
from pyramid.engine.report import RunReport, error_document
from pyramid.engine.reported_options import source_name, target_name
from pyramid.errors import PyramidError, StoppedError, StorageError, TargetError, exit_status
from pyramid.stores import locate
from pyramid.writing.create import UNFINISHED

# `whole`: finished by an earlier run. `left`: not begun, or stopped with the batch.
State: TypeAlias = Literal["done", "whole", "failed", "left"]
# Errors of the system that every other image of the folder would meet too.
_OF_THE_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The end of one image of a batch.

    Parameters
    ----------
    source, target
        Paths or URLs, without secrets.
    name
        The target below the folder of the batch.
    state
        ``done``, ``whole`` (finished by an earlier run), ``failed``, or ``left`` (not begun, or stopped with the
        batch).
    exit_status
        That of a command with this image only; 0 if it is not known.
    error
        The sentence of a failure; empty if there is none.
    error_class
        Its class.
    is_unfinished
        Whether the target holds a part that `resume` goes on with.
    seconds
        Time that it took.
    source_bytes, stored_bytes
        Size in bytes of its pixels, and of all levels as written.
    notices
        What was left out, assumed or repaired.
    """

    source: str
    target: str
    name: str
    state: State
    exit_status: int = 0
    error: str = ""
    error_class: str = ""
    is_unfinished: bool = False
    seconds: float = 0.0
    source_bytes: int = 0
    stored_bytes: int = 0
    notices: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """True if the pyramid is complete."""
        return self.state in ("done", "whole")

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome for JSON."""
        return {
            "source": self.source,
            "target": self.target,
            "outcome": self.state,
            "exit_status": self.exit_status,
            "error": {"class": self.error_class, "message": self.error} if self.error else None,
            "unfinished": self.is_unfinished,
            "seconds": self.seconds,
            "source_bytes": self.source_bytes,
            "stored_bytes": self.stored_bytes,
            "notices": list(self.notices),
        }


def outcome_left(item: BatchItem) -> BatchOutcome:
    """Return the outcome of an image that was not begun."""
    return BatchOutcome(source_name(item.source), target_name(item.final_target) or "", item.name, "left")


def outcome_done(item: BatchItem, record: RunReport, notices: tuple[str, ...]) -> BatchOutcome:
    """Return the outcome of an image that is complete."""
    source, target = source_name(item.source), target_name(item.final_target) or ""
    if record.tally is None:
        return BatchOutcome(source, target, item.name, "whole", seconds=record.seconds)
    stored = sum(count.stored_bytes for count in record.tally.stored.values())
    return BatchOutcome(
        source,
        target,
        item.name,
        "done",
        seconds=record.seconds,
        source_bytes=record.source_bytes or 0,
        stored_bytes=stored,
        notices=notices,
    )


def outcome_failed(
    item: BatchItem, error: BaseException, seconds: float, notices: tuple[str, ...], *, is_stopped: bool
) -> BatchOutcome:
    """Return the outcome of an image that failed, or was stopped with the batch."""
    document = error_document(error)
    state: State = "left" if is_stopped and isinstance(error, StoppedError) else "failed"
    return BatchOutcome(
        source_name(item.source),
        target_name(item.final_target) or "",
        item.name,
        state,
        exit_status=exit_status(error),
        error="" if state == "left" else document["message"],
        error_class="" if state == "left" else document["class"],
        is_unfinished=any(UNFINISHED in note for note in document["notes"]),
        seconds=seconds,
        notices=notices,
    )


def ends_the_batch(error: BaseException, item: BatchItem, *, on_cluster: bool) -> bool:
    """Return whether a failure would also be that of the images that follow.

    So it is if the disk is full or broken, if the store of the target refuses or does not answer, and if a cluster is
    lost.
    """
    if not isinstance(error, TargetError | StoppedError):
        return False
    if on_cluster and isinstance(error, StoppedError):
        return True
    is_remote = not _is_local(item.target)
    return any(
        (isinstance(cause, OSError) and cause.errno in _OF_THE_DISK) or (is_remote and isinstance(cause, StorageError))
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_local(target: str) -> bool:
    try:
        return locate(target).is_local
    except PyramidError:
        return True
