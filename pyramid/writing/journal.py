"""The journal of an unfinished run: the blocks that are done.

It is a row of numbered segments in a folder of the target, which is removed when the metadata is committed. A segment
has the blocks that were finished since the segment before.

Pixels that a killed process has written survive it in the system's memory, but not a loss of power. So on local disk a
segment names the start of the system (its boot id), and counts only until the next one. Now and then the disk is
synced, and a segment says so: those before it count for good.
"""

from __future__ import annotations

import functools
import itertools
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from pyramid.concurrency.signals import leave_signals
from pyramid.errors import SourceError, StorageError, TakenError
from pyramid.hierarchy.nodes import parse_document, read_document
from pyramid.manifests.entry import Entry
from pyramid.manifests.text import format_entries
from pyramid.stores import Objects
from pyramid.writing.block_writer import StoredCount
from pyramid.writing.digested import ALGORITHM
from pyramid.writing.direct_io import sync_disk
from pyramid.writing.extremes import Extremes

logger = logging.getLogger(__name__)

FOLDER = ".pyramid-run"
# Seconds between two segments: what a killed run does again at most, besides the blocks that were under way.
SEGMENT_S = 2.0
# Seconds between two syncs: what is lost with the power at most. It is the time after which Linux writes by itself, so
# that a sync finds little to do; every 2 s, one made a run of 4 GiB take 7 % longer.
SYNC_S = 30.0
# Object that keeps room for the last segment on a disk that becomes full, and its size: two pages of any disk, and far
# more than such a segment takes.
RESERVE, RESERVE_BYTES = f"{FOLDER}/reserve", 2**17
# Largest record and segment that is read: a segment of `SEGMENT_S` holds thousands of numbers, not millions.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Segment:
    """Blocks of one pass that are done, and what was seen in them.

    Parameters
    ----------
    pass_
        Number of the pass.
    blocks
        Indices of the blocks, as ranges of first and last.
    source_bytes
        Bytes of the pixels that were read.
    extremes
        The least and the greatest value of each channel.
    stored
        Objects and bytes that were written, by level.
    boot
        Start of the system until whose end it counts; empty if it counts for good.
    synced
        Number of the segments before it that count for good.
    entries
        Keys, sizes and digests of the objects. They have an object of their own next to the segment, and are not read
        with it.
    digested
        Whether it has them; there may be none of them.
    """

    pass_: int
    blocks: tuple[tuple[int, int], ...]
    source_bytes: int
    extremes: Mapping[int, Extremes]
    stored: Mapping[int, StoredCount]
    boot: str = ""
    synced: int = 0
    entries: tuple[Entry, ...] = ()
    digested: bool = False

    def to_json(self, run_digest: str) -> bytes:
        """Return the segment as it is stored, with the digest of its run."""
        extremes = {str(channel): [seen.least, seen.greatest] for channel, seen in self.extremes.items()}
        stored = {str(level): list(count) for level, count in self.stored.items()}
        return json.dumps(
            {
                "run": run_digest,
                "pass": self.pass_,
                "blocks": self.blocks,
                "source_bytes": self.source_bytes,
                "extremes": extremes,
                "stored": stored,
                "boot": self.boot,
                "synced": self.synced,
                "digested": self.digested,
            }
        ).encode()

    @staticmethod
    def of_json(document: Mapping[str, Any], run_digest: str) -> Segment:
        """Return the segment of a document.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If it is damaged, or of another run.
        """
        if document["run"] != run_digest:
            raise ValueError("it is of another run")
        return Segment(
            int(document["pass"]),
            tuple((int(first), int(last)) for first, last in document["blocks"]),
            int(document["source_bytes"]),
            {int(channel): Extremes(*seen) for channel, seen in document["extremes"].items()},
            {int(level): StoredCount(*map(int, count)) for level, count in document["stored"].items()},
            str(document["boot"]),
            int(document["synced"]),
            digested=document["digested"] is True,
        )


@dataclass
class Journal:
    """The journal of a run; `add` takes its receipts in one thread.

    Parameters
    ----------
    objects
        The target.
    run_digest
        Digest of what the run does.
    number
        Number of the next segment.
    synced
        Number of the segments that count for good.
    is_used
        Whether it has written anything.
    """

    objects: Objects
    run_digest: str
    number: int = 0
    synced: int = 0
    is_used: bool = False
    _waiting: list[Segment] = field(default_factory=list)
    _written_s: float = field(default_factory=time.monotonic)
    _synced_s: float = field(default_factory=time.monotonic)
    _writing: Future[None] | None = None
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="pyramid-journal", initializer=leave_signals)
    )

    def add(self, done: Segment) -> None:
        """Note blocks that are done; a segment is written now and then, by another thread."""
        self._waiting.append(done)
        if not self.is_used and self.objects.location.is_local:
            self.is_used = True
            with suppress(StorageError):
                self.objects.put(RESERVE, bytes(RESERVE_BYTES))
        if time.monotonic() - self._written_s >= SEGMENT_S and (self._writing is None or self._writing.done()):
            self._writing = self._threads.submit(self._write, self._take())

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write the last segment, unless the run has ended well so early that it has none."""
        self._threads.shutdown()
        if isinstance(error, TakenError):  # the journal is another run's
            return
        if error is not None or self.number:
            if self.objects.location.is_local:
                with suppress(StorageError):
                    self.objects.delete(RESERVE)
            self._write(self._take())

    def _take(self) -> list[Segment]:
        taken, self._waiting, self._written_s = self._waiting, [], time.monotonic()
        return taken

    def _write(self, done: Sequence[Segment]) -> None:
        if not done:
            return
        try:
            is_local = self.objects.location.is_local
            if is_local and time.monotonic() - self._synced_s >= SYNC_S:
                sync_disk(self.objects.location.path)  # the blocks of the segments before, whose files are written
                self.synced, self._synced_s = self.number, time.monotonic()
            for segment in _joined(done):
                written = replace(segment, boot=boot_id() if is_local else "", synced=self.synced)
                if written.entries:
                    self.objects.put(entries_key(self.number), b"".join(format_entries(written.entries, ALGORITHM)))
                self.objects.put(segment_key(self.number), written.to_json(self.run_digest))
                self.number, self.is_used = self.number + 1, True
        except (StorageError, OSError) as error:  # the run goes on; if it stops, it does these blocks again
            logger.warning("the journal cannot be written: %s", error)


def _joined(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Yield one segment for each pass."""
    for number in sorted({segment.pass_ for segment in segments}):
        of_pass = [segment for segment in segments if segment.pass_ == number]
        extremes: dict[int, Extremes] = {}
        stored: dict[int, StoredCount] = {}
        for segment in of_pass:
            for channel, seen in segment.extremes.items():
                extremes[channel] = extremes.get(channel, Extremes(None, None)).joined(seen)
            for level, count in segment.stored.items():
                stored[level] = stored.get(level, StoredCount()).joined(count)
        blocks = _ranges(sorted(first for segment in of_pass for first, _ in segment.blocks))
        yield Segment(
            number,
            tuple(blocks),
            sum(segment.source_bytes for segment in of_pass),
            extremes,
            stored,
            entries=tuple(entry for segment in of_pass for entry in segment.entries),
            digested=all(segment.digested for segment in of_pass),
        )


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as ranges of first and last.

    Examples
    --------
    >>> _ranges([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def read_segments(objects: Objects, run_digest: str) -> tuple[list[Segment], int]:
    """Return the segments of a run's journal, and how many of them count for good.

    One that is damaged or of another run ends the journal: later blocks are done again. One whose pixels may have been
    lost with the power is left out.
    """
    found: list[Segment] = []
    with suppress(SourceError, ValueError, TypeError, KeyError, AttributeError):
        while (body := read_document(objects, key := segment_key(len(found)), MAX_BYTES)) is not None:
            found.append(Segment.of_json(parse_document(body, key), run_digest))
    synced = max((segment.synced for segment in found), default=0)
    counts = (number < synced or segment.boot in ("", boot_id()) for number, segment in enumerate(found))
    return [segment for segment, _ in zip(found, itertools.takewhile(bool, counts), strict=False)], synced


@functools.cache
def boot_id() -> str:
    """Return a name for this start of the system; empty where the system gives none."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def segment_key(number: int) -> str:
    """Return the key of a segment.

    Examples
    --------
    >>> segment_key(12)
    '.pyramid-run/00000012.json'
    """
    return f"{FOLDER}/{number:08d}.json"


def entries_key(number: int) -> str:
    """Return the key of the digests of a segment's objects."""
    return f"{FOLDER}/{number:08d}.{ALGORITHM}"


def remove_journal(objects: Objects) -> None:
    """Remove the journal of a run that is finished.

    Where that fails, the target is whole all the same, and the log says so.
    """
    try:
        for key in list(objects.keys(f"{FOLDER}/")):
            objects.delete(key)
    except StorageError as error:
        logger.warning("%s is finished, but its journal cannot be removed: %s", objects.location, error)
    if objects.location.is_local:
        with suppress(OSError):
            os.rmdir(os.path.join(objects.location.path, FOLDER))
