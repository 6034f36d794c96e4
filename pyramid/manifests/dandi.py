"""The checksum that the DANDI archive has of a Zarr: one text for a whole store.

It is a tree of MD5 digests. That of a folder is taken of a JSON document with the digests of its files and folders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pyramid.manifests.entry import Entry


@dataclass
class _Folder:
    name: str
    directories: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    size: int = 0

    def digest(self) -> str:
        for listed in (self.directories, self.files):
            listed.sort(key=lambda item: str(item["name"]))
        document = json.dumps({"directories": self.directories, "files": self.files}, separators=(",", ":"))
        found = hashlib.md5(document.encode(), usedforsecurity=False).hexdigest()
        return f"{found}-{self.count}--{self.size}"

    def take(self, folder: _Folder) -> None:
        self.directories.append({"digest": folder.digest(), "name": folder.name, "size": folder.size})
        self.count += folder.count
        self.size += folder.size


def dandi_checksum(entries: Iterable[Entry]) -> str:
    """Return the checksum of a Zarr from the MD5 digests of its objects.

    Parameters
    ----------
    entries
        The objects, sorted by the bytes of their keys, so that all of a folder come together.

    Returns
    -------
    str
        The digest, the number of objects and their bytes, as ``481a2f77ab786a0f45aafd5db0971caa-0--0``.

    Examples
    --------
    >>> dandi_checksum([])
    '481a2f77ab786a0f45aafd5db0971caa-0--0'
    """
    open_folders = [_Folder("")]
    for entry in entries:
        *folders, name = entry.key.split("/")
        same = 0
        while same < min(len(folders), len(open_folders) - 1) and open_folders[same + 1].name == folders[same]:
            same += 1
        _close(open_folders, same + 1)
        open_folders += map(_Folder, folders[same:])
        size = entry.size or 0
        open_folders[-1].files.append({"digest": entry.digest, "name": name, "size": size})
        open_folders[-1].count += 1
        open_folders[-1].size += size
    _close(open_folders, 1)
    return open_folders[0].digest()


def _close(open_folders: list[_Folder], most: int) -> None:
    """End the innermost folders until `most` are open."""
    while len(open_folders) > most:
        ended = open_folders.pop()
        open_folders[-1].take(ended)
