"""The objects of a store: their manifest, and how they differ from one."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

from pyramid.concurrency.pool import Pool
from pyramid.downloading import MAX_OBJECTS
from pyramid.engine.machine import available_cores
from pyramid.errors import OptionError, SourceError, StorageError, ending_with_remedy, with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.inventory.keys import StoreKeys, check_stdout
from pyramid.inventory.progress import ManifestProgress, ManifestTally
from pyramid.manifests.comparing import Finding, reading_manifest
from pyramid.manifests.dandi import dandi_checksum
from pyramid.manifests.digesting import digest_objects
from pyramid.manifests.entry import Entry
from pyramid.manifests.files import manifest_file
from pyramid.manifests.sorting import Sorter
from pyramid.manifests.text import format_entries, read_entries
from pyramid.options import parsing
from pyramid.options.one_of import check_choice
from pyramid.stores import Readable, open_objects, path_or_url
from pyramid.tables import format_count

# The forms of a manifest, and the digest of each.
FORMS: Mapping[str, str] = {"sha256": "sha256", "md5": "md5", "dandi": "md5"}
# Requests at a time to a store that is not on this machine: enough that their latency hides.
REMOTE_WORKERS = 16
# Bytes of a manifest in memory before it is kept in a temporary file.
MAX_HELD_BYTES = 16 * 2**20

__all__ = ["FORMS", "Finding", "Manifest", "ManifestProgress", "check_stdout", "compare", "manifest"]

BinaryFile: TypeAlias = IO[bytes]
Progress: TypeAlias = bool | Callable[[ManifestProgress], object] | None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Manifest:
    """The manifest of a store, which yields its entries, sorted by key.

    Parameters
    ----------
    url
        URL of the store, free of secrets.
    form
        ``sha256``, ``md5`` or ``dandi``.
    objects, bytes
        Number of objects, and their size.
    checksum
        DANDI's checksum of the whole store; None in other forms.
    output
        The file that it was written to; None if it was not.
    seconds
        Duration of the work.
    notices
        Parts that were left out, and why.
    """

    url: str
    form: str
    objects: int
    bytes: int
    checksum: str | None
    output: str | None
    seconds: float
    notices: tuple[str, ...]
    _file: BinaryFile = field(repr=False, compare=False)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; there are none in the form ``dandi``."""
        if self.checksum is None:
            self._file.seek(0)
            yield from read_entries(self._file, self.url)

    def __str__(self) -> str:
        """Return the whole text of the manifest."""
        self._file.seek(0)
        return self._file.read().decode("utf-8", "surrogateescape")

    def __post_init__(self) -> None:
        weakref.finalize(self, self._file.close)  # before the file itself goes, whatever else is collected with both

    def copy_json_to(self, file: BinaryFile) -> None:
        """Write all as JSON to a file that is open, with entries unless they have a file."""
        document = json.dumps(self.to_dict(), indent=2)
        if self.output is not None or self.checksum is not None:
            file.write(f"{document}\n".encode())
            return
        file.write(f'{document.removesuffix("}").rstrip()},\n  "entries": ['.encode())
        for number, entry in enumerate(self):
            file.write(f"{',' if number else ''}\n    {json.dumps(entry._asdict())}".encode())
        file.write(b"\n  ]\n}\n")

    def copy_to(self, file: BinaryFile) -> None:
        """Write the text of the manifest to a file that is open."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)

    def summary(self) -> str:
        """Return the result as one line for a terminal."""
        return f"{format_count(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"

    def to_dict(self) -> dict[str, Any]:
        """Return all but the entries, ready for JSON."""
        names = ("url", "form", "objects", "bytes", "checksum", "output", "seconds", "notices")
        return {name: getattr(self, name) for name in names}


@ending_with_remedy()
def manifest(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    form: str = "sha256",
    *,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    max_objects: int = MAX_OBJECTS,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = None,
) -> Manifest:
    """Return the keys, sizes and digests of all objects of a store, sorted by key.

    Parameters
    ----------
    url
        A path or URL of a store. At plain HTTP it must be an OME-Zarr, whose metadata says what there may be.
    form
        ``sha256`` or ``md5``, which ``sha256sum -c`` and ``md5sum -c`` read, or ``dandi``: one checksum of the whole.
    output
        A file to which the manifest is written.
    workers
        Objects that are read at a time: one a core of this machine, else 16.
    max_objects
        At plain HTTP, the most objects that are asked for: a shape may promise any number.
    storage_options
        Options with which the store is opened, as ``{"anon": True}``.
    progress
        A function that is called with a `ManifestProgress`, in this thread. True shows progress, False shows none; by
        default a notebook shows it.

    Warns
    -----
    PyramidWarning
        For each notice of the result.

    Raises
    ------
    OptionError
        If an option cannot be used.
    SourceError
        If nothing is there, an object cannot be read, or a conversion or download of it is not finished.
    TargetError
        If `output` cannot be written, or is in the store, of which it would be a part.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/a.ome.zarr")
    >>> [entry.key for entry in manifest(f"{folder}/a.ome.zarr")]
    ['0/c/0/0', '0/zarr.json', '1/c/0/0', '1/zarr.json', 'zarr.json']
    """
    place, algorithm = path_or_url(url, "url"), FORMS[check_choice("form", form, tuple(FORMS))]
    written = None if output is None else manifest_file("output", os.fspath(output))
    if written is not None:
        written.check(None, place)
    with ExitStack() as unfinished:
        text = unfinished.enter_context(tempfile.SpooledTemporaryFile(MAX_HELD_BYTES))
        with _reading(place, workers, max_objects, storage_options, progress) as store:
            entries, checksum = store.entries(algorithm, ()), None
            if form == "dandi":
                checksum = dandi_checksum(entries)
                text.write(f"{checksum}\n".encode())
            else:
                text.writelines(format_entries(entries, algorithm))
        give_notices(store.notices)
        unfinished.pop_all()
    counts, file_name = (store.tally.objects, store.tally.bytes), None if written is None else written.path
    made = Manifest(store.url, form, *counts, checksum, file_name, store.tally.seconds, store.notices, _file=text)
    if written is not None:
        with written.replacing() as file:
            made.copy_to(file)
    return made


def compare(  # noqa: PLR0913  (as `manifest`)
    url: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    max_objects: int = MAX_OBJECTS,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = None,
) -> Iterator[Finding]:
    """Yield the differences between a store and a manifest, sorted by key.

    Parameters
    ----------
    url
        A path or URL of a store.
    path
        Path of a manifest that `manifest`, ``sha256sum`` or ``md5sum`` wrote, or of a file with DANDI's checksum.
    workers, max_objects, storage_options, progress
        As for `manifest`.

    Raises
    ------
    OptionError
        If `path` is not a manifest, or an option cannot be used.
    SourceError
        If nothing is there, or an object of it cannot be read.
    """
    place = path_or_url(url, "url")
    with (
        reading_manifest(os.fspath(path)) as listed,
        _reading(place, workers, max_objects, storage_options, progress) as store,
    ):
        if listed.checksum is None:
            named = () if store.are_listed else (entry.key for entry in listed.sorter.sorted())
            yield from listed.findings(store.entries(listed.algorithm, named))
        elif (found := dandi_checksum(store.entries("md5", ()))) != listed.checksum:
            yield Finding("", "digest", listed.checksum, found)
    give_notices(store.notices)


@dataclass(frozen=True)
class _Store:
    """A store that is being read."""

    objects: Readable
    keys: StoreKeys
    pool: Pool
    tally: ManifestTally
    sorter: Sorter

    @property
    def url(self) -> str:
        return str(self.objects.location)

    @property
    def are_listed(self) -> bool:
        return self.keys.are_listed

    @property
    def notices(self) -> tuple[str, ...]:
        return (*self.keys.notices, *self.objects.notices)

    def entries(self, algorithm: str, named: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries of all objects, also of those `named` that exist."""
        self.keys.check()
        found = self.tally.finding(itertools.chain(self.keys, named))
        self.sorter.extend(Entry(key, None, "") for key in found)
        keys = (entry.key for entry in self.sorter.sorted())
        read = digest_objects(self.objects, keys, algorithm, self.pool)
        yield from self.tally.reading(read)
        if not self.tally.objects:
            raise SourceError(f"{self.url} holds nothing; check the path or the URL")


@contextmanager
def _reading(
    place: str, workers: int | None, max_objects: int, options: Mapping[str, Any] | None, progress: Progress
) -> Iterator[_Store]:
    """Open a store to read all of it, with threads and progress."""
    objects = Readable(open_objects(place, options))
    usual = available_cores() if objects.location.is_local else REMOTE_WORKERS
    threads = usual if workers is None else _parse_count("workers", workers)
    most = _parse_count("max_objects", max_objects)
    with showing_progress(progress, "manifest") as callback, Pool(threads) as pool, Sorter() as sorter:
        try:
            yield _Store(objects, StoreKeys(objects, pool, most), pool, ManifestTally(callback), sorter)
        except StorageError as error:
            raise SourceError(with_remedy(error, "check the address and the credentials")) from error


def _parse_count(name: str, value: object) -> int:
    try:
        return parsing.count(value)
    except OptionError as error:
        raise OptionError(f"{name}: {error}") from None
