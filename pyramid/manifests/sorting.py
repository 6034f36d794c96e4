"""Entries sorted by key, of which any number may come in any order.

Only a bounded number of them is in memory. The others wait in sorted runs, in temporary files that have no name.
"""

from __future__ import annotations

import heapq
import pickle
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO

from pyramid.manifests.entry import Entry, decode_key, encode_key

# Entries in memory before they are written to a file: some 30 MB.
MAX_HELD = 100_000
# Files that are open at once. Beyond, they are merged into one, as a process may open only so many.
MAX_RUNS = 64
# Entries that are written and read at once: few calls, and little memory for each of the files.
_BATCH = 1000

_Row = tuple[bytes, int | None, str]


class Sorter:
    """Takes entries from any thread, and gives them sorted; of equal keys the last.

    It is a context manager, whose end removes the temporary files.

    Examples
    --------
    >>> with Sorter() as sorter:
    ...     sorter.extend([Entry("b", 1, "2"), Entry("a", 1, "1"), Entry("b", 2, "3")])
    ...     [(entry.key, entry.digest) for entry in sorter.sorted()]
    [('a', '1'), ('b', '3')]
    """

    def __init__(self) -> None:
        self._held: list[_Row] = []
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()
        self._changing = threading.Lock()

    def extend(self, entries: Iterable[Entry]) -> None:
        """Take further entries."""
        with self._changing:
            for key, size, digest in entries:
                self._held.append((encode_key(key), size, digest))
                if len(self._held) >= MAX_HELD:
                    self._spill()

    def sorted(self) -> Iterator[Entry]:
        """Yield all entries by the bytes of their keys; none may be added later."""
        last: _Row | None = None
        for row in self._rows():
            if last is not None and last[0] != row[0]:
                yield Entry(decode_key(last[0]), last[1], last[2])
            last = row
        if last is not None:
            yield Entry(decode_key(last[0]), last[1], last[2])

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._files.close()

    def _rows(self) -> Iterator[_Row]:
        """Yield all rows by key; of equal keys, those that came first come first."""
        self._held.sort(key=_key_of)
        return heapq.merge(*(_read(run) for run in self._runs), self._held, key=_key_of)

    def _spill(self) -> None:
        """Write what is in memory to a file, or with it what is in all files to one."""
        if len(self._runs) < MAX_RUNS:
            self._held.sort(key=_key_of)
            self._runs.append(self._written(self._held))
        else:
            merged, before = self._written(self._rows()), self._runs
            self._runs = [merged]
            for run in before:
                run.close()
        self._held = []

    def _written(self, rows: Iterable[_Row]) -> IO[bytes]:
        file: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile(prefix="pyramid-"))  # noqa: SIM115  (it ends with the sorter)
        batch: list[_Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
                batch = []
        pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
        return file


def _key_of(row: _Row) -> bytes:
    return row[0]


def _read(file: IO[bytes]) -> Iterator[_Row]:
    file.seek(0)
    while True:
        try:
            batch = pickle.load(file)
        except EOFError:
            return
        yield from batch
