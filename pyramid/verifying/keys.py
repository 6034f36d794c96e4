"""The keys of a store against the grids of its levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyramid.errors import StorageError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.stores import Readable
from pyramid.tables import format_count
from pyramid.verifying.arrays import MISSING, BadChunk, Level
from pyramid.verifying.findings import Finding

# Findings of one array: a level without objects would otherwise hide all else.
MAX_LISTED = 1000
# Groups that hold no levels.
_OTHER = ("OME", "tables", "thumbnails")
_DOCUMENTS = (*ROOT_KEYS, ".zmetadata")


class KeyCheck:
    """The objects that are there, by level, and the keys that belong to nothing.

    Parameters
    ----------
    groups
        Paths of all groups that metadata names.
    levels
        All levels.

    Attributes
    ----------
    present
        A flag for each object of each level, by the path of its array.
    """

    def __init__(self, groups: Iterable[str], levels: Iterable[Level]) -> None:
        self._levels = {level.node.path: level for level in levels}
        self._groups = {*groups, *(path.rpartition("/")[0] for path in self._levels)}
        self.present = {path: bytearray(level.grid.count) for path, level in self._levels.items()}
        self._extra: dict[str, int] = {}
        self._strange: dict[str, list[str]] = {}

    def take(self, objects: Readable) -> bool:
        """List all keys; return False if they cannot be listed, as on the web."""
        try:
            for key in objects.keys(""):
                self._take(key)
        except StorageError:
            if objects.location.is_local:
                raise
            return False
        return True

    def _take(self, key: str) -> None:
        folder, _, name = key.rpartition("/")
        if name in _DOCUMENTS and (folder in self._groups or folder in self._levels):
            return
        above = folder
        while above not in self._levels and above:
            above = above.rpartition("/")[0]
        if above in self._levels:
            below = key[len(above) + 1 :] if above else key
            number = self._levels[above].grid.number_of(below)
            if number is None:
                self._strange.setdefault(above, []).append(key)
            else:
                self.present[above][number] = 1
            return
        while folder not in self._groups and folder:
            folder = folder.rpartition("/")[0]
        first = key[len(folder) + 1 :].partition("/")[0] if folder else key.partition("/")[0]
        if first not in _OTHER and folder.rpartition("/")[2] not in _OTHER:
            place = f"{folder}/{first}" if folder else first
            self._extra[place] = self._extra.get(place, 0) + 1

    def findings(self) -> Iterator[Finding]:
        """Yield the keys that belong to no level.

        Inside the folder of an array they are wrong; hidden files there, and anything elsewhere, are only suspect.
        """
        for path, keys in self._strange.items():
            level = self._levels[path]
            for key in keys[:MAX_LISTED]:
                hidden = any(part.startswith(".") for part in key[len(path) :].split("/"))
                message = "the object belongs to no chunk of its level; it is not removed"
                yield Finding("extra", message, level.image, key, level.number, suspect=hidden)
        for place, count in self._extra.items():
            verb = "belongs" if count == 1 else "belong"
            message = f"{format_count(count, 'object')} there {verb} to no level; nothing is removed"
            yield Finding("extra", message, "", place, suspect=True)

    def missing(self, level: Level) -> Iterator[BadChunk]:
        """Yield the objects that are missing in a level whose writer leaves none out."""
        if not level.is_complete:
            return
        for number, is_there in enumerate(self.present[level.node.path]):
            if not is_there:
                index = level.grid.index(number)
                yield BadChunk(index, level.object_box(index), "missing", MISSING)
